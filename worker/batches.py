"""Which rows meet in which batch, and how they become tensors."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.utils.data import Sampler

from worker.contract import TrainingSettings
from worker.examples import IGNORED, Example
from worker.ranks import ALONE, Ranks

# Rows are sorted by length within so many batches: enough to save padding, few enough to keep the order random.
_POOL_BATCHES = 50
# Lengths are blurred by up to this share before sorting, so that a row meets other neighbours in every epoch.
_LENGTH_BLUR = 0.1


class EpochSampler(Sampler[int]):
    """The order of the rows, a function of seed and epoch alone: a resumed run reads on exactly where it stopped."""

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int, group_by_length: bool) -> None:
        self._lengths_N = torch.tensor(lengths, dtype=torch.float64)
        self._batch_size = batch_size
        self._seed = seed
        self._group_by_length = group_by_length
        self._epoch = 0
        # By epoch: of the one that is being read, and the next.
        self._orders: dict[int, list[int]] = {}

    @property
    def epoch(self) -> int:
        """Counted from 0."""
        return self._epoch

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer before each epoch, counted from 0."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._lengths_N)

    def __iter__(self) -> Iterator[int]:
        return iter(self.order_of(self._epoch))

    def order_of(self, epoch: int) -> Sequence[int]:
        """The places of all rows, as they are read in this epoch."""
        if epoch not in self._orders:
            generator = torch.Generator().manual_seed(self._seed * 1_000_003 + epoch)
            order_N = torch.randperm(len(self), generator=generator)
            ordered_N = self._grouped(order_N, generator) if self._group_by_length else order_N
            self._orders = {known: order for known, order in self._orders.items() if known == epoch - 1} | {epoch: ordered_N.tolist()}
        return self._orders[epoch]

    def _grouped(self, order_N: Tensor, generator: torch.Generator) -> Tensor:
        """The same rows, so that each batch holds rows of like length; the batches stay in random order."""
        batches: list[Tensor] = []
        for pool in order_N.split(self._batch_size * _POOL_BATCHES):
            blur = 1 + _LENGTH_BLUR * torch.rand(len(pool), generator=generator, dtype=torch.float64)
            pool = pool[(self._lengths_N[pool] * blur).argsort(descending=True, stable=True)]
            batches += pool.split(self._batch_size)
        # A batch that is not full goes last: the data loader cuts the order into batches by counting.
        whole = [batch for batch in batches if len(batch) == self._batch_size]
        rest = [batch for batch in batches if len(batch) < self._batch_size]
        shuffled = [whole[at] for at in torch.randperm(len(whole), generator=generator).tolist()]
        return torch.cat(shuffled + rest)


class GivenOrder(EpochSampler):
    """The same order of rows in every epoch."""

    def __init__(self, order: Sequence[int]) -> None:
        super().__init__([1] * len(order), 1, 0, False)
        self._order = list(order)

    def order_of(self, epoch: int) -> Sequence[int]:
        """The one that was given."""
        return self._order


class Collator:
    """Rows, given by their place in the examples, as one batch: padded on the right to the longest of them.

    Where there are several processes, each is given all rows of a batch and takes its share.
    """

    def __init__(self, pick: Callable[[int], Example], pad_token_id: int, ranks: Ranks = ALONE) -> None:
        self._pick = pick
        self._pad_token_id = pad_token_id
        self._ranks = ranks

    def __call__(self, items: Sequence[dict[str, int]]) -> dict[str, Tensor]:
        met = [item["place"] for item in items]
        own = self._ranks.share(met)
        # The last batch of an epoch may have no row for this process, which takes part nevertheless: with one that carries no loss.
        places = own or met[:1]
        chosen = [self._pick(place) for place in places]
        if not own:
            chosen = [replace(example, labels_T=[IGNORED] * len(example.labels_T)) for example in chosen]
        return {
            "input_ids": self._pad([example.token_ids_T for example in chosen], self._pad_token_id),
            "labels": self._pad([example.labels_T for example in chosen], IGNORED),
            "attention_mask": self._pad([[1] * len(example.token_ids_T) for example in chosen], 0),
            "places": torch.tensor(places),
            # Of all processes together.
            "met": torch.tensor(met),
        }

    @staticmethod
    def _pad(rows: list[list[int]], value: int) -> Tensor:
        longest = max(len(row) for row in rows)
        return torch.tensor([row + [value] * (longest - len(row)) for row in rows])


def steps_per_epoch(rows: int, settings: TrainingSettings) -> int:
    """Optimiser steps of one epoch; the last may hold fewer batches or rows than the others."""
    return math.ceil(math.ceil(rows / settings.batch_size) / settings.gradient_accumulation_steps)


def total_steps(rows: int, settings: TrainingSettings) -> int:
    """Optimiser steps of the whole run."""
    return settings.max_steps or settings.n_epochs * steps_per_epoch(rows, settings)


def evaluation_interval(settings: TrainingSettings, steps_per_epoch: int) -> int | None:
    """Optimiser steps between two evaluations; None where there are none, at the end neither."""
    if settings.eval_strategy == "no":
        return None
    return settings.eval_steps or steps_per_epoch
