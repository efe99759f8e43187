"""Rows in a file instead of in memory: what a run takes of it does not grow with its data."""

import os
import pickle
import tempfile
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import TypeVar, overload

Item = TypeVar("Item")


class _Places(Sequence[Item]):
    """A sequence that is told by what stands at a place."""

    def _at(self, place: int) -> Item:
        """What stands there, counted from 0."""
        raise NotImplementedError

    @overload
    def __getitem__(self, place: int) -> Item: ...
    @overload
    def __getitem__(self, place: slice) -> list[Item]: ...
    def __getitem__(self, place: int | slice) -> Item | list[Item]:
        if isinstance(place, slice):
            return [self._at(at) for at in range(*place.indices(len(self)))]
        if not -len(self) <= place < len(self):
            raise IndexError(place)
        return self._at(place % len(self))


class Shelf(_Places[Item]):
    """Values in the order they were put there. Each is read anew when it is asked for: what is changed of it is not kept.

    The file has no name, so that it is gone with the process, however that ends; nobody else can write what is unpickled here. Threads and
    forked processes may read at the same time. Raises OSError when the disk is full.
    """

    def __init__(self, items: Iterable[Item] = (), folder: Path | None = None) -> None:
        """The file lies in a folder, where none is given among those of the system, which may be in memory."""
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        # Where each begins, and at last where the next one would.
        self._starts = array("q", [0])
        for item in items:
            self.append(item)

    def append(self, item: Item) -> None:
        """Puts it behind all others."""
        packed = pickle.dumps(item, pickle.HIGHEST_PROTOCOL)
        self._file.write(packed)
        self._starts.append(self._starts[-1] + len(packed))

    def __len__(self) -> int:
        return len(self._starts) - 1

    def _at(self, place: int) -> Item:
        self._file.flush()
        return pickle.loads(os.pread(self._file.fileno(), self._starts[place + 1] - self._starts[place], self._starts[place]))


class Chained(_Places[Item]):
    """Several sequences as one, without a copy."""

    def __init__(self, parts: Iterable[Sequence[Item]]) -> None:
        self._parts = list(parts)
        self._ends = list(accumulate(map(len, self._parts)))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def _at(self, place: int) -> Item:
        part = bisect_right(self._ends, place)
        return self._parts[part][place - self._ends[part] + len(self._parts[part])]
