"""The warm worker: libraries imported, base models loaded, and a process forked for each job.

The process must have one thread when it forks. So one thread answers the socket, and while the main thread imports or loads,
which takes seconds, a helper does; it is gone again before anything is forked.
"""

import contextlib
import errno
import gc
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from worker import __version__
from worker.base_models import BaseModels
from worker.children import Children, Refused
from worker.contract import (
    ConvertCommand,
    ExportCommand,
    ExportTask,
    KillCommand,
    MeasureCommand,
    PingCommand,
    ScoreCommand,
    ScoreTask,
    ShutdownCommand,
    TrainCommand,
    WarmCommand,
    WorkerCommand,
)
from worker.door import Connection, Door, DoorTaken
from worker.failures import WorkerError
from worker.process import redirect_output

EXIT_USAGE = 2
EXIT_TAKEN = 3
_KEPT_MODELS = 2

_COMMAND: TypeAdapter[Any] = TypeAdapter(WorkerCommand)
# What a job would import at its first use, and every job again in its own process.
_WARM_MODULES = ("worker.train", "worker.measure", "worker.warm")


def serve(socket_path: Path, log_file: Path, idle_exit_seconds: float) -> int:
    """Serves until it is told to stop, or nobody has needed it for a while; returns the exit code when it could not begin."""
    log_file.parent.mkdir(parents=True, exist_ok=True)
    try:
        door = Door(socket_path)
    except (DoorTaken, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_TAKEN if isinstance(error, DoorTaken) else EXIT_USAGE
    redirect_output(log_file)
    code = Server(door, log_file, idle_exit_seconds).run()
    # Past the libraries' own clean-up, which takes a second and fills the log with what is no concern of anybody.
    os._exit(code)


class Server:
    """Answers what takes no time at once; what takes time or forks is work for the main thread, done in order."""

    def __init__(self, door: Door, log_file: Path, idle_exit_seconds: float) -> None:
        self._door = door
        self._idle_exit_seconds = idle_exit_seconds
        self._children = Children(door.close_in_child, log_file, _note)
        self._work: deque[tuple[Connection, Any]] = deque()
        self._ready = False
        self._stopping = False
        self._last_needed = time.monotonic()
        self._models: BaseModels[Any] | None = None

    def run(self) -> int:
        """Imports, then works until there is nothing more to do."""
        _note(f"worker {__version__}, process {os.getpid()}")
        self._door.watch_signals(signal.SIGCHLD, signal.SIGTERM, signal.SIGINT)
        try:
            self._import()
            while not self._is_done():
                if self._work:
                    self._do(*self._work.popleft())
                else:
                    self._turn(timeout=min(1.0, self._idle_exit_seconds))
        finally:
            self._children.kill_all()
            self._door.close()
            _note("ended")
        return 0

    def _import(self) -> None:
        began = time.monotonic()
        with self._answering():
            for name in _WARM_MODULES:
                import_module(name)
            _share_with_children()
        self._models = BaseModels(import_module("worker.load").load_base, _KEPT_MODELS)
        self._ready = True
        _note(f"ready after {time.monotonic() - began:.1f} s")

    @contextlib.contextmanager
    def _answering(self) -> Iterator[None]:
        """While the main thread is busy in here, a helper answers the socket."""
        done = threading.Event()

        def answer() -> None:
            while not done.is_set():
                self._turn(timeout=1.0)

        helper = threading.Thread(target=answer, name="answering")
        helper.start()
        try:
            yield
        finally:
            done.set()
            self._door.wake()
            helper.join()

    def _turn(self, timeout: float) -> None:
        """Waits for lines, signals and ends of children, and deals with them."""
        for client, line in self._door.lines(timeout):
            self._take(client, line)
        if self._door.signals & {signal.SIGTERM, signal.SIGINT}:
            self._stopping = True
            self._children.kill_all()
        self._door.signals.clear()
        self._children.abandon(self._door.connections)
        self._children.reap()
        if self._door.connections or self._children or self._work:
            self._last_needed = time.monotonic()

    def _is_done(self) -> bool:
        if self._children or self._work:
            return False
        return self._stopping or time.monotonic() - self._last_needed > self._idle_exit_seconds

    def _take(self, client: Connection, line: bytes) -> None:
        """Answers a line, or puts it with the work."""
        try:
            command = _COMMAND.validate_json(line)
        except ValidationError as error:
            problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_url=False)[:5])
            client.refuse("invalid_request", f"not a command of the contract: {problems}")
            return
        match command:
            case PingCommand():
                client.answer(self._status())
            case KillCommand():
                self._answer(client, lambda: self._children.kill(command.run_id, command.attempt))
            case ShutdownCommand():
                self._stopping = True
                client.answer({"ok": True})
            case _ if self._stopping:
                client.refuse("worker_unavailable", "the worker is about to end")
            case _:
                self._work.append((client, command))

    def _status(self) -> dict[str, Any]:
        torch = sys.modules.get("torch") if self._ready else None
        return {
            "ok": True,
            "pid": os.getpid(),
            "version": __version__,
            "device": "cuda" if torch is not None and torch.cuda.is_available() else "cpu",
            "ready": self._ready,
            "jobs": [{"run_id": job.run_id, "attempt": job.attempt, "pid": job.pid} for job in self._children.jobs],
        }

    def _do(self, client: Connection, command: Any) -> None:
        """Work of the main thread."""
        match command:
            case WarmCommand():
                self._answer(client, lambda: self._load(command.model_dir) and None)
            case TrainCommand() | MeasureCommand():
                self._answer(client, lambda: {"pid": self._start(command)})
            case ConvertCommand():
                self._children.convert(client, command)
            case ScoreCommand() | ExportCommand():
                self._run_errand(client, command)

    def _answer(self, client: Connection, act: Callable[[], dict[str, Any] | None]) -> None:
        """Does what was asked and says so. A failure that a person can act on is the answer; none of them ends the server."""
        try:
            client.answer({"ok": True, **(act() or {})})
        except Refused as error:
            client.refuse(error.code, str(error))
        except WorkerError as error:
            client.refuse("model_refused", error.message)
        except OSError as error:
            client.refuse("disk_full" if error.errno == errno.ENOSPC else "server_error", str(error))

    def _load(self, model_dir: str) -> Any:
        assert self._models is not None
        with self._answering():
            base = self._models.get(Path(model_dir))
            _share_with_children()
        return base

    def _run_errand(self, client: Connection, command: ScoreCommand | ExportCommand) -> None:
        """The base model is loaded here, where it stays for the next one."""
        shape = ScoreTask if isinstance(command, ScoreCommand) else ExportTask
        try:
            task = shape.model_validate_json(Path(command.task_file).read_bytes())
            base = self._load(task.model_dir)
        except (OSError, ValidationError, WorkerError) as error:
            client.refuse("model_refused", str(error))
            return
        if isinstance(command, ScoreCommand):
            self._children.score(client, command, lambda _task: base)
        else:
            self._children.export(client, command, lambda _task: base)

    def _start(self, command: TrainCommand | MeasureCommand) -> int:
        """Forks the process of a job. A base model that does not load is told as an event of the job, like any failure of it."""
        job = command.job
        self._children.make_way(job)
        failure: WorkerError | None = None
        base: Any = None
        try:
            base = self._load(job.model_dir)
        except WorkerError as error:
            failure = error

        def load() -> Any:
            if failure is not None:
                raise failure
            return base

        return self._children.start(job, load, measures=isinstance(command, MeasureCommand))


def _share_with_children() -> None:
    """Takes all objects out of garbage collection: one in a child would write to, and so copy, every page it shares with us."""
    gc.collect()
    gc.freeze()


def _note(text: str) -> None:
    """A line of the log. On a full disk it is lost, or comes later: the jobs go on."""
    with contextlib.suppress(OSError):
        sys.stderr.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")
        sys.stderr.flush()
