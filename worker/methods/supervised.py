"""Supervised fine-tuning: next-token loss on what the assistant says."""

from torch import Tensor

from worker.batches import Collator
from worker.contract import TrainingJob
from worker.examples import IGNORED, Example
from worker.head_loss import head_loss
from worker.packing import LayerCost, pack
from worker.run_trainer import RunTrainer, pad_token_id
from worker.trunk import PLAIN_STACKS, split_trunk
from worker.workbench import Tally, Workbench


def build(job: TrainingJob, bench: Workbench) -> "SupervisedTrainer":
    """A trainer over the rows of the bench."""
    return SupervisedTrainer(job, bench)


class SupervisedTrainer(RunTrainer):
    """TRL's loop with three things of our own, each for a measured reason.

    The head runs at trained positions only and keeps no logits; layers below the first adapter run once a row; where there are
    none, what rows have in common runs once a batch.
    """

    def __init__(self, job: TrainingJob, bench: Workbench) -> None:
        super().__init__(job, bench, Collator(self._pick, pad_token_id(bench)))
        if self._base.config.model_type in PLAIN_STACKS:
            self._layer_cost = LayerCost.of(self._base.base_model.layers[0], self._base.config.hidden_size)
        # The outputs of frozen layers are kept by row: rows that change from epoch to epoch have none to keep.
        layers = job.adapter.layers_to_transform if bench.vary is None else None
        self._trunk = split_trunk(self._base, layers, (bench.training, bench.validation))
        self.ahead = self._trunk if self._trunk is not None and self._trunk.keeps else None

    def _pick(self, place: int) -> Example:
        if self._bench.vary is None or place >= len(self._bench.training):
            return self._examples[place]
        return self._bench.vary(place, self._sampler.epoch)

    def _count(self, batch: dict[str, Tensor]) -> Tensor:
        return (batch["labels"][:, 1:] != IGNORED).sum()

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
