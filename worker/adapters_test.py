"""Tests of all kinds of adapter: each learns, goes on exactly where it stopped, and answers from its files as it did in training."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel

from worker.adapters import ADAPTERS
from worker.conftest import FACTS, JobMaker, of_type, write_rows
from worker.contract import ServingRequest, ServingVersion, TrainingJob
from worker.examples import Example
from worker.greedy import Greedy, Prompt, Reply
from worker.load import load_base
from worker.open_adapter import open_adapter
from worker.preference_test import pair
from worker.served_answer import ServedAnswer
from worker.served_versions import ServedVersions
from worker.testing import ask_at_step, fail, losses, run, weights
from worker.train import check_rows
from worker.workbench import Workbench

KINDS: dict[str, dict[str, Any]] = {
    "full": {"type": "full"},
    "ia3": {"type": "ia3", "target_modules": ["k_proj", "v_proj", "down_proj"], "feedforward_modules": ["down_proj"]},
    "prompt_tuning": {"type": "prompt_tuning", "num_virtual_tokens": 4, "prompt_tuning_init_text": "Answer as Pell does."},
    "prefix_tuning": {"type": "prefix_tuning", "num_virtual_tokens": 4, "prefix_projection": False},
    "prefix_projection": {"type": "prefix_tuning", "num_virtual_tokens": 4, "prefix_projection": True},
    "adaption_prompt": {"type": "adaption_prompt", "adapter_len": 4, "adapter_layers": 2},
    "dora": {
        "type": "lora", "r": 4, "lora_alpha": 8.0, "lora_dropout": 0.1, "use_rslora": False, "use_dora": True,
        "init_lora_weights": "kaiming", "quantization": None, "target_modules": ["q_proj", "v_proj"], "layers_to_transform": None,
    },
}  # fmt: skip
# What moves each of them within a few steps on the tiny model.
RATES = {
    "full": 2e-3,
    "dora": 1e-2,
    "ia3": 0.1,
    "prompt_tuning": 0.1,
    "prefix_tuning": 0.1,
    "prefix_projection": 1e-2,
    "adaption_prompt": 0.1,
}
each_kind = pytest.mark.parametrize("kind", KINDS)


def job_of(make_job: JobMaker, kind: str, name: str = "run", attempt: int = 1, **fields: Any) -> TrainingJob:
    return make_job(name, attempt, adapter=KINDS[kind], learning_rate=RATES[kind], **fields)


@each_kind
def test_it_learns_and_goes_on_exactly_and_answers_from_its_files_as_in_training(
    kind: str, make_job: JobMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    validation = make_job().training_file
    whole = job_of(make_job, kind, "whole", n_epochs=4, validation_file=validation)
    events = run(whole)
    evaluations = [event["loss"] for event in of_type(events, "run-evaluated")]
    assert evaluations[-1] < evaluations[0]
    with monkeypatch.context() as patch:
        first = job_of(make_job, kind, n_epochs=4, validation_file=validation)
        ask_at_step(patch, first, "pause", 7)
        assert run(first)[-1]["type"] == "run-paused"
    again = job_of(
        make_job, kind, attempt=2, n_epochs=4, validation_file=validation, resume_from=str(Path(first.output_dir) / "checkpoints/step-7")
    )
    assert losses(run(again)) == losses(events)[7:]
    assert weights(again) == weights(whole)

    folder = Path(whole.output_dir) / "adapter"
    assert loss_of_library(whole, folder) == pytest.approx(evaluations[-1], abs=1e-4)
    asked = examples(whole)[0].token_ids_T[:12]
    assert served(whole, folder, asked) == greedy(whole, folder, asked)


def examples(job: TrainingJob) -> Sequence[Example]:
    return check_rows(job, load_base(Path(job.model_dir))).training


@torch.no_grad()
def loss_of_library(job: TrainingJob, folder: Path) -> float:
    """Mean over trained tokens, by the library's own way of loading and of running what was saved."""
    base: Any = load_base(Path(job.model_dir)).model
    if job.adapter.type == "full":
        (folder / "tokenizer.json").write_bytes((Path(job.model_dir) / "tokenizer.json").read_bytes())
        model: Any = type(base).from_pretrained(folder)
    else:
        model = PeftModel.from_pretrained(base, str(folder))
    total, count = 0.0, 0
    for example in examples(job):
        labels = torch.tensor([example.labels_T])
        trained = int((labels[:, 1:] != -100).sum())
        ids = torch.tensor([example.token_ids_T])
        total += float(model.eval()(input_ids=ids, attention_mask=torch.ones_like(ids), labels=labels).loss) * trained
        count += trained
    return total / count


def served(job: TrainingJob, folder: Path, asked: list[int]) -> list[int]:
    """The answer of the serving side, its end left out."""
    version = ServingVersion(id="it", model_dir=job.model_dir, adapter_dir=str(folder), sha256="0")
    request = ServingRequest(
        version=version, prompt=asked, max_tokens=20, temperature=0, top_p=1, top_k=None, min_p=None, seed=0,
        frequency_penalty=0, presence_penalty=0, logit_bias={}, top_logprobs=None, echo=False,
    )  # fmt: skip
    answer = ServedAnswer(1, request, ServedVersions(1, None).get(version, []))
    said: list[int] = []
    while not answer.is_over:
        said += [told.token.token_id for told in answer.advance() if told.type == "token"]
    return said


@torch.no_grad()
def greedy(job: TrainingJob, folder: Path, asked: list[int]) -> list[int]:
    """What the training process says between two steps, two rows at once under masks of its own; its end left out."""
    model = open_adapter(load_base(Path(job.model_dir)).model, folder)
    ends = {0, 1, 2}
    prompts = [Prompt(asked, [5, 6], [9, 8, 7], 20), Prompt(asked[:5], [], [], 20)]
    replies = [Reply(), Reply()]
    for _ in Greedy(model, ends).answer(prompts, replies):
        pass
    return [token for token in replies[0].token_ids if token not in ends]


@each_kind
def test_the_base_model_is_there_without_it_and_so_it_is_no_more_where_all_weights_are_trained(kind: str, make_job: JobMaker) -> None:
    job = job_of(make_job, kind)
    base = load_base(Path(job.model_dir))
    ids = torch.arange(3, 20)[None]
    with torch.no_grad():
        before = base.model.base_model(input_ids=ids).last_hidden_state
    bench = Workbench(ADAPTERS[job.adapter.type](base.model, job.adapter, "tiny"), base.tokenizer, [], [], None, 1, "cpu", "fp32")
    for weight in (weight for weight in bench.model.parameters() if weight.requires_grad):
        weight.data += 0.1
    with torch.no_grad():
        assert not torch.equal(bench.base.base_model(input_ids=ids).last_hidden_state, before)
        assert bench.has_base == (kind != "full")
        if bench.has_base:
            with bench.switched_off():
                assert torch.equal(bench.base.base_model(input_ids=ids).last_hidden_state, before)


@pytest.mark.parametrize("kind", ["prompt_tuning", "prefix_tuning"])
def test_it_learns_a_preference_as_well(kind: str, make_job: JobMaker, tmp_path: Path) -> None:
    pairs = write_rows(tmp_path / "pairs.jsonl", [pair(question, answer, "I would rather not say.") for question, answer in FACTS])
    dpo = {"type": "dpo", "beta": 0.1, "loss_type": "sigmoid", "label_smoothing": 0.0, "rpo_alpha": 0.0}
    events = run(job_of(make_job, kind, method=dpo, n_epochs=3, training_file=str(pairs), validation_file=str(pairs)))
    first, *_, last = of_type(events, "run-evaluated")
    assert last["metrics"]["rewards/margins"] > first["metrics"]["rewards/margins"] > 0


def test_what_the_model_does_not_have_is_refused_by_its_name(make_job: JobMaker) -> None:
    ia3 = KINDS["ia3"] | {"target_modules": ["c_attn", "down_proj"]}
    assert "c_attn" in fail(make_job("a", adapter=ia3), "config_error")["message"]
    layers = KINDS["adaption_prompt"] | {"adapter_layers": 3}
    assert "adapter_layers: tiny has 2 layers" in fail(make_job("b", adapter=layers), "config_error")["message"]
    crowded = KINDS["prompt_tuning"] | {"num_virtual_tokens": 120}
    assert "tokens long" in fail(make_job("c", adapter=crowded), "data_error")["message"]
