"""Tests of runs in several processes: two over gloo, held step by step against one process."""

import json
import math
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest
from safetensors.torch import load_file
from torch import nn

from worker.checkpoints import verify
from worker.conftest import JobMaker, of_type, read_events
from worker.contract import TrainingJob
from worker.failures import WorkerError
from worker.load import load_base
from worker.process import fork
from worker.progress import Progress
from worker.ranks import ALONE
from worker.strategies import fsdp2, zero
from worker.testing import ask, fail, losses, run, weights
from worker.train import run_attempt

# Ten rows: of the third step, which ends the epoch, the second process has one row in the first batch and none in the second.
STEPS = 5
SETTINGS: dict[str, Any] = {
    "batch_size": 2, "gradient_accumulation_steps": 2, "max_steps": STEPS, "lora_dropout": 0.0, "save_steps": 1000,
}  # fmt: skip
# Every weight of the tiny model is small enough to be left whole otherwise.
CUT_ALL = {"zero_optimization": {"stage": 3, "stage3_param_persistence_threshold": 0}}
needs_deepspeed = pytest.mark.skipif(
    find_spec("deepspeed") is None, reason="the package deepspeed is not installed: npm run setup -- --for-tests"
)
KINDS = ["ddp", "fsdp2", *(pytest.param(kind, marks=needs_deepspeed) for kind in ("zero2", "zero3"))]

# Of 91,520 weights 4,864 are trained.
SPREAD = {
    "ddp": "ddp: 2 processes, each with the whole model; the gradients of 4,864 weights are averaged",
    # Of rows that are odd in number one process has one more.
    "fsdp2": "fsdp2: 2 processes; this one holds 45,792 of 91,520 weights",
    "zero2": "zero2: DeepSpeed .*, 2 processes; this one holds 2,432 of 4,864 states of the optimiser, and of gradients as much",
    "zero3": "zero3: DeepSpeed .*, 2 processes; this one holds 45,760 of 91,520 weights, and of gradients and optimiser as much",
}


@pytest.fixture
def two(make_job: JobMaker) -> JobMaker:
    """Jobs of two processes."""

    def make(name: str, distributed: str, **fields: Any) -> TrainingJob:
        deepspeed = CUT_ALL if distributed == "zero3" else None
        return make_job(name, **{**SETTINGS, "distributed": distributed, "processes": 2, "deepspeed": deepspeed, **fields})

    return make


@pytest.mark.parametrize("kind", KINDS)
def test_two_processes_have_the_losses_of_one_leave_the_same_adapter_and_can_be_paused_without_changing_a_bit(
    make_job: JobMaker, two: JobMaker, tmp_path: Path, kind: str
) -> None:
    valid = str(tmp_path / "valid.jsonl")
    alone = run(make_job("alone", **SETTINGS, validation_file=valid))
    job = two("together", kind, validation_file=valid)
    together = run(job)
    assert losses(together) == [(step, pytest.approx(loss, abs=1e-4)) for step, loss in losses(alone)]
    for one, both in zip(of_type(alone, "run-step"), of_type(together, "run-step"), strict=True):
        assert both["grad_norm"] == pytest.approx(one["grad_norm"], rel=1e-3)
        assert (both["seen_tokens"], both["rows"], both["learning_rate"]) == (one["seen_tokens"], one["rows"], one["learning_rate"])
    evaluated = [event[-1]["loss"] for event in (of_type(alone, "run-evaluated"), of_type(together, "run-evaluated"))]
    assert evaluated[1] == pytest.approx(evaluated[0], abs=1e-4)
    assert weights_of(job) == [pytest.approx(one, abs=1e-4) for one in weights_of(make_job("alone", **SETTINGS))]
    assert re.fullmatch(SPREAD[kind], sharding_of(together)), sharding_of(together)
    verify(Path(job.output_dir) / "adapter")
    assert (Path(job.output_dir) / "adapter" / "adapter.gguf").exists()
    assert not list((Path(job.output_dir) / "adapter").glob("*rank*"))
    assert pause_and_resume(two, kind, validation_file=valid) == (losses(together), weights(job))
    assert not children()


def test_every_process_goes_on_with_its_own_random_numbers(two: JobMaker) -> None:
    dropout = {"lora_dropout": 0.1}
    through = two("through", "ddp", **dropout)
    assert pause_and_resume(two, "ddp", **dropout) == (losses(run(through)), weights(through))


@pytest.mark.parametrize("kind", ["ddp", "fsdp2"])
def test_the_upper_layers_alone_are_trained_as_in_one_process(make_job: JobMaker, two: JobMaker, kind: str) -> None:
    quick = {"layers_to_transform": [1], "max_steps": 3, "gradient_checkpointing": kind == "fsdp2"}
    alone = run(make_job("alone", **{**SETTINGS, **quick, "gradient_checkpointing": False}))
    assert losses(run(two("together", kind, **quick))) == [(step, pytest.approx(loss, abs=1e-4)) for step, loss in losses(alone)]


@pytest.mark.parametrize("kind", ["fsdp2", pytest.param("zero3", marks=needs_deepspeed)])
def test_all_weights_are_trained_and_offloaded_as_in_one_process(make_job: JobMaker, two: JobMaker, kind: str) -> None:
    full = {"adapter": {"type": "full"}, "learning_rate": 1e-3, "max_steps": 3}
    alone = run(make_job("alone", **{**SETTINGS, **full}))
    job = two("together", kind, **full, cpu_offload=True)
    assert losses(run(job)) == [(step, pytest.approx(loss, abs=1e-4)) for step, loss in losses(alone)]
    one, both = (load_file(Path(each.output_dir) / "adapter" / "model.safetensors") for each in (make_job("alone"), job))
    assert {name: tensor.shape for name, tensor in both.items()} == {name: tensor.shape for name, tensor in one.items()}
    assert max(float((both[name] - tensor).abs().max()) for name, tensor in one.items()) < 1e-4


@needs_deepspeed
def test_deepspeeds_own_json_is_followed_its_batch_offload_and_schedule(two: JobMaker) -> None:
    written = json.loads(Path("examples/deepspeed/zero2-offload.json").read_text())
    batch = {"batch_size": 16, "gradient_accumulation_steps": 4, "learning_rate": 3e-4, "max_steps": None, "n_epochs": 3}
    events = run(two("json", "zero2", **batch, processes=4, deepspeed=written, cpu_offload=True, precision="fp32"))
    assert "4 processes" in sharding_of(events)
    # WarmupDecayLR rises with the logarithm of the step.
    rates = [event["learning_rate"] for event in of_type(events, "run-step")]
    assert rates == [pytest.approx(3e-4 * math.log(step) / math.log(100)) for step in (1, 1, 2)]


@needs_deepspeed
def test_a_batch_that_deepspeeds_json_makes_another_is_refused_with_the_sum(two: JobMaker) -> None:
    job = two("sum", "zero2", deepspeed={"train_batch_size": 64, "zero_optimization": {"stage": 2}})
    assert fail(job, "config_error")["message"] == (
        "deepspeed.train_batch_size is 64, but the job makes it 4: "
        "1 rows in a forward pass of one process × 2 forward passes × 2 processes = 4."
    )


@needs_deepspeed
def test_an_engine_that_is_not_what_was_asked_for_ends_the_run(two: JobMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    real = zero.engine_config
    monkeypatch.setattr(zero, "engine_config", lambda job, bench, stage: real(job, bench, 1))
    message = "distributed: zero2 was asked for, and DeepSpeed made stage 1 (DeepSpeedZeroOptimizer)."
    assert fail(two("lesser", "zero2"), "config_error")["message"] == message


def test_weights_that_are_whole_are_not_taken_for_shards() -> None:
    with pytest.raises(WorkerError, match=r"fsdp2 was asked for, and weight is not in shards on rank 0\.") as refused:
        fsdp2.check_shards(nn.Linear(2, 2), ALONE)
    assert refused.value.cause == "config_error"


def test_two_machines_that_torchrun_has_started_find_each_other(make_job: JobMaker, two: JobMaker, tmp_path: Path) -> None:
    job = two("launched", "fsdp2", max_steps=2)
    file = tmp_path / "job.json"
    file.write_text(job.model_dump_json())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # The command of docs/training.md, on each of two machines that happen to be this one.
    command = [
        sys.executable, "-m", "torch.distributed.run", "--nnodes", "2", "--nproc-per-node", "1", "--rdzv-backend", "c10d",
        "--rdzv-endpoint", f"127.0.0.1:{port}", "-m", "worker", "train", "--job", str(file),
    ]  # fmt: skip
    machines = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(2)]
    said = [machine.communicate(timeout=180)[0] for machine in machines]
    assert [machine.returncode for machine in machines] == [0, 0], said
    events = read_events(job)
    assert any(re.fullmatch(SPREAD["fsdp2"], event["message"]) for event in of_type(events, "log"))
    alone = losses(run(make_job("alone", **{**SETTINGS, "max_steps": 2})))
    assert losses(events) == [(step, pytest.approx(loss, abs=1e-4)) for step, loss in alone]


def test_a_process_that_is_killed_ends_the_run_with_its_rank_and_its_last_lines_and_leaves_none_behind(
    two: JobMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = two("killed", "ddp")
    on_rank(monkeypatch, 1, lambda: (os.write(2, b"about to be killed\n"), os.kill(os.getpid(), signal.SIGKILL)))
    last = fail(job, "worker_lost")
    assert last["message"].startswith("Rank 1 of 2 (process ")
    assert "was killed by signal 9" in last["message"]
    assert "about to be killed" in last["message"]
    assert not children()


def test_a_process_that_fails_ends_the_run_with_its_own_cause(two: JobMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    job = two("failed", "ddp")

    def overflow() -> None:
        raise WorkerError("nan", "The loss became nan in step 1.")

    on_rank(monkeypatch, 1, overflow)
    assert fail(job, "nan")["message"] == "Rank 1 of 2: The loss became nan in step 1."
    assert not children()


def test_no_process_outlives_the_job_that_is_killed(two: JobMaker) -> None:
    job = two("gone", "ddp", max_steps=100_000, n_epochs=50)
    pid = fork(lambda: run_attempt(job, lambda: load_base(Path(job.model_dir))), lambda: None, None)
    until(lambda: (Path(job.attempt_dir) / "events.jsonl").exists() and bool(of_type(read_events(job), "run-step")))
    ranks = psutil.Process(pid).children()
    assert len(ranks) == 2
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    psutil.wait_procs(ranks, timeout=10)
    assert not [rank for rank in ranks if rank.is_running() and rank.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"batch_size": 3}, "batch_size: 3 rows cannot be shared evenly by 2 processes; give a multiple of 2."),
        ({"method": {"type": "orpo", "beta": 0.1}}, "distributed: orpo trains in one process; supervised training takes several."),
        ({"cpu_offload": True}, "cpu_offload: ddp holds the whole model in every process; fsdp2, zero2 and zero3 have shares."),
    ],
)
def test_what_several_processes_cannot_do_is_refused(two: JobMaker, fields: dict[str, Any], what: str) -> None:
    assert fail(two("refused", "ddp", **fields), "config_error")["message"] == what


def pause_and_resume(two: JobMaker, kind: str, **fields: Any) -> tuple[list[tuple[int, float]], str]:
    """Losses and weights of a run that is paused after its first step and goes on."""
    paused = two("paused", kind, **fields)
    ask(paused, "pause")
    first = run(paused)
    assert first[-1]["type"] == "run-paused"
    again = two("paused", kind, attempt=2, resume_from=str(Path(paused.output_dir) / first[-1]["path"]), **fields)
    return losses(first) + losses(run(again)), weights(again)


def weights_of(job: TrainingJob) -> list[Any]:
    """The trained matrices, one after the other."""
    file = Path(job.output_dir) / "adapter" / "adapter_model.safetensors"
    return [tensor.flatten().tolist() for _, tensor in sorted(load_file(file).items())]


def sharding_of(events: list[dict[str, Any]]) -> str:
    """How the run says that it was spread."""
    return next(event["message"] for event in of_type(events, "log") if "processes" in event["message"])


def children() -> list[psutil.Process]:
    """Processes that were left behind."""
    return psutil.Process().children(recursive=True)


def on_rank(monkeypatch: pytest.MonkeyPatch, rank: int, act: Callable[[], object]) -> None:
    """Something befalls the process of this rank in its second step."""
    real = Progress.on_step_begin

    def begin(self: Progress, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        real(self, args, state, control, **kwargs)
        if state.global_step == 1 and self._ranks.rank == rank:
            act()

    monkeypatch.setattr(Progress, "on_step_begin", begin)


def until(holds: Callable[[], bool]) -> None:
    """Waits for a condition, for up to a minute."""
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
