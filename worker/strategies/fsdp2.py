"""Fully sharded data parallel (Zhao et al. 2023) in its second form: every weight is cut into shards, one a process.

A layer is whole only while it is computed. This is torch's `fully_shard` itself: Accelerate's plug-in falls back on plain data parallel
where there is no GPU, and says nothing of it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import CPUOffloadPolicy, FSDPModule, OffloadPolicy, fully_shard
from torch.distributed.tensor import DTensor
from torch.optim import Optimizer

from worker.contract import TrainingJob
from worker.failures import WorkerError
from worker.ranks import Ranks
from worker.strategies.strategy import Moments, StepLoss, Strategy
from worker.trainer_state import forget_tensors
from worker.workbench import Workbench


def spread(job: TrainingJob, bench: Workbench, step: StepLoss, make_optimizer: Callable[[], Optimizer]) -> Strategy:
    """Cuts each layer, then what is left. Raises WorkerError('config_error') when not all of it is in shards afterwards."""
    if bench.precision == "fp16":
        raise WorkerError("config_error", "precision: fsdp2 computes in bf16 or fp32; zero2 and zero3 take fp16.")
    mesh = init_device_mesh(bench.device, (bench.ranks.world,))
    pins = bench.device == "cuda"
    policy = CPUOffloadPolicy(pin_memory=pins) if job.settings.cpu_offload else OffloadPolicy()
    for layer in _layers(bench.base):
        fully_shard(layer, mesh=mesh, offload_policy=policy)
    fully_shard(step, mesh=mesh, offload_policy=policy)
    held, total = check_shards(step, bench.ranks)
    told = f"fsdp2: {bench.ranks.world} processes; this one holds {held:,} of {total:,} weights"
    return Fsdp2Strategy(step, make_optimizer(), told)


class Fsdp2Strategy(Strategy):
    """The loop stays as it is: gradients are summed and cut with every batch."""

    is_sharded = True

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Each weight in shards, to be put together as it is read: after a forward pass some are whole, and are not what is trained."""
        for module in self.module.modules():
            if isinstance(module, FSDPModule):
                module.reshard()
        model: Any = cast(StepLoss, self.module).model
        forget_tensors(model)
        yield
        forget_tensors(model)

    def moments(self) -> Moments:
        """The shards of this process."""
        return {place: {key: _local(value) for key, value in state.items()} for place, state in super().moments().items()}

    def restore_moments(self, moments: Moments) -> None:
        """As shards of the weights they belong to."""
        weights = [weight for group in self.rates.param_groups for weight in group["params"]]
        super().restore_moments(
            {place: {key: _as_shard(value, weights[place]) for key, value in state.items()} for place, state in moments.items()}
        )


def _local(value: Any) -> Any:
    return value.to_local() if isinstance(value, DTensor) else value


def _as_shard(value: Any, weight: DTensor) -> Any:
    if value.dim() == 0:
        return value
    return DTensor.from_local(value, weight.device_mesh, weight.placements, run_check=False, shape=weight.shape, stride=weight.stride())


def _layers(model: Any) -> list[nn.Module]:
    """What the model's own library says must not be cut across: its layers."""
    names = set(model._no_split_modules or ())
    return [module for module in model.modules() if type(module).__name__ in names]


def check_shards(step: nn.Module, ranks: Ranks) -> tuple[int, int]:
    """How many numbers this process holds, and how many there are.

    Raises WorkerError('config_error') when a weight is whole, when shards do not add up, or one process holds more than its share.
    """
    whole = [name for name, weight in step.named_parameters() if not isinstance(weight, DTensor)]
    if whole:
        raise WorkerError("config_error", f"distributed: fsdp2 was asked for, and {whole[0]} is not in shards on rank {ranks.rank}.")
    weights = [cast(DTensor, weight) for weight in step.parameters()]
    total = sum(weight.numel() for weight in weights)
    held = ranks.gather(sum(weight.to_local().numel() for weight in weights))
    # Weights are cut by rows, and a process may have one row of each more than another.
    spare = sum(weight.numel() // max(weight.shape[0], 1) for weight in weights)
    if sum(held) != total or max(held) > total / ranks.world + spare:
        raise WorkerError("config_error", f"distributed: fsdp2 was asked for, and the processes hold {held} of {total} weights.")
    return held[ranks.rank], total
