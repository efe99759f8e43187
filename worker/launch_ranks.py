"""Starts the processes of a distributed run on this machine, and ends all of them when one does."""

import contextlib
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from worker.contract import FailureCause, RunFailedEvent, TrainingJob
from worker.durable import replace_file
from worker.failures import WorkerError, explain
from worker.load import BaseModel
from worker.machine import out_of_memory_kills
from worker.process import Ended, fork, reap
from worker.ranks import Ranks

# Between two looks at who has ended.
_LOOK_SECONDS = 0.05
# For the process that is at fault to end after one that only lost its connection to it.
_GRACE_SECONDS = 1.0
# Of its log, in a message.
_LAST_LINES = 8
# What every process finds alike: which of them was the first says nothing.
_OF_ALL: tuple[FailureCause, ...] = ("data_error", "model_error", "config_error", "checkpoint_corrupt")
_ENDS = tuple(f'"type":"run-{how}"'.encode() for how in ("ended", "paused", "cancelled", "failed"))

Task = Callable[[Ranks, Path, Callable[[], BaseModel]], None]


@dataclass(frozen=True)
class _Rank:
    rank: int
    pid: int
    log_file: Path


def run_ranks(job: TrainingJob, load: Callable[[], BaseModel], task: Task) -> None:
    """Forks a process for each rank, which runs `task` with the file where they meet; returns when all have ended well.

    The base model is loaded once, before: they share its memory. Raises the failure of the first that did not end well, when all
    are gone; it names the rank.
    """
    attempt_dir, world = Path(job.attempt_dir), job.settings.processes
    base = load()
    meeting_file = attempt_dir / "meeting"
    meeting_file.unlink(missing_ok=True)
    kills = out_of_memory_kills()
    alive: dict[int, _Rank] = {}
    try:
        for rank in range(world):
            started = _start(Ranks(rank, world, rank, world), attempt_dir, lambda ranks: task(ranks, meeting_file, lambda: base))
            alive[started.pid] = started
        fallen = _watch(alive)
    finally:
        _end(alive)
        meeting_file.unlink(missing_ok=True)
    if fallen and not has_end(attempt_dir):
        raise _blame(fallen, attempt_dir, world, out_of_memory_kills() > kills)


def _start(ranks: Ranks, attempt_dir: Path, task: Callable[[Ranks], None]) -> _Rank:
    log_file = attempt_dir / ("worker.log" if ranks.is_first else f"worker.rank-{ranks.rank}.log")

    def run() -> int:
        try:
            task(ranks)
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            _leave_failure(attempt_dir, ranks.rank, explain(error, str(log_file)))
            return 1
        return 0

    # The first writes where the job itself does.
    pid = fork(run, lambda: None, None if ranks.is_first else log_file, own_session=False)
    return _Rank(ranks.rank, pid, log_file)


def _watch(alive: dict[int, _Rank]) -> list[tuple[_Rank, Ended]]:
    """Waits until all have ended; at the first that did not end well, so long as it takes to see who else has not."""
    fallen: list[tuple[_Rank, Ended]] = []
    deadline: float | None = None
    while alive and (deadline is None or time.monotonic() < deadline):
        for pid, rank in list(alive.items()):
            ended = reap(pid)
            if ended is None:
                continue
            del alive[pid]
            if ended.exit_code != 0:
                fallen.append((rank, ended))
                deadline = deadline or time.monotonic() + _GRACE_SECONDS
        time.sleep(_LOOK_SECONDS)
    return fallen


def _end(alive: dict[int, _Rank]) -> None:
    for pid in alive:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for pid in alive:
        reap(pid, block=True)


def _failure_file(attempt_dir: Path, rank: int) -> Path:
    return attempt_dir / f"failure.rank-{rank}.json"


def _leave_failure(attempt_dir: Path, rank: int, error: WorkerError) -> None:
    said = RunFailedEvent(
        seq=1,
        at=time.time(),
        type="run-failed",
        cause=error.cause,
        message=error.message,
        next_step=error.next_step,
        rows=error.rows,
        row_count=len(error.rows),
    )
    replace_file(_failure_file(attempt_dir, rank), said.model_dump_json().encode())


def _blame(fallen: list[tuple[_Rank, Ended]], attempt_dir: Path, world: int, ran_out_of_memory: bool) -> WorkerError:
    """The failure of the process that is at fault.

    That is one that was killed, else one that knows its cause, else the first: the others lost the connection to it, and libraries
    that lose one may abort.
    """
    for rank, ended in fallen:
        if ended.signal not in (None, signal.SIGABRT):
            cause: FailureCause = "oom" if ran_out_of_memory and ended.signal == signal.SIGKILL else "worker_lost"
            what = f"was killed by signal {ended.signal}{' as memory ran out' if cause == 'oom' else ''}"
            return WorkerError(cause, f"Rank {rank.rank} of {world} (process {rank.pid}) {what}. {_last_lines(rank.log_file)}")
    told = [(rank, _read_failure(attempt_dir, rank.rank)) for rank, _ in fallen]
    known = [(rank, failure) for rank, failure in told if failure is not None]
    for rank, failure in sorted(known, key=lambda each: each[1].cause == "crashed"):
        if failure.cause in _OF_ALL:
            return WorkerError(failure.cause, failure.message, failure.rows)
        lines = f" {_last_lines(rank.log_file)}" if failure.cause == "crashed" else ""
        return WorkerError(failure.cause, f"Rank {rank.rank} of {world}: {failure.message}{lines}", failure.rows)
    rank, ended = fallen[0]
    how = f"exit code {ended.exit_code}" if ended.signal is None else f"signal {ended.signal}"
    return WorkerError("crashed", f"Rank {rank.rank} of {world} (process {rank.pid}) ended with {how}. {_last_lines(rank.log_file)}")


def _read_failure(attempt_dir: Path, rank: int) -> RunFailedEvent | None:
    file = _failure_file(attempt_dir, rank)
    return RunFailedEvent.model_validate_json(file.read_bytes()) if file.exists() else None


def _last_lines(log_file: Path) -> str:
    lines = log_file.read_text(errors="replace").split("\n") if log_file.exists() else []
    last = [line.strip() for line in lines if line.strip()][-_LAST_LINES:]
    return f"Its last lines: {' | '.join(last)}" if last else "It wrote nothing."


def has_end(attempt_dir: Path) -> bool:
    """Whether the last event of the attempt says how it ended."""
    path = attempt_dir / "events.jsonl"
    lines = path.read_bytes().splitlines() if path.exists() else []
    return bool(lines) and any(end in lines[-1] for end in _ENDS)
