"""Writes checkpoints beside the training, so that no step waits for the disk."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

Result = TypeVar("Result")


class Saver:
    """Does one piece of work at a time in a thread of its own, in the order given.

    What came of it is told in the thread that asked, by `finish`, which waits. A failure is raised there too, so that a disk that
    is full ends the run as it would have ended it without the thread.
    """

    def __init__(self) -> None:
        # The thread begins with the first work: until then the process may fork.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="saving")
        self._running: tuple[Future[Any], Callable[[Any], None]] | None = None

    @property
    def is_busy(self) -> bool:
        """Whether something has not been told yet."""
        return self._running is not None

    def begin(self, work: Callable[[], Result], then: Callable[[Result], None]) -> None:
        """Finishes what runs, then starts this. What `work` reads may change only after a `finish`."""
        self.finish()
        self._running = (self._thread.submit(work), then)

    def finish(self) -> None:
        """Waits for what runs, and tells."""
        if self._running is None:
            return
        (future, then), self._running = self._running, None
        then(future.result())


def write_at_once(folder: Path, parts: Sequence[Callable[[Path], None]]) -> None:
    """Lets every part write its files, each in a thread; raises what the first of them raised, once none of them writes any more."""
    with ThreadPoolExecutor(len(parts), thread_name_prefix="writing") as threads:
        for _ in threads.map(lambda part: part(folder), parts):
            pass
