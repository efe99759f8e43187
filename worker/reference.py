"""What the base model says of each row: it never changes, so it is computed once and kept."""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from worker.examples import Example
from worker.shelf import Chained
from worker.workbench import Workbench


class Reference:
    """The adapters are off, and dropout too.

    Rows are run in fixed groups of like length, so that what is said of a row does not depend on the batch that first asks, down to
    the last bit: a resumed run computes it anew.
    """

    def __init__(
        self, bench: Workbench, files: Sequence[Sequence[Example]], batch_size: int, run: Callable[[Sequence[int]], Sequence[Tensor]]
    ) -> None:
        """`run` takes places, those of the second file counted on from the first, and says one tensor of each."""
        self._bench = bench
        self._run = run
        self._examples = Chained(files)
        self._group_of: dict[int, list[int]] = {}
        first = 0
        for file in files:
            order = sorted(range(len(file)), key=lambda at: (-len(file[at].token_ids_T), at))
            for start in range(0, len(order), batch_size):
                group = [first + at for at in order[start : start + batch_size]]
                self._group_of |= dict.fromkeys(group, group)
            first += len(file)
        self._kept: dict[int, Tensor] = {}

    def __call__(self, places: Sequence[int]) -> Tensor:
        """What is said of these rows, one after the other."""
        self.keep(places)
        return torch.stack([self._kept[place] for place in places])

    def keep(self, places: Iterable[int]) -> None:
        """Computes now what is not yet said of these rows."""
        for place in places:
            if place not in self._kept:
                group = self._group_of[place]
                self._kept |= dict(zip(group, self.off(lambda group=group: self._run(group)), strict=True))

    def cost_of(self, places: Iterable[int]) -> tuple[int, int]:
        """What it takes to keep what is said of these rows: tokens run, padding included, and bytes kept, which are few."""
        groups = {group[0]: group for group in (self._group_of[place] for place in places)}
        return sum(len(group) * max(len(self._examples[member].token_ids_T) for member in group) for group in groups.values()), 0

    @torch.no_grad()
    def off(self, run: Callable[[], Sequence[Tensor]]) -> Sequence[Tensor]:
        """What comes of it without the adapters."""
        was_training = self._bench.model.training
        self._bench.model.eval()
        with self._bench.switched_off():
            said = run()
        self._bench.model.train(was_training)
        return said
