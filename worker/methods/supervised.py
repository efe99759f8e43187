"""Supervised fine-tuning: next-token loss on what the assistant says, on TRL's SFTTrainer."""

import math
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor
from torch.utils.data import Sampler
from trl import SFTConfig, SFTTrainer

from worker.batches import Collator, EpochSampler
from worker.contract import Evaluation, TrainingJob
from worker.examples import IGNORED, Example
from worker.failures import WorkerError
from worker.head_loss import head_loss
from worker.packing import LayerCost, pack
from worker.trainer_state import restore_adapter, restore_optimizer, restore_random_numbers, write_state
from worker.trunk import PLAIN_STACKS, split_trunk
from worker.workbench import Tally, Workbench


def build(job: TrainingJob, bench: Workbench) -> "SupervisedTrainer":
    """A trainer over the rows of the bench."""
    return SupervisedTrainer(job, bench)


class SupervisedTrainer(SFTTrainer):
    """TRL's trainer with four things of our own, each for a measured reason.

    The head runs at trained positions only and keeps no logits; layers below the first adapter run once a row; where there are
    none, what rows have in common runs once a batch; the state of a checkpoint is read and written as safetensors and JSON.
    """

    # compute_loss divides by the tokens of all forward passes of a step.
    loss_is_scaled_for_ga = True

    def __init__(self, job: TrainingJob, bench: Workbench) -> None:
        self._job = job
        self._bench = bench
        self._examples = [*bench.training, *bench.validation]
        self.tally = Tally()
        self.grad_norm = 0.0
        self._base: Any = bench.model.get_base_model()
        if self._base.config.model_type in PLAIN_STACKS:
            self._layer_cost = LayerCost.of(self._base.base_model.layers[0], self._base.config.hidden_size)
        lengths = [len(example.token_ids_T) for example in bench.training]
        self._sampler = EpochSampler(lengths, job.settings.batch_size, job.seed, job.settings.group_by_length)
        # The outputs of frozen layers are kept by row: rows that change from epoch to epoch have none to keep.
        layers = job.adapter.layers_to_transform if bench.vary is None else None
        self._trunk = split_trunk(self._base, layers, (bench.training, bench.validation))
        super().__init__(
            model=bench.model,
            args=_arguments(job, bench),
            train_dataset=Dataset.from_dict({"place": list(range(len(bench.training)))}),
            processing_class=bench.tokenizer,
            data_collator=Collator(self._pick, _pad_token_id(bench)),
        )

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        return self._sampler

    def _pick(self, place: int) -> Example:
        if self._bench.vary is None or place >= len(self._bench.training):
            return self._examples[place]
        return self._bench.vary(place, self._sampler.epoch)

    def _get_num_items_in_batch(self, batch_samples: list[dict[str, Tensor]], device: torch.device) -> Tensor:
        return torch.stack([(batch["labels"][:, 1:] != IGNORED).sum() for batch in batch_samples]).sum().to(device)

    def compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None) -> Any:
        """Mean loss over the trained tokens of one optimiser step: the share of this forward pass."""
        loss, tally = self._forward(inputs)
        if not math.isfinite(tally.loss_sum):
            raise WorkerError("nan", f"The loss became {tally.loss_sum} in step {self.state.global_step + 1}.")
        self.tally += tally
        return loss / num_items_in_batch

    def _forward(self, inputs: dict[str, Tensor]) -> tuple[Tensor, Tally]:
        """Loss summed over the trained tokens of a batch, and what is counted of it."""
        lengths = inputs["attention_mask"].sum(dim=1).tolist()
        with self.accelerator.autocast():
            if self._trunk is not None:
                hidden_B_T_H, labels_B_T = self._trunk(inputs["input_ids"], inputs["places"].tolist()), inputs["labels"]
            else:
                hidden_B_T_H, labels_B_T = self._run_backbone(inputs, lengths)
            loss, right, trained = head_loss(hidden_B_T_H, labels_B_T, self._base.get_output_embeddings(), IGNORED)
        return loss, Tally(float(loss.detach()), int(trained), int(right), sum(lengths))

    def _run_backbone(self, inputs: dict[str, Tensor], lengths: list[int]) -> tuple[Tensor, Tensor]:
        """Hidden states of a batch after the last layer, and the labels in the same shape."""
        backbone = self._base.base_model
        token_ids_B_T, labels_B_T, mask_B_T = inputs["input_ids"], inputs["labels"], inputs["attention_mask"]
        if self._base.config.model_type not in PLAIN_STACKS:
            return backbone(input_ids=token_ids_B_T, attention_mask=mask_B_T, use_cache=False).last_hidden_state, labels_B_T
        window = getattr(self._base.config, "sliding_window", None)
        fits = window is None or max(lengths) <= window
        packed = pack(token_ids_B_T, labels_B_T, lengths, self._layer_cost) if fits else None
        if packed is None:
            # Padding stands on the right, where a causal layer does not look: no mask, and the faster attention kernel.
            return backbone(input_ids=token_ids_B_T, use_cache=False).last_hidden_state, labels_B_T
        output = backbone(
            input_ids=packed.token_ids_1_T,
            position_ids=packed.positions_1_T,
            attention_mask=packed.mask_1_1_T_T,
            use_cache=False,
        )
        return output.last_hidden_state, packed.labels_1_T

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
    def measure(self) -> Evaluation:
        """Loss, perplexity and accuracy on the validation rows, longest first; draws no random number."""
        total = Tally()
        first = len(self._bench.training)
        places = sorted(range(first, len(self._examples)), key=lambda place: -len(self._examples[place].token_ids_T))
        size = self._job.settings.batch_size
        self._bench.model.eval()
        for start in range(0, len(places), size):
            batch = self.data_collator([{"place": place} for place in places[start : start + size]])
            total += self._forward(self._prepare_inputs(batch))[1]
        self._bench.model.train()
        loss = total.mean_loss
        if not math.isfinite(loss):
            raise WorkerError("nan", f"The loss on the validation file became {loss} after step {self.state.global_step}.")
        return Evaluation(loss=loss, perplexity=math.exp(min(loss, 700)), mean_token_accuracy=total.accuracy)

    def learning_rate(self) -> float:
        """The rate of the next step."""
        return float(self._stepped()[0].param_groups[0]["lr"])

    def write_state(self, folder: Path, progress: dict[str, Any]) -> None:
        """Writes all but the adapter that a resumed run needs."""
        write_state(folder, *self._stepped(), progress)

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


def _pad_token_id(bench: Workbench) -> int:
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
        warmup_steps=math.ceil(settings.warmup_ratio * bench.total_steps),
        weight_decay=settings.weight_decay,
        adam_beta1=settings.adam_beta1,
        adam_beta2=settings.adam_beta2,
        max_grad_norm=settings.max_grad_norm,
        bf16=bench.precision == "bf16",
        fp16=bench.precision == "fp16",
        gradient_checkpointing=settings.gradient_checkpointing,
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
