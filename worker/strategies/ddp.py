"""Data parallel: every process holds the whole model, and the gradients are averaged (Li et al. 2020, torch's DistributedDataParallel)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer

from worker.contract import TrainingJob
from worker.failures import WorkerError
from worker.ranks import Ranks
from worker.strategies.strategy import StepLoss, Strategy
from worker.workbench import Workbench


def spread(job: TrainingJob, bench: Workbench, step: StepLoss, make_optimizer: Callable[[], Optimizer]) -> Strategy:
    """Raises WorkerError('config_error') when the processes do not begin with the same weights."""
    if job.settings.cpu_offload:
        raise WorkerError("config_error", "cpu_offload: ddp holds the whole model in every process; fsdp2, zero2 and zero3 have shares.")
    _check_same(step, bench.ranks)
    # All drew the same weights from the seed: there is nothing to send, and what they share in memory stays shared.
    module = DistributedDataParallel(step, init_sync=False, broadcast_buffers=False)
    trained = sum(weight.numel() for weight in step.parameters() if weight.requires_grad)
    told = f"ddp: {bench.ranks.world} processes, each with the whole model; the gradients of {trained:,} weights are averaged"
    return DdpStrategy(module, make_optimizer(), told)


class DdpStrategy(Strategy):
    """Averages once a step, not once a batch."""

    module: DistributedDataParallel

    @contextmanager
    def accumulating(self, is_last: bool) -> Iterator[None]:
        """Gradients stay where they are until the last batch."""
        with nullcontext() if is_last else self.module.no_sync():
            yield


def _check_same(step: StepLoss, ranks: Ranks) -> None:
    sums = ranks.gather([float(weight.detach().double().sum()) for weight in step.parameters() if weight.requires_grad])
    differing = [rank for rank, found in enumerate(sums) if found != sums[0]]
    if differing:
        raise WorkerError("config_error", f"distributed: the weights of rank {differing[0]} are not those of rank 0; is its base the same?")
