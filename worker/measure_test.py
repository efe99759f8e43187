"""Tests of measure.py: plans of runs on a tiny model, and what those runs then do."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from worker.conftest import FACTS, JobMaker, chat, of_type, read_events, write_rows
from worker.contract import TrainingJob, WorkerEvent
from worker.load import load_base
from worker.measure import run_measurement
from worker.train import FAILED, SUCCEEDED, run_attempt


def measure(job: TrainingJob, expected: int = SUCCEEDED) -> list[dict[str, Any]]:
    """Measures a job and returns its events, all of which the contract knows."""
    code = run_measurement(job, lambda: load_base(Path(job.model_dir)), beside=False)
    events = read_events(job)
    assert code == expected, events[-1]
    for line in (Path(job.attempt_dir) / "events.jsonl").read_text().splitlines():
        TypeAdapter(WorkerEvent).validate_json(line)
    return events


def trained(job: TrainingJob) -> list[dict[str, Any]]:
    assert run_attempt(job, lambda: load_base(Path(job.model_dir))) == SUCCEEDED
    return read_events(job)


def counted(events: list[dict[str, Any]]) -> dict[str, int]:
    """How often a run evaluated and saved."""
    saves = len(of_type(events, "checkpoint-saved")) + len(of_type(events, "run-ended"))
    return {"evaluations": len(of_type(events, "run-evaluated")), "saves": saves}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"validation": True, "eval_steps": 3, "save_steps": 4},
        {"batch_size": 3, "gradient_accumulation_steps": 2, "n_epochs": 3},
        {"batch_size": 32},
        {"max_steps": 1},
        {"prompt_dropout": 0.3},
        {"layers_to_transform": [1], "validation": True},
        {"group_by_length": False, "gradient_checkpointing": True},
    ],
    ids=str,
)
def test_a_plan_foretells_what_the_run_does(make_job: JobMaker, tmp_path: Path, fields: dict[str, Any]) -> None:
    fields = dict(fields)
    if fields.pop("validation", False):
        fields["validation_file"] = str(tmp_path / "valid.jsonl")
    plan = measure(make_job("plan", **fields))
    run = trained(make_job("run", **fields))
    found = plan[-1]
    assert found["type"] == "run-measured"
    assert {name: found[name] for name in ("evaluations", "saves")} == counted(run)
    of_plan, of_run = (of_type(events, "data-checked")[0] for events in (plan, run))
    assert {**of_plan, "seq": 0, "at": 0} == {**of_run, "seq": 0, "at": 0}
    for name in ("start_seconds", "step_seconds", "step_cpu_seconds", "save_seconds", "peak_memory_bytes", "memory_limit_bytes"):
        assert found[name] > 0, name
    assert (found["evaluation_seconds"] > 0) == (found["evaluations"] > 0)
    assert found["measured_steps"] == len(of_type(plan, "step-measured"))


def test_the_timed_steps_are_what_the_estimate_is_made_of(make_job: JobMaker) -> None:
    events = measure(make_job(max_steps=40, n_epochs=8))
    found, steps = events[-1], of_type(events, "step-measured")
    assert [step["step"] for step in steps] == list(range(1, 11))
    assert len({step["work"] for step in steps}) > 1
    # The first warms up.
    mean = sum(step["seconds"] for step in steps[1:]) / len(steps[1:])
    assert 0.3 * mean < found["step_seconds"] / 40 < 3 * mean
    assert found["machine"]


def test_no_weights_are_left(make_job: JobMaker) -> None:
    job = make_job()
    measure(job)
    assert sorted(path.name for path in Path(job.output_dir).rglob("*") if path.is_file()) == ["events.jsonl"]


def test_of_a_large_file_some_rows_stand_for_all(make_job: JobMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.measure._MOST_ROWS", 50)
    rows = [chat("Please. " * (at % 7), "Yes.") for at in range(400)]
    rows[333] = chat("Please. " * 11, "Yes, of course.")
    write_rows(tmp_path / "train.jsonl", rows)
    events = measure(make_job("plan", n_epochs=3, batch_size=4))
    checked, found = of_type(events, "data-checked")[0], events[-1]
    whole = trained(make_job("run", n_epochs=1, max_steps=1, batch_size=4))
    exact = of_type(whole, "data-checked")[0]
    assert (checked["rows"], checked["total_steps"], checked["longest_row_tokens"]) == (400, 300, exact["longest_row_tokens"])
    assert checked["total_tokens"] == pytest.approx(exact["total_tokens"], rel=0.1)
    mean = sum(step["seconds"] for step in of_type(events, "step-measured")[1:]) / (found["measured_steps"] - 1)
    assert 0.3 * mean < found["step_seconds"] / 300 < 3 * mean


def test_rows_that_cannot_be_trained_on_fail_the_plan_as_they_fail_the_run(make_job: JobMaker, tmp_path: Path) -> None:
    write_rows(tmp_path / "train.jsonl", [chat(*FACTS[0]), {"messages": []}])
    failed = measure(make_job(), FAILED)[-1]
    assert (failed["type"], failed["cause"], failed["rows"][0]["row"]) == ("run-failed", "data_error", 2)


def test_what_the_base_model_says_of_a_pair_counts_once_a_row(make_job: JobMaker, tmp_path: Path) -> None:
    pairs = [
        {
            "input": {"messages": [{"role": "user", "content": question}]},
            "preferred_output": [{"role": "assistant", "content": answer}],
            "non_preferred_output": [{"role": "assistant", "content": "No idea."}],
        }
        for question, answer in FACTS * 6
    ]
    write_rows(tmp_path / "train.jsonl", pairs)
    method = {"type": "dpo", "beta": 0.1, "loss_type": "sigmoid", "label_smoothing": 0, "rpo_alpha": 0}
    fields = {"method": method, "validation_file": str(tmp_path / "train.jsonl"), "eval_steps": 10, "lora_dropout": 0.0}
    plan, run = measure(make_job("plan", **fields)), trained(make_job("run", **fields))
    assert {name: plan[-1][name] for name in ("evaluations", "saves")} == counted(run)
    mean = sum(step["seconds"] for step in of_type(plan, "step-measured")[1:]) / (plan[-1]["measured_steps"] - 1)
    assert plan[-1]["step_seconds"] > 0.5 * mean * of_type(run, "run-ended")[0]["step"]
