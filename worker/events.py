"""The events of one attempt, written line by line to a file that outlives every connection."""

import errno
import os
import time
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from worker.contract import RowProblem, RunPhase, WorkerEvent
from worker.failures import MAX_REPORTED_ROWS, WorkerError
from worker.memory_profile import MemoryProfile

_EVENT: TypeAdapter[Any] = TypeAdapter(WorkerEvent)


class EventLog:
    """Appends events to `events.jsonl`, numbered 1, 2, 3 … without gaps.

    A line is written by one call of write(2) on a descriptor in append mode: a reader sees whole lines, and a kill loses none
    that was written. An event that does not match the contract, NaN and Infinity included, raises and writes nothing.
    """

    def __init__(self, attempt_dir: Path) -> None:
        self.seq = 0
        self.memory = MemoryProfile()
        self._file = os.open(attempt_dir / "events.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    @classmethod
    def going_on(cls, attempt_dir: Path) -> "EventLog":
        """Goes on after the last event of a process that is gone; half a line of it is taken off."""
        path = attempt_dir / "events.jsonl"
        written = path.read_bytes() if path.exists() else b""
        whole = written.rfind(b"\n") + 1
        if whole < len(written):
            os.truncate(path, whole)
        log = cls(attempt_dir)
        log.seq = written.count(b"\n")
        return log

    def write(self, event_type: str, **fields: object) -> None:
        """Writes one event of the contract."""
        event = _EVENT.validate_python({"type": event_type, "seq": self.seq + 1, "at": time.time(), **fields})
        line = _EVENT.dump_json(event) + b"\n"
        size = os.fstat(self._file).st_size
        if os.write(self._file, line) != len(line):
            os.ftruncate(self._file, size)
            raise OSError(errno.ENOSPC, "no room for one more event")
        self.seq += 1

    def phase(self, phase: RunPhase) -> None:
        """Says what the job does from now on."""
        self._profile(phase)
        self.write("run-phase", phase=phase)

    def end(self, event_type: str, **fields: object) -> None:
        """Writes the last event of the attempt."""
        self._profile(None)
        self.write(event_type, **fields)

    def _profile(self, phase: RunPhase | None) -> None:
        """Says what the phase that is over has held, where that is news."""
        if self.memory.enter(phase):
            self.write("memory-profiled", peaks=dict(self.memory.peaks))

    def failed(self, error: WorkerError) -> None:
        """The last event of a failed attempt."""
        rows = [RowProblem(row=row.row, reason=row.reason) for row in error.rows[:MAX_REPORTED_ROWS]]
        self.end(
            "run-failed",
            cause=error.cause,
            message=error.message,
            next_step=error.next_step,
            rows=rows,
            row_count=len(error.rows),
        )


class NoEvents(EventLog):
    """For a process that another one speaks for: it knows what its phases held, and tells nobody."""

    def __init__(self) -> None:
        self.seq = 0
        self.memory = MemoryProfile()

    def write(self, event_type: str, **fields: object) -> None:
        """Nothing."""
