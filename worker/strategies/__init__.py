"""How a run may be spread over several processes. A new way: its file beside these, and a line here."""

from collections.abc import Callable

from torch.optim import Optimizer

from worker.contract import TrainingJob
from worker.strategies import ddp, fsdp2, zero
from worker.strategies.strategy import StepLoss, Strategy
from worker.workbench import Workbench

STRATEGIES: dict[str, Callable[[TrainingJob, Workbench, StepLoss, Callable[[], Optimizer]], Strategy]] = {
    "ddp": ddp.spread,
    "fsdp2": fsdp2.spread,
    "zero2": zero.spread,
    "zero3": zero.spread,
}
