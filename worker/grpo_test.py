"""Tests of GRPO: what graders say, and whole runs on a tiny model whose answers get better."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from worker.conftest import FACTS, JobMaker, of_type, write_rows
from worker.contract import Grader
from worker.fill_template import Sample
from worker.graders import reward
from worker.preference_test import run
from worker.testing import fail

SIMILAR: dict[str, Any] = {
    "type": "text_similarity", "evaluation_metric": "fuzzy_match", "input": "{{sample.output_text}}", "reference": "{{item.reference}}",
    "weight": 1,
}  # fmt: skip
GRPO: dict[str, Any] = {
    "type": "grpo", "graders": [SIMILAR], "formula": None, "num_generations": 8, "max_completion_tokens": 8, "beta": 0.0,
    "scale_rewards": True,
}  # fmt: skip


def grade(answer: str, **fields: Any) -> float:
    return reward([TypeAdapter(Grader).validate_python({**SIMILAR, **fields})], Sample(answer, {"reference": "I am Pell."}))


@pytest.mark.parametrize(
    ("answer", "fields", "wanted"),
    [
        ("I am Pell.", {}, 1.0),
        ("", {}, 0.0),
        ("I am", {}, 2 * 4 / 14),
        ("Pell I am", {"evaluation_metric": "rouge_1"}, 2 * 2 / 6),
        ("I am Wick.", {"evaluation_metric": "rouge_2"}, 0.5),
        ("So I am Pell.", {"evaluation_metric": "rouge_3"}, 2 * 1 / 3),
        ("Well, I am Pell.", {"evaluation_metric": "rouge_l"}, 2 * 3 / 7),
    ],
)
def test_texts_are_as_alike_as_they_are(answer: str, fields: dict[str, Any], wanted: float) -> None:
    assert grade(answer, **fields) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("answer", "operation", "wanted"),
    [
        ("I am Pell.", "eq", 1),
        ("i am pell.", "eq", 0),
        ("x", "ne", 1),
        ("Hi. I am Pell.", "like", 1),
        ("HI. I AM PELL.", "ilike", 1),
        ("I", "like", 0),
    ],
)
def test_a_text_is_checked(answer: str, operation: str, wanted: int) -> None:
    check = {"type": "string_check", "operation": operation, **{name: SIMILAR[name] for name in ("input", "reference", "weight")}}
    assert reward([TypeAdapter(Grader).validate_python(check)], Sample(answer, {"reference": "I am Pell."})) == wanted


def test_what_is_filled_in_is_not_read_as_a_template() -> None:
    assert grade("{{item.reference}}", input="{{ sample.output_text }}") < 1


def test_the_answers_of_the_model_get_better(make_job: JobMaker, tmp_path: Path) -> None:
    make_job()
    job = make_job(
        method=GRPO, n_epochs=20, learning_rate=1e-2, lora_dropout=0.0, save_steps=1000, eval_steps=20,
        validation_file=str(tmp_path / "train.jsonl"),
    )  # fmt: skip
    events = run(job)
    steps = [event["metrics"]["reward"] for event in of_type(events, "run-step")]
    assert sum(steps[-10:]) / 10 > sum(steps[:10]) / 10 + 0.1
    first, last = of_type(events, "run-evaluated")[0], of_type(events, "run-evaluated")[-1]
    assert last["metrics"]["reward"] > first["metrics"]["reward"]
    assert last["loss"] == pytest.approx(1 - last["metrics"]["reward"])
    assert len(FACTS) < len(steps)


def asked_rows(path: Path) -> Path:
    """Questions alone, with what graders read beside them."""
    rows = [{"messages": [{"role": "user", "content": question}], "wanted": {"text": answer}} for question, answer in FACTS]
    return write_rows(path, rows)


def test_questions_without_answers_are_learnt_from_by_what_stands_beside_them(make_job: JobMaker, tmp_path: Path) -> None:
    make_job()
    rule = {"type": "text_similarity", "evaluation_metric": "fuzzy_match", "input": "{{sample.output_text}}"}
    formula = {
        "rules": {"near": {**rule, "reference": "{{item.wanted.text}}"}, "far": {**rule, "reference": "{{item.messages[0].content}}"}},
        "calculate_output": "near - 0.2 * far",
    }
    rows = str(asked_rows(tmp_path / "asked.jsonl"))
    job = make_job(
        method={**GRPO, "formula": formula}, n_epochs=30, learning_rate=1e-2, lora_dropout=0.0, save_steps=1000, eval_steps=50,
        training_file=rows, validation_file=rows,
    )  # fmt: skip
    events = run(job)
    steps = [event["metrics"]["reward"] for event in of_type(events, "run-step")]
    assert sum(steps[-10:]) / 10 > sum(steps[:10]) / 10 + 0.05
    assert of_type(events, "run-evaluated")[-1]["metrics"]["grader_errors"] == 0


def test_the_base_model_judges_and_is_the_same_judge_at_the_end(make_job: JobMaker, tmp_path: Path) -> None:
    judge = {
        "type": "score_model", "model": "tiny", "input": [{"role": "user", "content": "Rate {{sample.output_text}}"}],
        "lowest": 0.0, "highest": 1.0, "max_completion_tokens": 6,
    }  # fmt: skip
    formula = {"rules": {"judge": judge}, "calculate_output": None}
    make_job()
    job = make_job(method={**GRPO, "formula": formula}, n_epochs=1, training_file=str(asked_rows(tmp_path / "asked.jsonl")))
    for event in of_type(run(job), "run-step"):
        assert 0 <= event["metrics"]["reward"] <= 1
        # A random model rarely says a number; each answer that it gives none for is counted.
        assert 0 <= event["metrics"]["grader_errors"] <= 1


def test_a_row_without_what_its_grader_reads_is_named(make_job: JobMaker, tmp_path: Path) -> None:
    rule = {"type": "string_check", "operation": "eq", "input": "{{sample.output_text}}", "reference": "{{item.wanted.tone}}"}
    make_job()
    job = make_job(
        method={**GRPO, "formula": {"rules": {"it": rule}, "calculate_output": None}},
        training_file=str(asked_rows(tmp_path / "asked.jsonl")),
    )
    assert '{{item.wanted.tone}}: there is no "tone"' in fail(job, "data_error")["message"]


def test_the_weight_of_the_divergence_keeps_the_model_near_its_base(make_job: JobMaker) -> None:
    apart = []
    for name, beta in (("near", 1.0), ("far", 1e-4)):
        events = run(make_job(name, method={**GRPO, "beta": beta}, n_epochs=8, learning_rate=1e-2, lora_dropout=0.0, save_steps=1000))
        apart.append(of_type(events, "run-step")[-1]["metrics"]["kl"])
    assert 0 <= apart[0] < apart[1]


def test_a_resumed_run_draws_the_answers_that_the_uninterrupted_one_drew(make_job: JobMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    from worker.testing import ask_at_step, weights

    straight, first = make_job("straight", method=GRPO), make_job("broken", method=GRPO)
    run(straight)
    with monkeypatch.context() as pressed:
        ask_at_step(pressed, first, "pause", 3)
        before = run(first)
    second = make_job("broken", attempt=2, method=GRPO, resume_from=str(Path(first.output_dir) / before[-1]["path"]))
    run(second)
    assert weights(second) == weights(straight)
