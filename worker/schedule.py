"""The steps of a whole run as it will take them: which rows meet in which, and when it evaluates and saves."""

import math
from collections.abc import Iterator, Sequence

from worker.batches import EpochSampler
from worker.contract import TrainingSettings

Step = list[list[int]]


def steps_in_order(lengths: Sequence[int], settings: TrainingSettings, seed: int, limit: int) -> Iterator[Step]:
    """The first so many optimiser steps, each as batches of places: the very ones that a run with this seed takes."""
    sampler = EpochSampler(lengths, settings.batch_size, seed, settings.group_by_length)
    taken, epoch = 0, 0
    while taken < limit:
        sampler.set_epoch(epoch)
        batches = in_batches(list(sampler), settings.batch_size)
        for start in range(0, len(batches), settings.gradient_accumulation_steps):
            if taken == limit:
                return
            yield batches[start : start + settings.gradient_accumulation_steps]
            taken += 1
        epoch += 1


def in_batches(places: Sequence[int], batch_size: int) -> list[list[int]]:
    """Cut by counting; the last may be smaller."""
    return [list(places[start : start + batch_size]) for start in range(0, len(places), batch_size)]


def times(every: int, steps: int) -> int:
    """How often something happens that is due at every so many steps and at the last one."""
    return math.ceil(steps / every)


def choose(work_S: Sequence[float], candidates: Sequence[int], count: int) -> list[int]:
    """Steps to measure, drawn evenly from all sizes: the first of all to warm up on, the largest, then halves, quarters, eighths.

    Steps may come twice where there are few. Whoever stops early still has all sizes.
    """
    by_work = sorted(candidates, key=lambda step: work_S[step])
    chosen = [candidates[0], by_work[-1]]
    for at in range(1, count):
        chosen.append(by_work[int(_van_der_corput(at) * len(by_work))])
    return chosen[:count]


def _van_der_corput(number: int) -> float:
    """1/2, 1/4, 3/4, 1/8, 5/8 …: any number of first members is spread evenly over 0 to 1."""
    place, value = 0.5, 0.0
    while number:
        value += place * (number % 2)
        number //= 2
        place /= 2
    return value


def is_full(step: Step, settings: TrainingSettings) -> bool:
    """Whether it has as many rows as a step can have; the last of an epoch may have fewer."""
    return sum(map(len, step)) == settings.batch_size * settings.gradient_accumulation_steps
