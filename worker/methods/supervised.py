"""Supervised fine-tuning: next-token loss on what the assistant says."""

from typing import Any

from torch import Tensor

from worker.attention import takes_masks
from worker.batches import Collator
from worker.contract import TrainingJob
from worker.examples import IGNORED, Example
from worker.head_loss import head_loss
from worker.lookahead import Lookahead
from worker.packing import LayerCost, Packed, pack, packs
from worker.run_trainer import RunTrainer, pad_token_id
from worker.trunk import PLAIN_STACKS, split_trunk
from worker.workbench import Tally, Workbench


def build(job: TrainingJob, bench: Workbench) -> "SupervisedTrainer":
    """A trainer over the rows of the bench."""
    return SupervisedTrainer(job, bench)


class SupervisedTrainer(RunTrainer):
    """TRL's loop with three things of our own, each for a measured reason.

    The head runs at trained positions only and keeps no logits; what rows begin with in common runs once a batch; layers below the
    first adapter run once a row.
    """

    def __init__(self, job: TrainingJob, bench: Workbench) -> None:
        rows = job.settings.batch_size * job.settings.gradient_accumulation_steps
        vary = bench.vary
        # One of several processes reads but a share of the order.
        varies = vary if bench.ranks.world == 1 else None
        self._lookahead = Lookahead(varies, lambda epoch: self._sampler.order_of(epoch), rows) if varies is not None else None
        self._vary = self._lookahead or vary
        super().__init__(job, bench, Collator(self._pick, pad_token_id(bench), bench.ranks))
        if self._base.config.model_type in PLAIN_STACKS:
            self._layer_cost = LayerCost.of(self._base.base_model.layers[0], self._base.config.hidden_size)
        # The outputs of frozen layers are kept by row: rows that change from epoch to epoch, or by noise, have none to keep.
        # Where layers are in shards, all processes must run the same ones at the same time.
        is_whole = job.settings.distributed not in ("fsdp2", "zero3")
        is_steady = bench.vary is None and job.settings.neftune_noise_alpha is None and is_whole
        layers = getattr(job.adapter, "layers_to_transform", None) if is_steady else None
        self._packs = packs(job.settings) and takes_masks(self._base)
        self._trunk = split_trunk(self._base, layers, (bench.training, bench.validation))
        self.ahead = self._trunk if self._trunk is not None and self._trunk.keeps else None

    def _pick(self, place: int) -> Example:
        if self._vary is None or place >= len(self._bench.training):
            return self._examples[place]
        return self._vary(place, self._sampler.epoch)

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> Tensor:
        """Forward and backward of one batch, while the rows of the next step are made."""
        if self._lookahead is None:
            return super().training_step(model, inputs, num_items_in_batch)
        self._lookahead.begin()
        try:
            return super().training_step(model, inputs, num_items_in_batch)
        finally:
            self._lookahead.finish()

    def _count(self, batch: dict[str, Tensor]) -> Tensor:
        return (batch["labels"][:, 1:] != IGNORED).sum()

    def _forward(self, inputs: dict[str, Tensor]) -> tuple[Tensor, Tally]:
        """Loss summed over the trained tokens of a batch, and what is counted of it."""
        lengths = inputs["attention_mask"].sum(dim=1).tolist()
        with self.accelerator.autocast():
            packed = self._pack(inputs, lengths)
            if self._trunk is not None:
                hidden_B_T_H = self._trunk(inputs["input_ids"], inputs["places"].tolist(), packed)
            else:
                hidden_B_T_H = self._run_backbone(inputs, packed)
            labels_B_T = inputs["labels"] if packed is None else packed.labels_1_T
            loss, right, trained = head_loss(hidden_B_T_H, labels_B_T, self._base.get_output_embeddings(), IGNORED)
        # A batch without loss stands in where this process has no row.
        return loss, Tally(float(loss.detach()), int(trained), int(right), sum(lengths) if int(trained) else 0)

    def _pack(self, inputs: dict[str, Tensor], lengths: list[int]) -> Packed | None:
        """The batch as one sequence, where the model's layers can be run like that and it costs less."""
        if self._base.config.model_type not in PLAIN_STACKS:
            return None
        window = getattr(self._base.config, "sliding_window", None)
        fits = self._packs and (window is None or max(lengths) <= window)
        return pack(inputs["input_ids"], inputs["labels"], lengths, self._layer_cost) if fits else None

    def _run_backbone(self, inputs: dict[str, Tensor], packed: Packed | None) -> Tensor:
        """Hidden states of a batch after the last layer."""
        backbone = self._base.base_model
        if packed is not None:
            return backbone(
                input_ids=packed.token_ids_1_T,
                position_ids=packed.positions_1_T,
                attention_mask=packed.mask_1_1_T_T,
                use_cache=False,
            ).last_hidden_state
        # Padding stands on the right, where a causal layer does not look: plain stacks need no mask, and take the faster attention kernel.
        mask_B_T = None if self._base.config.model_type in PLAIN_STACKS else inputs["attention_mask"]
        return backbone(input_ids=inputs["input_ids"], attention_mask=mask_B_T, use_cache=False).last_hidden_state
