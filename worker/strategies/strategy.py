"""What a trainer asks of the engine that spreads it over several processes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from worker.workbench import Tally

# The state of an optimiser, by the place of the parameter in it.
Moments = dict[int, dict[str, Any]]


class StepLoss(nn.Module):
    """A trainer's forward pass as a module, so that an engine which wraps modules sees every weight that it uses."""

    def __init__(self, model: nn.Module, run: Callable[[dict[str, Tensor]], tuple[Tensor, Tally]]) -> None:
        super().__init__()
        self.model = model
        self._run = run
        # Of the last pass.
        self.tally = Tally()

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        """The loss of this process's share of a batch, summed."""
        loss, self.tally = self._run(inputs)
        return loss


class Strategy:
    """An engine around a model, and the optimiser that goes with it. This one is for engines that leave the loop as it is."""

    # Whether each process holds but a share of the optimiser, and saves it.
    is_sharded = False
    # Whether the engine clips gradients itself, while it steps.
    clips = False
    # Of the last step's gradient, where the engine clips.
    grad_norm = 0.0

    def __init__(self, module: nn.Module, optimizer: Any, told: str, rates: Optimizer | None = None) -> None:
        # What is called with a batch.
        self.module = module
        # What the loop steps.
        self.optimizer = optimizer
        # What was found of how it is spread, for the person.
        self.told = told
        # Whose rates the schedule sets.
        self.rates: Optimizer = rates if rates is not None else optimizer

    def schedule(self) -> Any:
        """A schedule of the rates that comes with the engine; None where the settings of the job say it."""
        return None

    @contextmanager
    def accumulating(self, is_last: bool) -> Iterator[None]:
        """Forward and backward of one batch of a step; with the last the gradients of all processes are put together."""
        yield

    def backward(self, loss: Tensor, is_last: bool, plain: Callable[[Tensor], None]) -> None:
        """Gradients of a loss. `plain` is how the loop does it."""
        plain(loss)

    @contextmanager
    def whole(self) -> Iterator[None]:
        """In here every process can read all weights, or all of those that are trained. They must not be changed."""
        yield

    def moments(self) -> Moments:
        """What this process holds of the optimiser."""
        return self.rates.state_dict()["state"]

    def restore_moments(self, moments: Moments) -> None:
        """Puts it back."""
        self.rates.load_state_dict({"state": moments, "param_groups": self.rates.state_dict()["param_groups"]})
