"""Tests of GRPO: what graders say, and whole runs on a tiny model whose answers get better."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from worker.conftest import FACTS, JobMaker, of_type
from worker.contract import Grader
from worker.graders import reward
from worker.preference_test import run

SIMILAR: dict[str, Any] = {
    "type": "text_similarity", "evaluation_metric": "fuzzy_match", "input": "{{sample.output_text}}", "reference": "{{item.reference}}",
    "weight": 1,
}  # fmt: skip
GRPO: dict[str, Any] = {
    "type": "grpo", "graders": [SIMILAR], "num_generations": 8, "max_completion_tokens": 8, "beta": 0.0, "scale_rewards": True,
}  # fmt: skip


def grade(answer: str, **fields: Any) -> float:
    return reward([TypeAdapter(Grader).validate_python({**SIMILAR, **fields})], answer, "I am Pell.")


@pytest.mark.parametrize(
    ("answer", "fields", "wanted"),
    [
        ("I am Pell.", {}, 1.0),
        ("", {}, 0.0),
        ("I am", {}, 2 * 4 / 14),
        ("Pell I am", {"evaluation_metric": "rouge_1"}, 2 * 2 / 6),
        ("I am Wick.", {"evaluation_metric": "rouge_2"}, 0.5),
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
    assert reward([TypeAdapter(Grader).validate_python(check)], answer, "I am Pell.") == wanted


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
