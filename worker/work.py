"""How much work a batch is: multiplications, counted from the shapes that the trainer computes it in."""

from collections.abc import Sequence
from typing import Any

from transformers import PreTrainedModel

from worker.contract import TrainingJob
from worker.examples import IGNORED, Example
from worker.packing import LayerCost, packs
from worker.trunk import PLAIN_STACKS


class WorkCounter:
    """Counts by place in the examples. A layer that is trained through counts twice, forward and backward; a frozen one below once."""

    def __init__(self, model: PreTrainedModel, examples: Sequence[Example], job: TrainingJob, keeps_lower: bool) -> None:
        base: Any = model
        self._examples = examples
        first_layer = min(getattr(job.adapter, "layers_to_transform", None) or [0])
        self._packs = packs(job.settings) and job.method.type == "supervised" and base.config.model_type in PLAIN_STACKS
        self._window = getattr(base.config, "sliding_window", None)
        self._lower = 0 if keeps_lower else first_layer
        self._upper = base.config.num_hidden_layers - first_layer
        embedded = base.get_input_embeddings().weight.numel()
        layers = sum(weight.numel() for weight in base.base_model.parameters()) - embedded
        self._layer = LayerCost(token=layers // base.config.num_hidden_layers, pair=2 * base.config.hidden_size)
        self._head = base.config.vocab_size * base.config.hidden_size
        self._first_trained = [_first_trained(example) for example in examples]
        self._trained = [example.trained_tokens for example in examples]

    def of_step(self, batches: Sequence[Sequence[int]]) -> float:
        """One optimiser step over batches of places."""
        return float(sum(self._of_batch(batch, passes=2) for batch in batches))

    def of_evaluation(self, batches: Sequence[Sequence[int]]) -> float:
        """One look at these batches, forward only."""
        return float(sum(self._of_batch(batch, passes=1) for batch in batches))

    def _of_batch(self, places: Sequence[int], passes: int) -> int:
        body = self._layer.of_rows(len(places), max(len(self._examples[place].token_ids_T) for place in places))
        if self._packs:
            body = min(body, self._packed(places, body))
        head = sum(self._trained[place] for place in places) * self._head
        return body * (self._lower + self._upper * passes) + head * passes

    def _packed(self, places: Sequence[int], unpacked: int) -> int:
        """Work of one layer where the batch is one sequence (packing.py)."""
        rows = [self._examples[place].token_ids_T for place in places]
        if self._window is not None and max(map(len, rows)) > self._window:
            return unpacked
        # What all rows begin with is what the first and the last of them in order begin with.
        first, last = min(rows), max(rows)
        common = next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
        shared = max(0, min(common, min(self._first_trained[place] for place in places) - 1))
        return self._layer.of_rows(1, shared + sum(len(row) - shared for row in rows))


def _first_trained(example: Example) -> int:
    """A question, of which nothing is learnt, has none: all of it stands before the answer."""
    return next((at for at, label in enumerate(example.labels_T) if label != IGNORED), len(example.labels_T))
