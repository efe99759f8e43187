"""The base models that the warm worker keeps in memory, shared by every job it forks."""

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

Model = TypeVar("Model")


class BaseModels(Generic[Model]):
    """A few models, the least used given up first. A folder whose files have changed is loaded anew."""

    def __init__(self, load: Callable[[Path], Model], limit: int) -> None:
        self._load = load
        self._limit = limit
        self._kept: OrderedDict[Path, tuple[tuple[object, ...], Model]] = OrderedDict()

    def get(self, model_dir: Path) -> Model:
        """The model of a folder. Raises what loading raises, and keeps nothing then."""
        folder = model_dir.resolve()
        seen = _fingerprint(folder)
        kept = self._kept.pop(folder, None)
        if kept is None or kept[0] != seen:
            del kept
            while len(self._kept) >= self._limit:
                self._kept.popitem(last=False)
            kept = (seen, self._load(folder))
        self._kept[folder] = kept
        return kept[1]


def _fingerprint(folder: Path) -> tuple[object, ...]:
    """Name, size and time of change of every file."""
    if not folder.is_dir():
        return ()
    return tuple(sorted((path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in folder.iterdir()))
