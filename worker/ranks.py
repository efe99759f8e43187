"""The processes of one run: which of them this is, and what they tell each other."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from worker.contract import TrainingJob
from worker.failures import WorkerError

Said = TypeVar("Said")
Sum = TypeVar("Sum", bound="Summable")

# The first saves, evaluates its share and writes to the disk while the others wait.
_PATIENCE = timedelta(hours=2)
# What torchrun says to each process that it starts; Accelerate's and Slurm's launchers say the same.
_LAUNCHED = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")


class Summable(Protocol):
    """What can be added to, in place."""

    def __iadd__(self: Self, other: Self, /) -> Self: ...


@dataclass(frozen=True)
class Ranks:
    """One process among those of a run. All of them make the same calls in the same order, or wait for each other for ever."""

    # Counted from 0.
    rank: int = 0
    world: int = 1
    # Of those on this machine.
    local_rank: int = 0
    local_world: int = 1

    @property
    def is_first(self) -> bool:
        """Whether it speaks for all: events, checkpoints and the adapter are written by one process."""
        return self.rank == 0

    def first_says(self, say: Callable[[], Said]) -> Said:
        """What the first process finds, for all of them: it alone is asked."""
        if self.world == 1:
            return say()
        said: list[Any] = [say() if self.is_first else None]
        dist.broadcast_object_list(said, src=0)
        return said[0]

    def gather(self, value: Said) -> list[Said]:
        """What each process has, in the order of their ranks, for all of them."""
        if self.world == 1:
            return [value]
        found: list[Any] = [None] * self.world
        dist.all_gather_object(found, value)
        return found

    def sum_up(self, value: Sum, nothing: Sum) -> Sum:
        """What all have together, beginning with nothing: the same for all, down to the last bit."""
        for one in self.gather(value):
            nothing += one
        return nothing

    def gather_to_first(self, value: Said) -> list[Said]:
        """The same for the first process alone; the others get nothing."""
        if self.world == 1:
            return [value]
        found: list[Any] | None = [None] * self.world if self.is_first else None
        dist.gather_object(value, found, dst=0)
        return found or []

    def total(self, count: Tensor) -> Tensor:
        """The sum of a number over all processes."""
        if self.world > 1:
            dist.all_reduce(count)
        return count

    def share(self, rows: Sequence[Said]) -> Sequence[Said]:
        """The rows of a batch that are this process's: every so-manieth, for neighbours are of like length."""
        return rows[self.rank :: self.world]


# A run of one process.
ALONE = Ranks()


def launched_ranks() -> Ranks | None:
    """This process among those that torchrun or its like started; None when nobody did."""
    if any(name not in os.environ for name in _LAUNCHED):
        return None
    local_world = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    return Ranks(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]), int(os.environ["LOCAL_RANK"]), local_world)


def join(ranks: Ranks, meeting_file: Path | None) -> None:
    """Meets the other processes: in a file of this machine, or where torchrun says.

    NCCL between GPUs, one a process; gloo between CPUs. Call it before anything asks for a GPU.
    """
    has_gpu = torch.cuda.is_available()
    if has_gpu:
        _take_gpu(ranks)
    backend = "cpu:gloo,cuda:nccl" if has_gpu else "gloo"
    if meeting_file is None:
        dist.init_process_group(backend, init_method="env://", rank=ranks.rank, world_size=ranks.world, timeout=_PATIENCE)
    else:
        # Nobody beyond this machine is listened to.
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo" if Path("/sys/class/net/lo").exists() else "lo0")
        store = dist.FileStore(str(meeting_file), ranks.world)
        dist.init_process_group(backend, store=store, rank=ranks.rank, world_size=ranks.world, timeout=_PATIENCE)
    # Accelerate would put its own engine around the model, and falls back on plain DDP where it cannot have the one it is asked for.
    for name in (*_LAUNCHED, "LOCAL_WORLD_SIZE"):
        os.environ.pop(name, None)


def _take_gpu(ranks: Ranks) -> None:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    devices = visible.split(",") if visible else [str(number) for number in range(torch.cuda.device_count())]
    if ranks.local_rank >= len(devices):
        message = f"processes: this machine has {len(devices)} GPUs, and {ranks.local_world} processes want one each."
        raise WorkerError("config_error", message)
    os.environ["CUDA_VISIBLE_DEVICES"] = devices[ranks.local_rank]


def check_world(job: TrainingJob, ranks: Ranks) -> None:
    """Raises WorkerError('config_error') when what was started is not what the job asks for, or the rows cannot be shared evenly."""
    settings = job.settings
    if ranks.world != settings.processes:
        raise WorkerError("config_error", f"processes: the job asks for {settings.processes}, and {ranks.world} were started.")
    if job.method.type != "supervised":
        raise WorkerError("config_error", f"distributed: {job.method.type} trains in one process; supervised training takes several.")
    if settings.batch_size % ranks.world != 0:
        raise WorkerError(
            "config_error",
            f"batch_size: {settings.batch_size} rows cannot be shared evenly by {ranks.world} processes; give a multiple of {ranks.world}.",
        )
