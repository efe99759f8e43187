"""Makes the rows of the next step while this one computes: the very same rows, and no step waits for them."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

from worker.examples import Example


class Lookahead:
    """Examples by place and epoch, as `make` makes them; it works beside the caller only between `begin` and `finish`.

    `order_of` gives the places of an epoch, one after the other; `count` is how many rows a step has.
    """

    def __init__(self, make: Callable[[int, int], Example], order_of: Callable[[int], Sequence[int]], count: int) -> None:
        self._make = make
        self._order_of = order_of
        self._count = count
        # The thread begins with the first work: until then the process may fork.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lookahead")
        self._running: Future[dict[tuple[int, int], Example]] | None = None
        # By epoch and place.
        self._ready: dict[tuple[int, int], Example] = {}
        self._epoch = -1
        # How many places of the epoch were asked for.
        self._read = 0

    def __call__(self, place: int, epoch: int) -> Example:
        """The example: made ahead, or now."""
        order = self._order_of(epoch)
        if epoch != self._epoch:
            self._epoch, self._read = epoch, 0
            self._ready = {key: example for key, example in self._ready.items() if key[0] == epoch}
        if order[self._read : self._read + 1] != [place]:
            # A resumed run begins in the middle of an epoch.
            self._read = order.index(place)
        self._read += 1
        return self._ready.pop((epoch, place), None) or self._make(place, epoch)

    def begin(self) -> None:
        """Starts to make what comes next."""
        if self._running is None and (keys := list(islice(self._coming(), self._count))):
            self._running = self._thread.submit(lambda: {(epoch, place): self._make(place, epoch) for epoch, place in keys})

    def _coming(self) -> Iterator[tuple[int, int]]:
        """What is to be made for the next step. The loader reads a batch ahead too: with a new epoch it asks for two steps at once."""
        rest = self._order_of(self._epoch)[self._read : self._read + self._count]
        epoch, places = (self._epoch, rest) if rest else (self._epoch + 1, self._order_of(self._epoch + 1)[: 2 * self._count])
        return ((epoch, place) for place in places if (epoch, place) not in self._ready)

    def finish(self) -> None:
        """Waits for what was begun; raises what was raised there."""
        if self._running is not None:
            running, self._running = self._running, None
            self._ready |= running.result()
