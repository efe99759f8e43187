"""Makes the rows of the next step while this one computes: the very same rows, and no step waits for them."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from worker.examples import Example


class Lookahead:
    """Examples by place and epoch, as `make` makes them; it works beside the caller only between `begin` and `finish`.

    `order` gives the places of the epoch that is being read, one after the other; `count` is how many rows a step has.
    """

    def __init__(self, make: Callable[[int, int], Example], order: Callable[[], Sequence[int]], count: int) -> None:
        self._make = make
        self._order_now = order
        self._count = count
        # The thread begins with the first work: until then the process may fork.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lookahead")
        self._running: Future[dict[int, Example]] | None = None
        # By place; all of one epoch.
        self._ready: dict[int, Example] = {}
        self._epoch = -1
        self._order: Sequence[int] = []
        # How many places of the order were asked for.
        self._read = 0

    def __call__(self, place: int, epoch: int) -> Example:
        """The example: made ahead, or now."""
        order = self._order_now()
        if epoch != self._epoch or order is not self._order:
            self._epoch, self._order, self._read, self._ready = epoch, order, 0, {}
        if order[self._read : self._read + 1] != [place]:
            # A resumed run begins in the middle of an epoch.
            self._read = order.index(place)
        self._read += 1
        return self._ready.pop(place, None) or self._make(place, epoch)

    def begin(self) -> None:
        """Starts to make what comes next in this epoch."""
        if self._running is not None:
            return
        epoch = self._epoch
        places = [place for place in self._order[self._read : self._read + self._count] if place not in self._ready]
        if places:
            self._running = self._thread.submit(lambda: {place: self._make(place, epoch) for place in places})

    def finish(self) -> None:
        """Waits for what was begun; raises what was raised there."""
        if self._running is not None:
            running, self._running = self._running, None
            self._ready |= running.result()
