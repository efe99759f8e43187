"""The clock of `bench train`, one for every side: processor time within transformers' Trainer.train, which all of them call."""

from __future__ import annotations

import resource
import time
from typing import Any

from transformers import Trainer


class TrainClock:
    """Put around Trainer.train when it is made. What comes before (imports, loading, reading rows) and after is not counted."""

    def __init__(self) -> None:
        self.cpu_seconds = 0.0
        self.seconds = 0.0
        self.peak_memory_bytes = 0
        self.steps = 0
        real = Trainer.train

        def train(trainer: Trainer, *arguments: Any, **options: Any) -> Any:
            began, cpu_began = time.monotonic(), time.process_time()
            result = real(trainer, *arguments, **options)
            self.seconds, self.cpu_seconds = time.monotonic() - began, time.process_time() - cpu_began
            self.peak_memory_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            self.steps = trainer.state.global_step
            return result

        Trainer.train = train

    def found(self, adapter_dir: str) -> dict[str, Any]:
        """What was measured, and where the adapter is."""
        seconds = {"cpu_seconds": self.cpu_seconds, "seconds": self.seconds}
        return {**seconds, "peak_memory_bytes": self.peak_memory_bytes, "steps": self.steps, "adapter_dir": adapter_dir}
