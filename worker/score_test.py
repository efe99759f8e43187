"""Tests of score.py: the trained model judges an answer place by place, as it would give it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import PreTrainedTokenizerBase

from worker.conftest import FACTS, JobMaker, of_type, read_events
from worker.contract import ScoredRow, ScorePrompt, ScoreTask
from worker.examples import ExampleMaker, prompt_token_ids
from worker.load import load_base
from worker.rows import ChatRow
from worker.score import judge
from worker.train import SUCCEEDED, run_attempt


def test_it_judges_an_answer_as_the_trained_model_gives_it(make_job: JobMaker, model_dir: Path, tmp_path: Path) -> None:
    job = make_job()
    assert run_attempt(job, lambda: load_base(model_dir)) == SUCCEEDED
    adapter_dir = Path(job.output_dir) / "adapter"
    base = load_base(model_dir)
    model = PeftModel.from_pretrained(base.model, str(adapter_dir)).eval()
    questions = [[{"role": "user", "content": question}] for question, _ in FACTS]
    prompts = [prompt_token_ids(base.tokenizer, question) for question in questions]
    answers = [_greedy(model, prompt, 6) for prompt in prompts]
    scored = judge(
        ScoreTask(
            model_dir=str(model_dir),
            adapter_dir=str(adapter_dir),
            chat_template=None,
            threads=1,
            rows=[],
            prompts=[
                ScorePrompt(messages=question, answer=[[token, (token + 1) % 50] for token in answer])
                for question, answer in zip(questions, answers, strict=True)
            ],
        ),
        load_base(model_dir),
    )
    assert [prompt.prompt_ids for prompt in scored.prompts] == prompts
    for prompt, answer in zip(scored.prompts, answers, strict=True):
        assert len(prompt.places) == len(answer) + 1
        for place, token in zip(prompt.places, answer, strict=False):
            assert place.best[0] == token
            assert abs(place.logprobs[0] - place.best_logprobs[0]) < 1e-6
            assert place.best_logprobs[0] >= place.best_logprobs[1] >= place.logprobs[1]


def test_a_row_is_judged_token_by_token_under_the_base_model_and_under_the_trained_one(make_job: JobMaker, model_dir: Path) -> None:
    job = make_job()
    assert run_attempt(job, lambda: load_base(model_dir)) == SUCCEEDED
    adapter_dir = Path(job.output_dir) / "adapter"
    rows = [[1, 5, 6, 7, 2], [1, 9, 4]]

    def scored(folder: str | None) -> list[ScoredRow]:
        task = ScoreTask(model_dir=str(model_dir), adapter_dir=folder, chat_template=None, threads=1, prompts=[], rows=rows)
        return judge(task, load_base(model_dir)).rows

    base = load_base(model_dir).model.eval()
    plain, tuned = scored(None), scored(str(adapter_dir))
    _match(plain, rows, base)
    _match(tuned, rows, PeftModel.from_pretrained(base, str(adapter_dir)).eval())
    assert plain[0].logprobs != tuned[0].logprobs


def _match(scored: list[ScoredRow], rows: list[list[int]], model: Any) -> None:
    """The same as the whole model says of each row alone."""
    for found, row in zip(scored, rows, strict=True):
        with torch.inference_mode():
            logprobs_T_V = model(input_ids=torch.tensor([row])).logits[0, :-1].log_softmax(dim=-1)
        expected = [float(logprobs_V[token]) for logprobs_V, token in zip(logprobs_T_V, row[1:], strict=True)]
        assert found.logprobs == pytest.approx(expected, abs=1e-4)
        assert found.best == logprobs_T_V.argmax(dim=-1).tolist()


def test_a_prompt_is_rendered_as_training_renders_it(tokenizer: PreTrainedTokenizerBase) -> None:
    messages = [{"role": "user", "content": "Who are you?"}, {"role": "assistant", "content": "I am Pell."}]
    examples, _ = ExampleMaker(tokenizer, 128).make([ChatRow(1, messages, None)])
    prompt = prompt_token_ids(tokenizer, messages[:1])
    example = examples[0]
    assert example.token_ids_T[: len(prompt)] == prompt
    assert example.labels_T[len(prompt) - 1] == -100
    assert example.labels_T[len(prompt)] == example.token_ids_T[len(prompt)]


def test_a_run_records_what_it_was_trained_with(make_job: JobMaker, model_dir: Path) -> None:
    job = make_job(validation_file=str(Path(make_job().training_file).with_name("valid.jsonl")))
    assert run_attempt(job, lambda: load_base(model_dir)) == SUCCEEDED
    (recorded,) = of_type(read_events(job), "environment-recorded")
    assert recorded["environment"]["packages"]["torch"] == torch.__version__.split("+")[0]
    assert len(recorded["training_sha256"]) == len(recorded["validation_sha256"]) == 64
    assert recorded["validation_rows"] == 5


def _greedy(model: PeftModel, prompt: list[int], count: int) -> list[int]:
    ids = list(prompt)
    with torch.inference_mode():
        for _ in range(count):
            ids.append(int(model(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
    return ids[len(prompt) :]
