"""Some optimiser steps of a run, taken and timed; all the others are reckoned from their pace."""

import time
from collections.abc import Iterable
from typing import Any

from worker.contract import TrainingSettings
from worker.events import EventLog
from worker.pace import fit, spread
from worker.schedule import Step, choose, is_full
from worker.stopwatch import Stopwatch
from worker.work import WorkCounter
from worker.workbench import MethodTrainer, Workbench

# No step is begun after so long, once there are enough to go by; of a large model, or on a busy machine, two have to do.
_BUDGET_SECONDS = 12.0
_ENOUGH_STEPS = 4
_LONGEST_SECONDS = 30.0


def measure_steps(
    trainer: MethodTrainer, bench: Workbench, counter: WorkCounter, steps: list[Step], settings: TrainingSettings, events: EventLog
) -> tuple[dict[str, Any], float]:
    """Fields of `run-measured` for as many steps as `steps` stands for, and the seconds that a run takes once, at its first step.

    The trainer takes `bench.total_steps` of them, time allowing.
    """
    count = bench.total_steps
    works = [counter.of_step(step) for step in steps]
    full = [at for at, step in enumerate(steps) if is_full(step, settings)]
    chosen = choose(works, full, count) if full else [at % len(steps) for at in range(count)]
    places = [place for at in chosen for place in _places(steps[at])]
    if full:
        trainer.follow(places)
    everything = {place for step in steps for place in _places(step)}
    ahead_seconds, ahead_cpu_seconds, kept_bytes = _keep_ahead(trainer, set(places), everything)

    def is_enough(watch: Stopwatch) -> bool:
        done, spent = len(watch.seconds), sum(watch.seconds)
        last = {"work": works[chosen[done - 1]], "seconds": watch.seconds[-1], "cpu_seconds": watch.cpu_seconds[-1]}
        events.write("step-measured", step=done, steps=count, **last)
        return (done >= _ENOUGH_STEPS and spent > _BUDGET_SECONDS) or (done >= 2 and spent > _LONGEST_SECONDS)

    watch = Stopwatch(is_enough)
    trainer.add_callback(watch)
    began = time.monotonic()
    trainer.train()
    taken = [works[at] for at in chosen[: len(watch.seconds)]]
    # The first step warms up: memory is taken, kernels are chosen. What it takes above the others counts once.
    first = 1 if len(taken) > 1 else 0
    pace = fit(taken[first:], watch.seconds[first:])
    cpu_pace = fit(taken[first:], watch.cpu_seconds[first:])
    found = {
        "measured_steps": len(taken),
        "step_seconds": sum(map(pace, works)) + ahead_seconds,
        "step_cpu_seconds": sum(map(cpu_pace, works)) + ahead_cpu_seconds,
        "spread": spread(pace, taken[first:], watch.seconds[first:]),
        "kept_bytes": kept_bytes,
    }
    return found, watch.began - began + max(0.0, watch.seconds[0] - pace(taken[0]))


def _places(step: Step) -> Iterable[int]:
    return (place for batch in step for place in batch)


def _keep_ahead(trainer: MethodTrainer, chosen: set[int], everything: set[int]) -> tuple[float, float, int]:
    """Lets what is computed once a row run ahead for the measured rows: seconds and CPU seconds for all, and bytes that the others add."""
    ahead = trainer.ahead
    if ahead is None:
        return 0.0, 0.0, 0
    began, cpu_began = time.monotonic(), time.process_time()
    ahead.keep(chosen)
    seconds, cpu_seconds = time.monotonic() - began, time.process_time() - cpu_began
    tokens, kept = ahead.cost_of(chosen)
    all_tokens, all_kept = ahead.cost_of(everything)
    return seconds * all_tokens / tokens, cpu_seconds * all_tokens / tokens, all_kept - kept
