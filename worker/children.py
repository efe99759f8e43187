"""The children of the warm worker: one process a job, conversion, score or export, and what becomes known of each when it ends."""

import contextlib
import errno
import os
import signal
from collections.abc import Callable, Collection
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from worker.contract import ConvertCommand, ExportCommand, ScoreCommand, TrainingJob
from worker.door import Connection
from worker.failures import WorkerError
from worker.process import Ended, fork, reap, write_exit

# Of the lowest priority but the idle one.
_SCORE_NICENESS = 15
_EXPORT_NICENESS = 10


class Refused(Exception):
    """A command that cannot be done, with a code of the contract."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Job:
    """A job whose process has not been reaped."""

    run_id: str
    attempt: int
    pid: int
    attempt_dir: Path


@dataclass(frozen=True)
class _Errand:
    """A conversion, a score or an export: a process whose end its client waits for."""

    client: Connection
    name: str
    # Pipe on which the child says what went wrong.
    report: int


class Children:
    """Starts, kills and reaps. Forking is for the main thread, when it is alone."""

    def __init__(self, close_in_child: Callable[[], None], log_file: Path, note: Callable[[str], None]) -> None:
        self._close_in_child = close_in_child
        self._log_file = log_file
        self._note = note
        self._jobs: dict[int, Job] = {}
        self._errands: dict[int, _Errand] = {}

    def __bool__(self) -> bool:
        return bool(self._jobs or self._errands)

    @property
    def jobs(self) -> list[Job]:
        """The jobs that are alive, oldest first."""
        return list(self._jobs.values())

    def make_way(self, job: TrainingJob) -> None:
        """There is one live attempt of a run: a later one ends an earlier one, an earlier one is refused."""
        for other in [other for other in self.jobs if other.run_id == job.run_id]:
            if other.attempt >= job.attempt:
                raise Refused("invalid_state", f"attempt {other.attempt} of run {job.run_id} is running, process {other.pid}")
            os.kill(other.pid, signal.SIGKILL)
            ended = reap(other.pid, block=True)
            if ended is not None:
                self._job_ended(ended)

    def start(self, job: TrainingJob, load: Callable[[], Any], measures: bool) -> int:
        """Forks a process that trains a job, or measures it; returns its pid. What `load` raises becomes an event of the job."""
        attempt_dir = Path(job.attempt_dir)
        if (attempt_dir / "events.jsonl").exists():
            raise Refused("invalid_state", f"attempt {job.attempt} of run {job.run_id} has run already; give the next a number of its own")
        attempt_dir.mkdir(parents=True, exist_ok=True)
        Path(job.output_dir).mkdir(parents=True, exist_ok=True)

        beside = bool(self._jobs)

        def task() -> int:
            if measures:
                return import_module("worker.measure").run_measurement(job, load, beside)
            return import_module("worker.train").run_attempt(job, load)

        pid = fork(task, self._close_in_child, attempt_dir / "worker.log")
        self._jobs[pid] = Job(job.run_id, job.attempt, pid, attempt_dir)
        self._note(f"run {job.run_id}, attempt {job.attempt}: process {pid}")
        return pid

    def convert(self, client: Connection, command: ConvertCommand) -> None:
        """Forks a conversion; its client is answered when it has ended."""

        def task() -> None:
            import_module("worker.convert").convert_gguf(Path(command.gguf_file), Path(command.output_dir), self._note)

        self._run_errand(client, "conversion", task)

    def score(self, client: Connection, command: ScoreCommand, load: Callable[[Any], Any]) -> None:
        """Forks a score, which gives way to everything else on the machine; its client is answered when it has ended."""

        def task() -> None:
            os.nice(_SCORE_NICENESS)
            import_module("worker.score").score_file(Path(command.task_file), Path(command.result_file), load)

        self._run_errand(client, "score", task)

    def export(self, client: Connection, command: ExportCommand, load: Callable[[Any], Any]) -> None:
        """Forks an export, which gives way to training and serving; its client is answered when it has ended."""

        def task() -> None:
            os.nice(_EXPORT_NICENESS)
            import_module("worker.export").export_file(Path(command.task_file), load)

        self._run_errand(client, "export", task)

    def _run_errand(self, client: Connection, name: str, act: Callable[[], None]) -> None:
        report_out, report_in = os.pipe()

        def task() -> int:
            os.close(report_out)
            try:
                act()
            except WorkerError as error:
                os.write(report_in, error.message.encode()[:4096])
                return errno.ENOSPC if error.cause == "disk_full" else 1
            return 0

        pid = fork(task, self._close_in_child, None)
        os.close(report_in)
        self._errands[pid] = _Errand(client, name, report_out)

    def kill(self, run_id: str, attempt: int) -> None:
        """SIGKILL to the process of a job."""
        for job in self.jobs:
            if (job.run_id, job.attempt) == (run_id, attempt):
                os.kill(job.pid, signal.SIGKILL)
                return
        raise Refused("run_not_found", f"no process of run {run_id}, attempt {attempt}, is alive here")

    def abandon(self, clients: Collection[Connection]) -> None:
        """SIGKILL to the errands of clients that are not among these: nobody waits for them any more."""
        for pid, errand in self._errands.items():
            if errand.client not in clients:
                os.kill(pid, signal.SIGKILL)

    def kill_all(self) -> None:
        """SIGKILL to everybody."""
        for pid in [*self._jobs, *self._errands]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def reap(self) -> None:
        """Notices who has ended."""
        for pid in [*self._jobs, *self._errands]:
            ended = reap(pid)
            if ended is not None and pid in self._jobs:
                self._job_ended(ended)
            elif ended is not None:
                self._errand_ended(ended)

    def _job_ended(self, ended: Ended) -> None:
        job = self._jobs.pop(ended.pid)
        self._note(f"run {job.run_id}, attempt {job.attempt}: exit code {ended.exit_code}, signal {ended.signal}")
        try:
            write_exit(job.attempt_dir, ended)
        except OSError as error:
            self._note(f"exit.json of {job.attempt_dir} could not be written: {error}")

    def _errand_ended(self, ended: Ended) -> None:
        errand = self._errands.pop(ended.pid)
        message = os.read(errand.report, 4096).decode(errors="replace")
        os.close(errand.report)
        if ended.exit_code == 0:
            errand.client.answer({"ok": True})
        else:
            code = "disk_full" if ended.exit_code == errno.ENOSPC else "model_refused"
            errand.client.refuse(code, message or f"the {errand.name} was killed or crashed; see {self._log_file}")
