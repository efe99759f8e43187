"""Tests of serve.py: a real server in a process of its own, spoken to over its socket."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from worker.conftest import JobMaker, of_type, read_events
from worker.contract import TrainingJob, WorkerExit

PATIENCE_SECONDS = 180


class Worker:
    """A server process and its socket."""

    def __init__(self, folder: Path, idle_exit: float = 600, log: Path | None = None) -> None:
        self.socket = folder / "worker.sock"
        self.log = log or folder / "worker.log"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "worker", "serve", "--socket", str(self.socket), "--log", str(self.log), "--idle-exit", str(idle_exit)],
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def connect(self) -> socket.socket:
        def connected() -> socket.socket | None:
            client = socket.socket(socket.AF_UNIX)
            try:
                client.connect(str(self.socket))
            except OSError:
                client.close()
                return None
            return client

        return wait_for(connected)

    def ask(self, command: dict[str, Any] | bytes) -> dict[str, Any]:
        """Sends one line on a connection of its own and waits for the answer."""
        with self.connect() as client:
            client.sendall((command if isinstance(command, bytes) else json.dumps(command).encode()) + b"\n")
            return json.loads(client.makefile().readline())

    def train(self, job: TrainingJob) -> int:
        answer = self.ask({"command": "train", "job": job.model_dump(mode="json")})
        assert answer["ok"], answer
        return answer["pid"]


def wait_for(found: Callable[[], Any]) -> Any:
    """The first truthy value of a condition."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        value = found()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError("waited in vain")


def exit_of(job: TrainingJob) -> WorkerExit:
    path = Path(job.attempt_dir) / "exit.json"
    wait_for(path.exists)
    return WorkerExit.model_validate_json(path.read_bytes())


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


def first_step(job: TrainingJob) -> bool:
    return (Path(job.attempt_dir) / "events.jsonl").exists() and bool(of_type(read_events(job), "run-step"))


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    worker = Worker(tmp_path_factory.mktemp("w"))
    first = worker.ask({"command": "ping"})
    assert (first["ok"], first["ready"], first["pid"]) == (True, False, worker.process.pid)  # it answers while it imports
    yield worker
    assert worker.ask({"command": "shutdown"}) == {"ok": True}
    assert worker.process.wait(PATIENCE_SECONDS) == 0
    assert not worker.socket.exists()


def test_a_model_is_loaded_ahead_once_the_libraries_are_there(worker: Worker, model_dir: Path) -> None:
    assert worker.ask({"command": "warm", "model_dir": str(model_dir)}) == {"ok": True}
    assert worker.ask({"command": "ping"})["ready"] is True


def test_a_job_runs_in_a_process_of_its_own_and_leaves_its_end(worker: Worker, make_job: JobMaker) -> None:
    job = make_job()
    pid = worker.train(job)
    said = exit_of(job)
    assert (said.pid, said.exit_code, said.signal) == (pid, 0, None)
    assert said.peak_memory_bytes is not None and said.peak_memory_bytes > 100 << 20
    events = read_events(job)
    assert events[0]["pid"] == pid
    assert events[-1]["type"] == "run-ended"
    assert worker.ask({"command": "ping"})["jobs"] == []


def test_two_jobs_run_at_once_and_are_listed(worker: Worker, make_job: JobMaker) -> None:
    jobs = [make_job(name, n_epochs=50) for name in ("left", "right")]
    pids = [worker.train(job) for job in jobs]
    wait_for(lambda: all(first_step(job) for job in jobs))
    assert worker.ask({"command": "ping"})["jobs"] == [
        {"run_id": job.run_id, "attempt": 1, "pid": pid} for job, pid in zip(jobs, pids, strict=True)
    ]
    for job in jobs:
        assert worker.ask({"command": "kill", "run_id": job.run_id, "attempt": 1}) == {"ok": True}
        assert exit_of(job).signal == signal.SIGKILL


def test_a_failed_job_exits_with_1_after_its_last_event(worker: Worker, make_job: JobMaker) -> None:
    job = make_job(target_modules=["nothing"])
    worker.train(job)
    assert exit_of(job).exit_code == 1
    assert read_events(job)[-1]["cause"] == "config_error"


def test_a_model_that_does_not_load_is_an_event_of_the_job(worker: Worker, make_job: JobMaker, tmp_path: Path) -> None:
    job = make_job(model_dir=str(tmp_path))
    worker.train(job)
    assert exit_of(job).exit_code == 1
    assert read_events(job)[-1]["cause"] == "model_error"
    assert worker.ask({"command": "warm", "model_dir": str(tmp_path)})["code"] == "model_refused"


def test_a_later_attempt_ends_an_earlier_one_and_an_earlier_is_refused(worker: Worker, make_job: JobMaker) -> None:
    first, second = make_job(n_epochs=50), make_job(attempt=2, n_epochs=50)
    first_pid = worker.train(first)
    wait_for(lambda: first_step(first))
    worker.train(second)
    assert exit_of(first).signal == signal.SIGKILL
    assert not is_alive(first_pid)
    for late in (first, second):
        assert worker.ask({"command": "train", "job": late.model_dump(mode="json")})["code"] == "invalid_state"
    worker.ask({"command": "kill", "run_id": "run", "attempt": 2})
    assert exit_of(second).signal == signal.SIGKILL


def test_the_traceback_of_a_failed_job_is_in_its_own_log(worker: Worker, make_job: JobMaker) -> None:
    job = make_job(training_file="/nowhere/rows.jsonl")
    worker.train(job)
    assert exit_of(job).exit_code == 1
    assert "FileNotFoundError" in (Path(job.attempt_dir) / "worker.log").read_text()
    assert "FileNotFoundError" not in worker.log.read_text()


def test_an_attempt_runs_once(worker: Worker, make_job: JobMaker) -> None:
    job = make_job(max_steps=1)
    worker.train(job)
    exit_of(job)
    assert worker.ask({"command": "train", "job": job.model_dump(mode="json")})["code"] == "invalid_state"


@pytest.mark.parametrize("line", [b"hello", b"{}", b'{"command":"dance"}', b'{"command":"train","job":{"run_id":"x"}}', b"\xff\xfe"])
def test_a_line_outside_the_contract_is_refused_and_the_next_is_answered(worker: Worker, line: bytes) -> None:
    with worker.connect() as client:
        answers = client.makefile()
        client.sendall(line + b"\n")
        assert json.loads(answers.readline())["code"] == "invalid_request"
        client.sendall(b'{"command":"ping"}\n')
        assert json.loads(answers.readline())["ok"] is True


def test_a_line_without_end_is_cut_off(worker: Worker) -> None:
    with worker.connect() as client:
        with contextlib.suppress(BrokenPipeError):  # it may have been cut off before all is sent
            client.sendall(b"x" * (2 << 20))
        assert json.loads(client.makefile().readline())["code"] == "invalid_request"


def test_who_asks_and_leaves_disturbs_nobody(worker: Worker) -> None:
    client = worker.connect()
    client.sendall(b'{"command":"ping"}\n{"command":"pi')
    client.close()
    assert worker.ask({"command": "ping"})["ok"] is True


def test_to_kill_a_job_that_is_not_there_is_refused(worker: Worker) -> None:
    assert worker.ask({"command": "kill", "run_id": "nobody", "attempt": 1})["code"] == "run_not_found"


def test_a_conversion_that_cannot_be_done_is_refused_with_the_reason(worker: Worker, tmp_path: Path) -> None:
    (tmp_path / "bad.gguf").write_bytes(b"GGML")
    answer = worker.ask({"command": "convert", "gguf_file": str(tmp_path / "bad.gguf"), "output_dir": str(tmp_path / "out")})
    assert (answer["code"], "not a GGUF file" in answer["message"]) == ("model_refused", True)


def test_a_second_server_on_one_socket_says_so_and_ends(worker: Worker) -> None:
    second = Worker(worker.socket.parent)
    assert second.process.wait(PATIENCE_SECONDS) == 3
    assert second.process.stderr is not None and b"another worker listens" in second.process.stderr.read()
    assert worker.ask({"command": "ping"})["pid"] == worker.process.pid


def test_only_its_own_user_may_speak_to_it(worker: Worker) -> None:
    assert worker.socket.stat().st_mode & 0o077 == 0


def test_a_socket_path_that_is_too_long_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 100)
    folder.mkdir()
    assert Worker(folder).process.wait(PATIENCE_SECONDS) == 2


def test_a_killed_server_takes_its_jobs_along_and_the_next_takes_its_place_until_nobody_needs_it(
    tmp_path_factory: pytest.TempPathFactory, make_job: JobMaker
) -> None:
    folder = tmp_path_factory.mktemp("k")
    first = Worker(folder)
    job = make_job(n_epochs=50)
    pid = first.train(job)
    wait_for(lambda: first_step(job))
    first.process.kill()
    first.process.wait()
    wait_for(lambda: not is_alive(pid))
    second = Worker(folder, idle_exit=0.3)
    with second.connect() as client:
        client.sendall(b'{"command":"ping"}\n')
        assert json.loads(client.makefile().readline())["pid"] == second.process.pid
        assert second.ask({"command": "warm", "model_dir": job.model_dir})["ok"] is True
        # Longer than the idle time: an open connection keeps it.
        assert second.process.poll() is None
        time.sleep(0.5)
        assert second.process.poll() is None
    assert second.process.wait(PATIENCE_SECONDS) == 0
    assert not second.socket.exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a file that takes no byte")
def test_a_disk_that_takes_no_line_of_the_log_ends_nobody(tmp_path_factory: pytest.TempPathFactory) -> None:
    worker = Worker(tmp_path_factory.mktemp("f"), log=Path("/dev/full"))
    assert worker.ask({"command": "ping"})["pid"] == worker.process.pid
    worker.process.kill()
    worker.process.wait()


def test_sigterm_ends_server_and_jobs_and_leaves_the_ends_of_the_jobs(tmp_path_factory: pytest.TempPathFactory, make_job: JobMaker) -> None:
    worker = Worker(tmp_path_factory.mktemp("t"))
    job = make_job(n_epochs=50)
    worker.train(job)
    wait_for(lambda: first_step(job))
    worker.process.terminate()
    assert worker.process.wait(PATIENCE_SECONDS) == 0
    assert exit_of(job).signal == signal.SIGKILL


def test_a_measurement_runs_in_a_process_of_its_own_and_gives_way_to_a_job(worker: Worker, make_job: JobMaker) -> None:
    alone = make_job("plan-alone")
    assert worker.ask({"command": "measure", "job": alone.model_dump(mode="json")})["ok"]
    assert exit_of(alone).exit_code == 0
    assert read_events(alone)[-1]["type"] == "run-measured"
    job = make_job("long", n_epochs=50, max_steps=100_000)
    pid = worker.train(job)
    wait_for(lambda: first_step(job))
    beside = make_job("plan-beside", max_steps=100_000)
    answer = worker.ask({"command": "measure", "job": beside.model_dump(mode="json")})
    wait_for(lambda: (Path(beside.attempt_dir) / "events.jsonl").exists())
    assert os.getpriority(os.PRIO_PROCESS, answer["pid"]) > os.getpriority(os.PRIO_PROCESS, pid)
    assert exit_of(beside).exit_code == 0
    assert worker.ask({"command": "kill", "run_id": job.run_id, "attempt": job.attempt})["ok"]
    exit_of(job)
