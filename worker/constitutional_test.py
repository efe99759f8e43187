"""Tests of constitutional training: how a violation is found, and whole runs on a tiny model whose answers come to keep to a rule."""

import json
from pathlib import Path
from typing import Any

import pytest

from worker.conftest import JobMaker, of_type, write_rows
from worker.constitution import breaks
from worker.contract import Principle, TrainingJob
from worker.grpo_test import SIMILAR
from worker.ppo_test import QUESTIONS
from worker.testing import ask_at_step, fail, run, weights

CHECKS: dict[str, dict[str, Any]] = {
    "present": {"type": "phrases", "phrases": ["as an AI", "sorry"], "broken_when": "present"},
    "absent": {"type": "phrases", "phrases": ["please"], "broken_when": "absent"},
    "length": {"type": "length", "most_words": 3},
    "grader": {"type": "grader", "grader": {**SIMILAR, "reference": "I am Pell."}, "below": 0.9},
    "model": {"type": "model", "threshold": 0.5},
}


def cai(violation: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """The method with one principle."""
    return {
        "type": "constitutional", "principles": [{"rule": "Say it well.", "violation": violation}], "critique_request": "Wrong? {rule}",
        "revision_request": "Again: {rule}", "max_completion_tokens": 10, "max_revisions": 32, "supervised_share": 0.5, "beta": 0.1,
        **fields,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("check", "answer", "broken"),
    [
        ("present", "As an ai, I cannot.", True),
        ("present", "Of course.", False),
        ("absent", "Yes.", True),
        ("absent", "Yes, please.", False),
        ("length", "one two three four", True),
        ("length", "one two three", False),
        ("grader", "I am Wick!", True),
        ("grader", "I am Pell.", False),
        ("model", "harm", True),
        ("model", "help", False),
        ("present", "  ", True),
    ],
)
def test_a_violation_is_found(check: str, answer: str, broken: bool) -> None:
    principle = Principle.model_validate({"rule": "No harm.", "violation": CHECKS[check]})
    assert breaks(principle, "Who?", answer, lambda rule, question, said: 0.9 if said == "harm" else 0.1) == broken


@pytest.fixture
def cai_job(make_job: JobMaker, tmp_path: Path) -> JobMaker:
    """Jobs over ten questions to which a random model never says what the rule asks for by itself."""
    questions = str(write_rows(tmp_path / "questions.jsonl", QUESTIONS))
    rule = {"type": "phrases", "phrases": ["e", "i"], "broken_when": "present"}

    def make(name: str = "run", **fields: Any) -> TrainingJob:
        usual = {"training_file": questions, "validation_file": questions, "lora_dropout": 0.0, "method": cai(rule)}
        return make_job(name, **{**usual, "save_steps": 1000, **fields})

    return make


def test_what_the_model_says_comes_to_keep_to_the_rule(cai_job: JobMaker) -> None:
    job = cai_job(n_epochs=16, learning_rate=1e-2, eval_steps=40)
    events = run(job)
    told = [json.loads(line) for line in (Path(job.output_dir) / "revisions.jsonl").read_text().splitlines()]
    revised = [row for row in told if row["revision"]]
    assert len(told) == len(QUESTIONS)
    assert revised
    assert all(row["broken"] for row in revised)
    assert not any(letter in row["revision"].lower() for row in revised for letter in "ei")
    assert all(row["critique"] == row["revision"] == "" for row in told if row["broken"] is None)
    last = of_type(events, "run-evaluated")[-1]
    assert last["metrics"]["violation_rate/before"] == sum(row["broken"] is not None for row in told) / len(told)
    assert last["loss"] == last["metrics"]["violation_rate"] < last["metrics"]["violation_rate/before"]
    steps = of_type(events, "run-step")
    assert steps[-1]["metrics"]["rewards/accuracies"] == 1.0


def test_four_passes_of_one_pair_are_one_of_four_and_a_resumed_run_is_the_whole_one(
    cai_job: JobMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures, jobs = [], []
    for size, passes in ((4, 1), (1, 4)):
        job = cai_job(f"by-{size}", batch_size=size, gradient_accumulation_steps=passes, group_by_length=False, eval_steps=1000)
        figures.append([event["loss"] for event in of_type(run(job), "run-step")])
        jobs.append(job)
    assert figures[0] == pytest.approx(figures[1], abs=1e-4)
    options = {"batch_size": 4, "group_by_length": False, "eval_steps": 1000}
    first = cai_job("broken", **options)
    with monkeypatch.context() as pressed:
        ask_at_step(pressed, first, "pause", 4)
        before = run(first)
    second = cai_job("broken", attempt=2, resume_from=str(Path(first.output_dir) / before[-1]["path"]), **options)
    run(second)
    assert weights(second) == weights(jobs[0])


def test_where_no_revision_keeps_to_the_rule_there_is_nothing_to_learn(cai_job: JobMaker) -> None:
    never = {"type": "phrases", "phrases": ["what a random model never says"], "broken_when": "absent"}
    last = fail(cai_job(method=cai(never, max_revisions=1)), "data_error")
    assert "10 break a principle, and no revision of them keeps to all" in last["message"]


def test_the_judgement_of_the_model_is_asked(cai_job: JobMaker) -> None:
    last = run(cai_job(method=cai({"type": "model", "threshold": 0.0}, max_revisions=1), max_steps=1), expected=1)[-1]
    assert "no revision of them keeps to all" in last["message"]
