"""How fast steps go: seconds as a line over their work, fitted on steps that were timed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """Seconds of a step: a fixed part, and a part for each unit of work."""

    fixed: float
    per_work: float

    def __call__(self, work: float) -> float:
        """Seconds that a step of so much work takes."""
        return self.fixed + self.per_work * work


def fit(work_S: Sequence[float], seconds_S: Sequence[float]) -> Pace:
    """Least squares with both parts ≥ 0; steps of equal work leave the fixed part at 0. At least one step."""
    count = len(work_S)
    mean_work, mean_seconds = sum(work_S) / count, sum(seconds_S) / count
    variance = sum((work - mean_work) ** 2 for work in work_S)
    if variance <= (0.01 * mean_work) ** 2 * count:
        return Pace(0.0, mean_seconds / mean_work)
    slope = sum((work - mean_work) * (seconds - mean_seconds) for work, seconds in zip(work_S, seconds_S, strict=True)) / variance
    fixed = mean_seconds - slope * mean_work
    if slope < 0:
        return Pace(mean_seconds, 0.0)
    if fixed < 0:
        # The line through 0 that keeps the sum of all seconds.
        return Pace(0.0, mean_seconds / mean_work)
    return Pace(fixed, slope)


def spread(pace: Pace, work_S: Sequence[float], seconds_S: Sequence[float]) -> float:
    """Standard deviation of the logarithm of timed over fitted seconds; 0 for a single step."""
    logs = [math.log(seconds / pace(work)) for work, seconds in zip(work_S, seconds_S, strict=True)]
    mean = sum(logs) / len(logs)
    return math.sqrt(sum((log - mean) ** 2 for log in logs) / max(1, len(logs) - 1))
