"""How much of a run's wall time its probes may take, and when a round of them is due."""

import math
import time

# Of what the rest of the run will allow, so much may be spent ahead: the first answers come early, and the whole run stays in bounds.
_AHEAD = 0.2
# Time left is an estimate, and a round may take longer than the last one.
_CAUTION = 0.9
# The longest a round may be, as a share of what the whole run allows: at least so many fit into it.
_ROUNDS = 6


class ProbeBudget:
    """Counts the seconds of probes against the seconds of the attempt. Only rounds are held back by it; questions are counted alone."""

    def __init__(self, share: float, began: float) -> None:
        self._allowed = share * _CAUTION
        self._began = began
        # In seconds.
        self.spent = 0.0
        self._pace = 0.0
        self._steps_left = 0

    def steps(self, done: int, left: int) -> None:
        """Called after each optimiser step with how many this attempt has done, and how many are left."""
        self._pace = (self._elapsed() - self.spent) / done
        self._steps_left = left

    def spend(self, seconds: float) -> None:
        """Probes took so long."""
        self.spent += seconds

    def share(self) -> float:
        """Of the wall time so far."""
        return self.spent / max(self._elapsed(), 1e-9)

    def credit(self) -> float:
        """Seconds that may be spent now; negative when too much was."""
        return self._allowed * (self._elapsed() + _AHEAD * self._pace * self._steps_left) - self.spent

    def whole(self) -> float:
        """Seconds that all probes of the run may take."""
        return self._allowed * (self._elapsed() + self._pace * self._steps_left)

    def longest_round(self) -> float:
        """Seconds that one round may take, so that some rounds fit into the run."""
        return self.whole() / _ROUNDS

    def affordable(self, probes: int, cost: float) -> int:
        """How many of so many probes, ≥ 1, one round asks when asking all of them costs so many seconds.

        All where that leaves room for some rounds; in a shorter run a few at a time.
        """
        return max(1, min(probes, int(probes * self.longest_round() / cost)))

    def is_due(self, cost: float, steps_to_next: int) -> bool:
        """Whether a round of so many seconds can be paid for, and the next one too when its time has come in so many steps.

        0 steps: its time is now.
        """
        if steps_to_next == 0:
            return self.credit() >= cost
        return self.credit() + steps_to_next * self._gain() >= 2 * cost and self.credit() >= cost

    def interval(self, cost: float) -> int:
        """Steps until a round of so many seconds can be paid for, ≥ 1."""
        if self._gain() <= 0:
            return max(1, self._steps_left)
        return max(1, math.ceil((cost - self.credit()) / self._gain()))

    def _gain(self) -> float:
        """What one more step adds to the credit."""
        return self._allowed * (1 - _AHEAD) * self._pace

    def _elapsed(self) -> float:
        return time.monotonic() - self._began
