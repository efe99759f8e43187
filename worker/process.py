"""Forked processes of the warm worker: their start, their end, and what they leave."""

import contextlib
import ctypes
import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from worker.contract import WorkerExit
from worker.durable import replace_file

_PR_SET_PDEATHSIG = 1
# Where memory runs out, the kernel should take the job, not the platform beside it.
_OOM_SCORE = "500"


@dataclass(frozen=True)
class Ended:
    """How a process ended: its exit code or the signal that killed it, and the most memory it held at once."""

    pid: int
    exit_code: int | None
    signal: int | None
    peak_memory_bytes: int


def fork(task: Callable[[], int], close_in_child: Callable[[], None], log_file: Path | None, own_session: bool = True) -> int:
    """Runs a task in a process of its own; returns its pid. The task's result is the exit code.

    The child dies with its parent: two live attempts of one run must not be. It never returns from here. In a session of its own
    nothing that is sent to the parent's reaches it.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    pid = os.fork()
    if pid != 0:
        return pid
    code = 1
    try:
        _settle(parent, close_in_child, log_file, own_session)
        code = task()
    except BaseException:
        traceback.print_exc(file=sys.stderr)
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _settle(parent: int, close_in_child: Callable[[], None], log_file: Path | None, own_session: bool) -> None:
    """Makes a fresh child a process that owes nothing to its parent but memory."""
    if own_session:
        os.setsid()
    close_in_child()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    die_with_parent()
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE)
    if os.getppid() != parent:
        os._exit(1)  # the parent died before the line above could say so
    if log_file is not None:
        redirect_output(log_file)


def die_with_parent() -> None:
    """Lets the kernel end this process when the one that started it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def redirect_output(log_file: Path) -> None:
    """Lets everything this process prints, native libraries included, go to the end of a file."""
    log = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(nothing)
    os.close(log)


def reap(pid: int, block: bool = False) -> Ended | None:
    """How a child ended; None while it runs."""
    found, status, usage = os.wait4(pid, 0 if block else os.WNOHANG)
    if found == 0:
        return None
    killed = os.WIFSIGNALED(status)
    # Linux counts ru_maxrss in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return Ended(
        pid=pid,
        exit_code=None if killed else os.WEXITSTATUS(status),
        signal=os.WTERMSIG(status) if killed else None,
        peak_memory_bytes=usage.ru_maxrss * unit,
    )


def write_exit(attempt_dir: Path, ended: Ended) -> None:
    """Leaves `exit.json`: the last word about an attempt, however it ended."""
    said = WorkerExit(pid=ended.pid, exit_code=ended.exit_code, signal=ended.signal, peak_memory_bytes=ended.peak_memory_bytes)
    replace_file(attempt_dir / "exit.json", said.model_dump_json().encode())
