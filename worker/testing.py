"""What the tests of whole attempts share: running one, steering it, and reading what it left."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from worker.conftest import of_type, read_events
from worker.contract import RowProblem, TrainingJob, WorkerEvent
from worker.load import load_base
from worker.progress import Progress
from worker.row_kinds import ROW_KINDS
from worker.rows import ChatRow
from worker.train import FAILED, SUCCEEDED, run_attempt


def read_rows(path: Path) -> tuple[list[ChatRow], list[RowProblem]]:
    """The chats of a training file, and what is wrong with other lines."""
    rows, problems = ROW_KINDS["supervised"].read(path)
    return list(rows), problems


def run(job: TrainingJob, expected: int = SUCCEEDED) -> list[dict[str, Any]]:
    """Runs an attempt and returns its events, all of which the contract knows."""
    code = run_attempt(job, lambda: load_base(Path(job.model_dir)))
    events = read_events(job)
    assert code == expected, events[-1]
    for line in (Path(job.attempt_dir) / "events.jsonl").read_text().splitlines():
        TypeAdapter(WorkerEvent).validate_json(line)
    return events


def fail(job: TrainingJob, cause: str) -> dict[str, Any]:
    """Runs an attempt that must fail with this cause; returns its last event."""
    last = run(job, FAILED)[-1]
    assert (last["type"], last["cause"]) == ("run-failed", cause), last
    assert last["next_step"]
    return last


def weights(job: TrainingJob, folder: str = "adapter") -> str:
    """Hash of the trained matrices."""
    name = "model.safetensors" if job.adapter.type == "full" else "adapter_model.safetensors"
    return hashlib.sha256((Path(job.output_dir) / folder / name).read_bytes()).hexdigest()


def losses(events: list[dict[str, Any]]) -> list[tuple[int, float]]:
    return [(event["step"], event["loss"]) for event in of_type(events, "run-step")]


def ask(job: TrainingJob, action: str) -> None:
    Path(job.attempt_dir).mkdir(parents=True, exist_ok=True)
    (Path(job.attempt_dir) / "control.json").write_text(json.dumps({"action": action, "keep": 0}))


def ask_at_step(monkeypatch: pytest.MonkeyPatch, job: TrainingJob, action: str, step: int) -> None:
    """A person presses the button while the given step runs."""
    real = Progress.on_step_begin

    def press(self: Progress, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == step - 1:
            ask(job, action)
        real(self, args, state, control, **kwargs)

    monkeypatch.setattr(Progress, "on_step_begin", press)
