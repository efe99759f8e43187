"""Tests of events.py and failures.py: what an attempt says, and how it names what went wrong."""

import errno
import json
from pathlib import Path

import pytest
from pydantic import ValidationError
from safetensors import SafetensorError

from worker.contract import RowProblem
from worker.events import EventLog
from worker.failures import NEXT_STEPS, WorkerError, explain


def lines(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


def test_events_are_numbered_from_1_without_gaps(tmp_path: Path) -> None:
    log = EventLog(tmp_path)
    log.phase("checking")
    log.write("log", level="info", message="one\ntwo")
    assert [(event["seq"], event["type"]) for event in lines(tmp_path)] == [(1, "run-phase"), (2, "log")]


def test_nan_never_crosses_and_leaves_no_gap(tmp_path: Path) -> None:
    log = EventLog(tmp_path)
    with pytest.raises(ValidationError):
        log.write("run-evaluated", step=1, loss=float("nan"), perplexity=1.0, mean_token_accuracy=0.5)
    log.phase("saving")
    assert [event["seq"] for event in lines(tmp_path)] == [1]


def test_an_event_outside_the_contract_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        EventLog(tmp_path).write("run-phase", phase="dreaming")


def test_of_many_bad_rows_the_first_thousand_are_told_and_all_are_counted(tmp_path: Path) -> None:
    EventLog(tmp_path).failed(WorkerError("data_error", "bad", [RowProblem(row=at + 1, reason="empty") for at in range(1500)]))
    event = lines(tmp_path)[0]
    assert (len(event["rows"]), event["row_count"], event["next_step"]) == (1000, 1500, NEXT_STEPS["data_error"])


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (WorkerError("nan", "boom"), "nan"),
        (MemoryError(), "oom"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."), "oom"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "oom"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk_full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "disk_full"),
        (SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"), "disk_full"),
        (SafetensorError("Error while serializing: I/O error: Cannot allocate memory (os error 12)"), "oom"),
        (SafetensorError("Error while serializing: I/O error: Permission denied (os error 13)"), "crashed"),
        (OSError(errno.EACCES, "Permission denied"), "crashed"),
        (RuntimeError("shapes do not match"), "crashed"),
    ],
)
def test_every_exception_has_a_cause(error: Exception, cause: str) -> None:
    assert explain(error, "worker.log").cause == cause


def test_the_cause_is_found_below_what_a_library_wrapped_around_it() -> None:
    try:
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as error:
            raise RuntimeError("could not serialise") from error
    except RuntimeError as wrapped:
        assert explain(wrapped, "worker.log").cause == "disk_full"


def test_a_crash_says_where_its_traceback_is() -> None:
    assert "/runs/1/worker.log" in explain(ValueError("odd"), "/runs/1/worker.log").message
