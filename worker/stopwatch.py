"""Times the optimiser steps of a trainer, and the processor time that all its threads take."""

import time
from collections.abc import Callable
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState


class Stopwatch(TrainerCallback):
    """Seconds from the end of one step to the end of the next, in order; stops the trainer when `is_enough` says so."""

    def __init__(self, is_enough: Callable[["Stopwatch"], bool]) -> None:
        self._is_enough = is_enough
        self.began = 0.0
        self.seconds: list[float] = []
        self.cpu_seconds: list[float] = []
        self._last = (0.0, 0.0)

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Starts the clock: optimiser and schedule are there."""
        self._last = _now()
        self.began = self._last[0]

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """One step has been done."""
        now = _now()
        self.seconds.append(now[0] - self._last[0])
        self.cpu_seconds.append(now[1] - self._last[1])
        if self._is_enough(self):
            control.should_training_stop = True
        self._last = _now()


def _now() -> tuple[float, float]:
    return time.monotonic(), time.process_time()
