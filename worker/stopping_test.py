"""Tests of stopping.py: runs that end by themselves before their last step, and which weights they end with."""

from pathlib import Path
from typing import Any

import pytest

from worker.conftest import FACTS, JobMaker, chat, of_type, write_rows
from worker.contract import RunBudget, TrainingJob
from worker.stopping import Watch
from worker.testing import ask_at_step, losses, run, weights


def overfitting(make_job: JobMaker, tmp_path: Path, name: str = "run", **fields: Any) -> TrainingJob:
    """The validation file asks the questions of the training file and wants the answers of others: at first the language is learnt, then
    the wrong facts."""
    questions, answers = zip(*FACTS, strict=True)
    wrong = [chat(question, answer) for question, answer in zip(questions, answers[1:] + answers[:1], strict=True)]
    file = str(write_rows(tmp_path / "wrong.jsonl", wrong))
    usual = {
        "n_epochs": 30,
        "learning_rate": 3e-2,
        "lr_scheduler_type": "constant",
        "lora_dropout": 0.0,
        "eval_steps": 2,
        "save_steps": 1000,
    }
    return make_job(name, **{**usual, "validation_file": file, **fields})


def evaluations(events: list[dict[str, Any]]) -> dict[int, float]:
    return {event["step"]: event["loss"] for event in of_type(events, "run-evaluated")}


def test_a_run_stops_when_the_validation_loss_has_not_fallen_for_as_many_evaluations_as_it_was_told(
    make_job: JobMaker, tmp_path: Path
) -> None:
    ended = (events := run(overfitting(make_job, tmp_path, early_stopping_patience=3)))[-1]
    found = evaluations(events)
    best = min(found, key=lambda step: found[step])
    assert ended["type"] == "run-ended" and ended["step"] < 150
    assert best > 2, "the loss falls before it rises"
    assert ended["step"] == best + 3 * 2
    assert ended["stopped_early"] and ended["stop"]["cause"] == "early_stopping"
    assert ended["stop"]["message"] == (
        f"Stopped early at step {ended['step']}: for 3 evaluations the validation loss was not below its best, "
        f"{found[best]:.4g} at step {best}"
    )
    assert ended["model_step"] is None, "nobody asked for the best: it keeps the last"


def test_the_best_step_becomes_the_model_where_that_is_wanted(make_job: JobMaker, tmp_path: Path) -> None:
    job = overfitting(make_job, tmp_path, n_epochs=5, load_best_model_at_end=True)
    events = run(job)
    found, ended = evaluations(events), events[-1]
    best = min(found, key=lambda step: found[step])
    assert (ended["step"], ended["model_step"], ended["best_step"]) == (25, best, best)
    assert best < 25 and ended["stop"] is None
    assert ended["evaluation"]["loss"] == found[best]
    assert weights(job) == weights(job, f"checkpoints/step-{best}")
    assert weights(job) != weights(job, "checkpoints/step-25")


def test_patience_survives_a_pause(make_job: JobMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(overfitting(make_job, tmp_path, "whole", early_stopping_patience=3, load_best_model_at_end=True))
    first = overfitting(make_job, tmp_path, "paused", early_stopping_patience=3, load_best_model_at_end=True)
    with monkeypatch.context() as pressed:
        ask_at_step(pressed, first, "pause", whole[-1]["step"] - 3)
        before = run(first)
    fields = {"attempt": 2, "resume_from": str(Path(first.output_dir) / before[-1]["path"])}
    after = run(overfitting(make_job, tmp_path, "paused", early_stopping_patience=3, load_best_model_at_end=True, **fields))
    for key in ("step", "model_step", "stop", "evaluation"):
        assert after[-1][key] == whole[-1][key], key


def test_a_fall_that_is_smaller_than_the_threshold_is_none() -> None:
    watch = Watch()
    for step, loss in enumerate([2.0, 1.95, 1.88, 1.87, 1.5], start=1):
        watch.note(step, loss, threshold=0.1)
    assert (watch.best_loss, watch.best_step, watch.worse) == (1.5, 5, 0)
    watch = Watch()
    for step, loss in enumerate([2.0, 1.95, 1.91], start=1):
        watch.note(step, loss, threshold=0.1)
    assert (watch.best_loss, watch.best_step, watch.worse) == (2.0, 1, 2)


def test_a_spent_budget_ends_the_run_with_what_it_learnt(make_job: JobMaker) -> None:
    spent = RunBudget(seconds=0.0, cause="cost", told="$0.01 (at $36 an hour)")
    ended = (events := run(make_job(budget=spent)))[-1]
    assert ended["type"] == "run-ended"
    assert losses(events)[-1][0] == ended["step"] == 1
    assert ended["stop"] == {"cause": "cost", "step": 1, "message": "Stopped at step 1: the budget of $0.01 (at $36 an hour) is spent"}
    ample = RunBudget(seconds=3600.0, cause="time", told="an hour")
    assert run(make_job("ample", budget=ample))[-1]["stop"] is None


def test_without_evaluations_there_is_no_best_step(make_job: JobMaker, tmp_path: Path) -> None:
    events = run(overfitting(make_job, tmp_path, eval_strategy="no", eval_steps=None, n_epochs=1))
    assert of_type(events, "run-evaluated") == []
    assert events[-1]["best_step"] is None and events[-1]["evaluation"] is None
