"""What a person asked of a running job: read from a file between two optimiser steps."""

from pathlib import Path
from typing import Literal

from worker.contract import WorkerControl


def requested_action(attempt_dir: Path) -> Literal["pause", "cancel"] | None:
    """The action in `control.json`; None when nobody asked for one."""
    try:
        content = (attempt_dir / "control.json").read_bytes()
    except FileNotFoundError:
        return None
    return WorkerControl.model_validate_json(content).action
