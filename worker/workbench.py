"""What a training method is handed: the adapted model, the rows, and where and how to compute."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from peft import PeftModel
from transformers import PreTrainedTokenizerBase, TrainerCallback, TrainerState
from transformers.trainer_utils import TrainOutput

from worker.contract import Evaluation
from worker.examples import Example


@dataclass(frozen=True)
class Workbench:
    """Everything a method builds its trainer from, besides the job."""

    model: PeftModel
    tokenizer: PreTrainedTokenizerBase
    training: Sequence[Example]
    validation: Sequence[Example]
    # The training example at a place as an epoch sees it; None where every epoch sees the same.
    vary: Callable[[int, int], Example] | None
    total_steps: int
    device: Literal["cpu", "cuda"]
    precision: Literal["fp32", "bf16", "fp16"]


@dataclass
class Tally:
    """Sums over forward passes: loss in nats, tokens that carry loss, those guessed right, and all tokens but padding."""

    loss_sum: float = 0.0
    trained: int = 0
    right: int = 0
    seen: int = 0

    def __iadd__(self, other: "Tally") -> "Tally":
        self.loss_sum += other.loss_sum
        self.trained += other.trained
        self.right += other.right
        self.seen += other.seen
        return self

    @property
    def mean_loss(self) -> float:
        """Per trained token, in nats."""
        return self.loss_sum / max(self.trained, 1)

    @property
    def accuracy(self) -> float:
        """Share of trained tokens that the model would have said itself."""
        return self.right / max(self.trained, 1)


class MethodTrainer(Protocol):
    """What the run asks of the trainer of any method."""

    state: TrainerState
    # Since the last time somebody took it.
    tally: Tally
    # Before clipping, of the last step.
    grad_norm: float

    def add_callback(self, callback: TrainerCallback) -> None:
        """Lets somebody act between the steps."""
        ...

    def train(self, resume_from_checkpoint: str | None = None) -> TrainOutput:
        """Trains until the last step, or until a callback says stop."""
        ...

    def measure(self) -> Evaluation:
        """How the model does on the validation rows."""
        ...

    def learning_rate(self) -> float:
        """The rate of the next step."""
        ...

    def write_state(self, folder: Path, progress: dict[str, Any]) -> None:
        """Writes all but the adapter that a resumed run needs."""
        ...
