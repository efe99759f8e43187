"""What the trainers of all methods share: TRL's loop over our rows, with state that is read and written as safetensors and JSON."""

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import accelerate.utils.other
import torch
from datasets import Dataset
from torch import Tensor
from torch.distributed.tensor import DTensor
from torch.utils.data import Sampler
from trl import SFTConfig, SFTTrainer

from worker.batches import EpochSampler, GivenOrder
from worker.contract import Evaluation, TrainingJob
from worker.failures import WorkerError
from worker.rate_schedule import schedule_arguments, warmup_steps
from worker.shelf import Chained
from worker.strategies import STRATEGIES
from worker.strategies.strategy import StepLoss, Strategy
from worker.trainer_state import (
    capture_state,
    forget_tensors,
    groups_of,
    restore_adapter,
    restore_moments,
    restore_optimizer,
    restore_random_numbers,
    restore_schedule,
)
from worker.workbench import Ahead, Tally, Workbench

# Accelerate imports DeepSpeed where it is installed (seen: 2 s a job), to see whether it wraps a model; ours wraps the step instead.
accelerate.utils.other.is_deepspeed_available = lambda: False

# Examples as a batch of tensors, by their places: those of the training file first, then those of the validation file.
Collate = Callable[[Sequence[dict[str, int]]], dict[str, Tensor]]


class RunTrainer(SFTTrainer):
    """A trainer of any method: it says what a batch is, and what loss a batch has."""

    # compute_loss divides by what all forward passes of a step hold.
    loss_is_scaled_for_ga = True

    def __init__(self, job: TrainingJob, bench: Workbench, collate: Collate) -> None:
        self._job = job
        self._bench = bench
        self._examples = Chained([bench.training, bench.validation])
        self.tally = Tally()
        self._rows: list[int] = []
        self._grad_norm = 0.0
        self.before_backward: Callable[[], None] = _nothing
        # Where there are several processes, once the optimiser is made.
        self._strategy: Strategy | None = None
        self.ahead: Ahead | None = None
        self._base: Any = bench.base
        lengths = [len(example.token_ids_T) for example in bench.training]
        self._sampler: EpochSampler = EpochSampler(lengths, job.settings.batch_size, job.seed, job.settings.group_by_length)
        super().__init__(
            model=bench.model,
            args=_arguments(job, bench),
            train_dataset=Dataset.from_dict({"place": list(range(len(bench.training)))}),
            processing_class=bench.tokenizer,
            data_collator=collate,
        )

    @abstractmethod
    def _forward(self, inputs: dict[str, Tensor]) -> tuple[Tensor, Tally]:
        """Loss of a batch, summed over its tokens or its rows, and what is counted of it."""

    @abstractmethod
    def _count(self, batch: dict[str, Tensor]) -> Tensor:
        """How many tokens or rows the loss of this batch is summed over."""

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        return self._sampler

    def take_rows(self) -> list[int]:
        """Rows of the training file that were read since this was last asked, counted from 1."""
        rows, self._rows = self._rows, []
        return rows

    def follow(self, order: Sequence[int]) -> None:
        """Reads these rows, by their places, instead of all in the order of the seed."""
        self._sampler = GivenOrder(order)

    def _get_num_items_in_batch(self, batch_samples: list[dict[str, Tensor]], device: torch.device) -> Tensor:
        return self._bench.ranks.total(torch.stack([self._count(batch) for batch in batch_samples]).sum()).to(device)

    def compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None) -> Any:
        """Mean loss over one optimiser step: the share of this forward pass."""
        loss, tally = self._run_step(inputs)
        if not math.isfinite(tally.loss_sum):
            raise WorkerError("nan", f"The loss became {tally.loss_sum} in step {self.state.global_step + 1}.")
        self.tally += tally
        self._rows += [self._examples[place].row for place in inputs.get("met", inputs["places"]).tolist()]
        self.before_backward()
        return loss / num_items_in_batch

    def _run_step(self, inputs: dict[str, Any]) -> tuple[Tensor, Tally]:
        """The forward pass, through the engine where there are several processes."""
        if self._strategy is None:
            return self._forward(inputs)
        loss = self._strategy.module(inputs)
        return loss, self._step_loss.tally

    def create_optimizer(self, model: Any = None) -> Any:
        """The optimiser; where there are several processes, the engine comes with it. A checkpoint's weights are in place by now."""
        make = partial(super().create_optimizer, model)
        if self._bench.ranks.world == 1:
            return make()
        if self._strategy is None:
            self._step_loss = StepLoss(self._bench.model, self._forward)
            forget_tensors(self._bench.model)
            self._strategy = STRATEGIES[self._job.settings.distributed](self._job, self._bench, self._step_loss, make)
            self.optimizer = self._strategy.optimizer
        return self.optimizer

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """The schedule of the rate."""
        if self._strategy is None:
            return super().create_scheduler(num_training_steps, optimizer)
        self.lr_scheduler = self._strategy.schedule() or super().create_scheduler(num_training_steps, self._strategy.rates)
        return self.lr_scheduler

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> Tensor:
        """Forward and backward of one batch."""
        if self._strategy is None:
            return super().training_step(model, inputs, num_items_in_batch)
        self._strategy.module.train()
        is_last = self.accelerator.sync_gradients
        with self._strategy.accumulating(is_last):
            loss = self.compute_loss(model, self._prepare_inputs(inputs), num_items_in_batch=num_items_in_batch)
            # Engines average the gradients of all processes, and the mean of a step is over the rows of all: they are to be summed.
            self._strategy.backward(loss * self._bench.ranks.world, is_last, self.accelerator.backward)
        return loss.detach()

    @property
    def grad_norm(self) -> float:
        """Before clipping, of the last step."""
        return self._strategy.grad_norm if self._strategy is not None and self._strategy.clips else self._grad_norm

    @property
    def spread(self) -> str | None:
        """How the weights are spread over the processes, in words; None where there is one."""
        return self._strategy.told if self._strategy is not None else None

    def whole(self) -> AbstractContextManager[None]:
        """In here the weights can be read, by every process at once."""
        return self._strategy.whole() if self._strategy is not None else nullcontext()

    def _clip_grad_norm(self, model: Any) -> Any:
        return 0.0 if self._strategy is not None and self._strategy.clips else super()._clip_grad_norm(model)

    def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> float:
        if self._strategy is not None and self._strategy.clips:
            return 0.0
        found = super()._get_grad_norm(model, grad_norm)
        norm = float(found.full_tensor() if isinstance(found, DTensor) else found)
        # A scaler (fp16) skips a step with an infinite gradient and lowers its scale; without one it would ruin the weights.
        if not math.isfinite(norm):
            if self.accelerator.scaler is None:
                raise WorkerError("nan", f"The gradient became {norm} in step {self.state.global_step + 1}.")
            norm = 0.0
        self._grad_norm = norm
        return norm

    def floating_point_ops(self, inputs: Any) -> int:
        """Not counted: it walks over every parameter in every step."""
        return 0

    @torch.no_grad()
    def measure(self, between: Callable[[], None] = lambda: None) -> Evaluation:
        """How the model does on the validation rows, longest first; draws no random number."""
        total = Tally()
        first = len(self._bench.training)
        places = sorted(range(first, len(self._examples)), key=lambda place: -len(self._examples[place].token_ids_T))
        size = self._job.settings.batch_size
        module = self._strategy.module if self._strategy is not None else self._bench.model
        module.eval()
        for start in range(0, len(places), size):
            total += self._look(places[start : start + size])
            between()
        module.train()
        total = self._bench.ranks.sum_up(total, Tally())
        loss = total.mean_loss
        if not math.isfinite(loss):
            raise WorkerError("nan", f"The loss on the validation file became {loss} after step {self.state.global_step}.")
        perplexity = math.exp(min(self._nats_per_token(total), 700))
        return Evaluation(loss=loss, perplexity=perplexity, mean_token_accuracy=total.accuracy, metrics=total.mean_metrics)

    def _look(self, places: Sequence[int]) -> Tally:
        """What is counted of these validation rows."""
        batch: Any = self._prepare_inputs(self.data_collator([{"place": place} for place in places]))
        return self._run_step(batch)[1]

    def _nats_per_token(self, total: Tally) -> float:
        """Of the answers that the model is to give."""
        return total.mean_loss

    def learning_rate(self) -> float:
        """The rate of the next step."""
        return float(self._stepped()[0].param_groups[0]["lr"])

    def capture_state(self, progress: dict[str, Any]) -> Callable[[Path], None]:
        """Takes hold of all but the adapter that a resumed run needs; what is returned writes it into a folder, before it changes."""
        optimizer, scheduler, scaler = self._stepped()
        if self._strategy is None:
            return capture_state(optimizer.state_dict(), scheduler, scaler, progress)
        ranks = self._bench.ranks
        has_own = ranks.is_first or self._strategy.is_sharded
        moments = self._strategy.moments() if has_own else {}
        return capture_state({"state": moments, "param_groups": groups_of(self._strategy.rates)}, scheduler, scaler, progress, ranks)

    def _stepped(self) -> tuple[Any, Any, Any]:
        """What moves with every step: optimiser, schedule and, with fp16, the scaler of gradients."""
        return self.optimizer, self.lr_scheduler, self.accelerator.scaler

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        restore_adapter(self._bench.model, Path(resume_from_checkpoint))

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            _, scheduler, scaler = self._stepped()
            strategy, ranks = self._strategy, self._bench.ranks
            if strategy is None:
                restore_optimizer(Path(checkpoint), *self._stepped())
            else:
                moments_of = ranks.rank if strategy.is_sharded else 0
                restore_moments(Path(checkpoint), strategy.rates, strategy.restore_moments, moments_of)
                restore_schedule(Path(checkpoint), scheduler, scaler)

    def _load_scaler(self, checkpoint: str | None) -> None:
        """Restored with the optimiser."""

    def _load_rng_state(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            restore_random_numbers(Path(checkpoint), self._bench.ranks.rank)


def _nothing() -> None:
    """Nobody waits for the middle of a step."""


def pad_token_id(bench: Workbench) -> int:
    """Any token will do: padding carries no label, and no token before it attends to it."""
    token_id = bench.tokenizer.pad_token_id
    return token_id if isinstance(token_id, int) else 0


def _arguments(job: TrainingJob, bench: Workbench) -> SFTConfig:
    """The settings of the job in TRL's words. When to log, evaluate and save is decided in progress.py."""
    settings = job.settings
    # DeepSpeed casts by itself, and keeps its own scale of gradients.
    has_own_precision = settings.distributed in ("zero2", "zero3")
    return SFTConfig(
        output_dir=job.attempt_dir,
        num_train_epochs=settings.n_epochs,
        max_steps=settings.max_steps or -1,
        per_device_train_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.gradient_accumulation_steps,
        learning_rate=settings.learning_rate,
        lr_scheduler_type=settings.lr_scheduler_type,
        lr_scheduler_kwargs=schedule_arguments(settings, bench.total_steps),
        warmup_steps=warmup_steps(settings, bench.total_steps),
        weight_decay=settings.weight_decay,
        adam_beta1=settings.adam_beta1,
        adam_beta2=settings.adam_beta2,
        max_grad_norm=settings.max_grad_norm,
        bf16=bench.precision == "bf16" and not has_own_precision,
        fp16=bench.precision == "fp16" and not has_own_precision,
        gradient_checkpointing=settings.gradient_checkpointing,
        neftune_noise_alpha=settings.neftune_noise_alpha,
        use_cpu=bench.device == "cpu",
        seed=job.seed,
        max_length=None,
        logging_strategy="no",
        save_strategy="no",
        eval_strategy="no",
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=bench.device != "cpu",
        dataset_kwargs={"skip_prepare_dataset": True},
    )
