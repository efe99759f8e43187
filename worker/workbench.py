"""What a training method is handed: the adapted model, the rows, and where and how to compute."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from peft import PeftModel
from transformers import PreTrainedModel, PreTrainedTokenizerBase, TrainerCallback, TrainerState
from transformers.trainer_utils import TrainOutput

from worker.contract import Evaluation
from worker.examples import Example
from worker.ranks import ALONE, Ranks


@dataclass(frozen=True)
class Workbench:
    """Everything a method builds its trainer from, besides the job."""

    # Where all weights are trained, the model itself.
    model: PeftModel | PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    training: Sequence[Example]
    validation: Sequence[Example]
    # The training example at a place as an epoch sees it; None where every epoch sees the same.
    vary: Callable[[int, int], Example] | None
    total_steps: int
    device: Literal["cpu", "cuda"]
    precision: Literal["fp32", "bf16", "fp16"]
    ranks: Ranks = ALONE

    @property
    def base(self) -> PreTrainedModel:
        """The model whose layers and head are run, with what is trained in place."""
        found: Any = self.model.get_base_model() if isinstance(self.model, PeftModel) else self.model
        return found

    @property
    def has_base(self) -> bool:
        """Whether the model can still be asked what it said before the training."""
        return isinstance(self.model, PeftModel)

    @property
    def adapted(self) -> PeftModel:
        """The base model with an adapter on it: only where it `has_base`."""
        if not isinstance(self.model, PeftModel):
            raise TypeError("all weights are trained: there is no base model left")
        return self.model

    @contextmanager
    def switched_off(self) -> Iterator[None]:
        """The base model, without what is trained: only where it `has_base`."""
        with self.adapted.disable_adapter():
            yield


@dataclass
class Tally:
    """Sums over forward passes: loss in nats, tokens that carry loss, those guessed right, and all tokens but padding.

    A method that compares whole answers counts its loss, and what else it measures, by row.
    """

    loss_sum: float = 0.0
    trained: int = 0
    right: int = 0
    seen: int = 0
    # Rows whose loss was summed; 0 where it is summed over tokens.
    rows: int = 0
    # Summed over those rows.
    metrics: dict[str, float] = field(default_factory=dict)

    def __iadd__(self, other: "Tally") -> "Tally":
        self.loss_sum += other.loss_sum
        self.trained += other.trained
        self.right += other.right
        self.seen += other.seen
        self.rows += other.rows
        for name, value in other.metrics.items():
            self.metrics[name] = self.metrics.get(name, 0.0) + value
        return self

    @property
    def mean_loss(self) -> float:
        """Per trained token, or per row, in nats."""
        return self.loss_sum / max(self.rows or self.trained, 1)

    @property
    def mean_metrics(self) -> dict[str, float]:
        """Per row."""
        return {name: value / self.rows for name, value in self.metrics.items()}

    @property
    def accuracy(self) -> float:
        """Share of trained tokens that the model would have said itself."""
        return self.right / max(self.trained, 1)


class Ahead(Protocol):
    """What is computed of each row once, before the trained part of it, and kept: what frozen layers or the base model say of it."""

    def keep(self, places: Iterable[int]) -> None:
        """Computes it now for these rows."""
        ...

    def cost_of(self, places: Iterable[int]) -> tuple[int, int]:
        """What that takes: tokens run, padding included, and bytes kept."""
        ...


class MethodTrainer(Protocol):
    """What the run asks of the trainer of any method."""

    state: TrainerState
    # Since the last time somebody took it.
    tally: Tally
    # Called in the middle of a step, after each of its forward passes: the weights are still those that the last step left.
    before_backward: Callable[[], None]

    @property
    def grad_norm(self) -> float:
        """Before clipping, of the last step."""
        ...

    @property
    def ahead(self) -> Ahead | None:
        """What the first step that meets a row computes of it; None where there is nothing of the kind."""
        ...

    @property
    def spread(self) -> str | None:
        """How the weights are spread over the processes, in words; None where there is one."""
        ...

    def whole(self) -> AbstractContextManager[None]:
        """In here the weights can be read, by every process at once."""
        ...

    def add_callback(self, callback: TrainerCallback) -> None:
        """Lets somebody act between the steps."""
        ...

    def take_rows(self) -> list[int]:
        """Rows of the training file that were read since this was last asked, counted from 1."""
        ...

    def follow(self, order: Sequence[int]) -> None:
        """Reads these rows, by their places, instead of all in the order of the seed: for a measurement."""
        ...

    def train(self, resume_from_checkpoint: str | None = None) -> TrainOutput:
        """Trains until the last step, or until a callback says stop."""
        ...

    def measure(self, between: Callable[[], None] = ...) -> Evaluation:
        """How the model does on the validation rows; calls `between` batches, for what cannot wait."""
        ...

    def learning_rate(self) -> float:
        """The rate of the next step."""
        ...

    def capture_state(self, progress: dict[str, Any]) -> Callable[[Path], None]:
        """Takes hold of all but the adapter that a resumed run needs; what is returned writes it into a folder, before it changes."""
        ...
