"""What the trainers of all methods share: TRL's loop over our rows, with state that is read and written as safetensors and JSON."""

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor
from torch.utils.data import Sampler
from trl import SFTConfig, SFTTrainer

from worker.batches import EpochSampler, GivenOrder
from worker.contract import Evaluation, TrainingJob
from worker.failures import WorkerError
from worker.rate_schedule import schedule_arguments, warmup_steps
from worker.trainer_state import capture_state, restore_adapter, restore_optimizer, restore_random_numbers
from worker.workbench import Ahead, Tally, Workbench

# Examples as a batch of tensors, by their places: those of the training file first, then those of the validation file.
Collate = Callable[[Sequence[dict[str, int]]], dict[str, Tensor]]


class RunTrainer(SFTTrainer):
    """A trainer of any method: it says what a batch is, and what loss a batch has."""

    # compute_loss divides by what all forward passes of a step hold.
    loss_is_scaled_for_ga = True

    def __init__(self, job: TrainingJob, bench: Workbench, collate: Collate) -> None:
        self._job = job
        self._bench = bench
        self._examples = [*bench.training, *bench.validation]
        self.tally = Tally()
        self._rows: list[int] = []
        self.grad_norm = 0.0
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
        return torch.stack([self._count(batch) for batch in batch_samples]).sum().to(device)

    def compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None) -> Any:
        """Mean loss over one optimiser step: the share of this forward pass."""
        loss, tally = self._forward(inputs)
        if not math.isfinite(tally.loss_sum):
            raise WorkerError("nan", f"The loss became {tally.loss_sum} in step {self.state.global_step + 1}.")
        self.tally += tally
        self._rows += [self._examples[place].row for place in inputs["places"].tolist()]
        return loss / num_items_in_batch

    def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> float:
        norm = float(super()._get_grad_norm(model, grad_norm))
        # A scaler (fp16) skips a step with an infinite gradient and lowers its scale; without one it would ruin the weights.
        if not math.isfinite(norm):
            if self.accelerator.scaler is None:
                raise WorkerError("nan", f"The gradient became {norm} in step {self.state.global_step + 1}.")
            norm = 0.0
        self.grad_norm = norm
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
        self._bench.model.eval()
        for start in range(0, len(places), size):
            total += self._look(places[start : start + size])
            between()
        self._bench.model.train()
        loss = total.mean_loss
        if not math.isfinite(loss):
            raise WorkerError("nan", f"The loss on the validation file became {loss} after step {self.state.global_step}.")
        perplexity = math.exp(min(self._nats_per_token(total), 700))
        return Evaluation(loss=loss, perplexity=perplexity, mean_token_accuracy=total.accuracy, metrics=total.mean_metrics)

    def _look(self, places: Sequence[int]) -> Tally:
        """What is counted of these validation rows."""
        batch: Any = self._prepare_inputs(self.data_collator([{"place": place} for place in places]))
        return self._forward(batch)[1]

    def _nats_per_token(self, total: Tally) -> float:
        """Of the answers that the model is to give."""
        return total.mean_loss

    def learning_rate(self) -> float:
        """The rate of the next step."""
        return float(self._stepped()[0].param_groups[0]["lr"])

    def capture_state(self, progress: dict[str, Any]) -> Callable[[Path], None]:
        """Copies all but the adapter that a resumed run needs; what is returned writes it into a folder."""
        return capture_state(*self._stepped(), progress)

    def _stepped(self) -> tuple[Any, Any, Any]:
        """What moves with every step: optimiser, schedule and, with fp16, the scaler of gradients."""
        return self.optimizer, self.lr_scheduler, self.accelerator.scaler

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        restore_adapter(self._bench.model, Path(resume_from_checkpoint))

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            restore_optimizer(Path(checkpoint), *self._stepped())

    def _load_scaler(self, checkpoint: str | None) -> None:
        """Restored with the optimiser."""

    def _load_rng_state(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            restore_random_numbers(Path(checkpoint))


def pad_token_id(bench: Workbench) -> int:
    """Any token will do: padding carries no label, and no token before it attends to it."""
    token_id = bench.tokenizer.pad_token_id
    return token_id if isinstance(token_id, int) else 0


def _arguments(job: TrainingJob, bench: Workbench) -> SFTConfig:
    """The settings of the job in TRL's words. When to log, evaluate and save is decided in progress.py."""
    settings = job.settings
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
        bf16=bench.precision == "bf16",
        fp16=bench.precision == "fp16",
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
