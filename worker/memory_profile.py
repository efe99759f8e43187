"""The most memory that each phase of an attempt has held."""

from worker.contract import RunPhase
from worker.machine import peak_memory_bytes, reset_peak_memory

# A phase that comes again is told of again when it held so much more than before.
_TOLD_GROWTH = 1.02


class MemoryProfile:
    """Starts the peak of the process anew with every phase; where the system cannot, a phase counts what came before it too."""

    def __init__(self) -> None:
        self.peaks: dict[RunPhase, int] = {}
        self._phase: RunPhase | None = None
        self._before = peak_memory_bytes()

    def enter(self, phase: RunPhase | None) -> bool:
        """Ends the phase that runs and begins another; whether the one that ended held notably more than was known of it."""
        has_grown = False
        if self._phase is not None:
            known, peak = self.peaks.get(self._phase, 0), peak_memory_bytes()
            self.peaks[self._phase] = max(known, peak)
            has_grown = peak > known * _TOLD_GROWTH
        self._phase = phase
        reset_peak_memory()
        return has_grown

    @property
    def peak(self) -> int:
        """Of the whole attempt so far, in bytes."""
        return max(self._before, peak_memory_bytes(), *self.peaks.values())
