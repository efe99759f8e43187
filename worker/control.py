"""What a person asked of a running job: read from files between two optimiser steps."""

from pathlib import Path

from worker.contract import WorkerControl, WorkerProbes

_NOTHING = WorkerControl(action=None, keep=0)


def read_control(attempt_dir: Path) -> WorkerControl:
    """What `control.json` asks for; nothing when nobody asked for anything."""
    try:
        content = (attempt_dir / "control.json").read_bytes()
    except FileNotFoundError:
        return _NOTHING
    return WorkerControl.model_validate_json(content)


class ProbeWishes:
    """`probes.json`, read again when it has changed: cheap enough to look at between two tokens."""

    def __init__(self, attempt_dir: Path) -> None:
        self._path = attempt_dir / "probes.json"
        self._seen: tuple[int, int, int] | None = None

    def has_news(self) -> bool:
        """Whether something was asked since it was read."""
        return self._mark() not in (None, self._seen)

    def read(self) -> WorkerProbes | None:
        """What is asked now; None when that is what it was at the last time."""
        mark = self._mark()
        if mark is None or mark == self._seen:
            return None
        self._seen = mark
        return WorkerProbes.model_validate_json(self._path.read_bytes())

    def _mark(self) -> tuple[int, int, int] | None:
        """A file that is replaced by rename has another inode, even within one tick of the clock."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size
