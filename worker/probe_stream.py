"""Answers as they are made, token by token, in a file that whoever watches reads along."""

import os
from pathlib import Path

from worker.contract import ProbeDelta

# Whole answers are events; this file is for those who watch now, so that what lies back this far can go.
_MAX_BYTES = 4 << 20


class ProbeStream:
    """Appends a line a piece to `probe-tokens.jsonl`. It starts anew when it has grown long, always between two answers."""

    def __init__(self, attempt_dir: Path) -> None:
        self._file = os.open(attempt_dir / "probe-tokens.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def write(self, deltas: list[ProbeDelta]) -> None:
        """Whole lines, by one call: a reader sees each as soon as it is made."""
        if deltas:
            os.write(self._file, b"".join(delta.model_dump_json().encode() + b"\n" for delta in deltas))

    def shorten(self) -> None:
        """Called when no answer is being made."""
        if os.fstat(self._file).st_size > _MAX_BYTES:
            os.ftruncate(self._file, 0)
