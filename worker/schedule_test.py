"""Tests of schedule.py: it foretells exactly the steps that a run takes."""

from itertools import pairwise

import pytest

from worker.batches import steps_per_epoch, total_steps
from worker.conftest import JobMaker
from worker.contract import TrainingSettings
from worker.schedule import choose, is_full, steps_in_order, times


def settings_of(make_job: JobMaker, **fields: object) -> TrainingSettings:
    return make_job(**fields).settings


@pytest.mark.parametrize(("rows", "batch", "accumulated"), [(10, 2, 1), (11, 4, 1), (7, 8, 1), (20, 3, 3), (5, 1, 4)])
def test_every_row_is_in_one_step_an_epoch(make_job: JobMaker, rows: int, batch: int, accumulated: int) -> None:
    settings = settings_of(make_job, batch_size=batch, gradient_accumulation_steps=accumulated, n_epochs=3)
    steps = list(steps_in_order(range(1, rows + 1), settings, 7, total_steps(rows, settings)))
    per_epoch = steps_per_epoch(rows, settings)
    assert len(steps) == 3 * per_epoch
    for epoch in range(3):
        of_epoch = steps[epoch * per_epoch : (epoch + 1) * per_epoch]
        assert sorted(place for step in of_epoch for group in step for place in group) == list(range(rows))
        assert all(is_full(step, settings) for step in of_epoch[:-1])


@pytest.mark.parametrize(("every", "steps", "expected"), [(3, 9, 3), (3, 10, 4), (20, 7, 1), (1, 4, 4)])
def test_the_last_step_counts_once(every: int, steps: int, expected: int) -> None:
    due = [step for step in range(1, steps + 1) if step % every == 0 or step == steps]
    assert times(every, steps) == len(due) == expected


def test_the_chosen_steps_begin_with_the_first_and_the_largest_and_spread_over_all_sizes() -> None:
    work = [float(at * 7 % 40) for at in range(40)]
    chosen = choose(work, range(40), 16)
    assert len(chosen) == 16
    assert chosen[0] == 0
    assert work[chosen[1]] == 39
    for count in (6, 16):
        sizes = sorted(work[at] for at in chosen[1:count])
        gaps = [b - a for a, b in pairwise(sizes)]
        assert max(gaps) <= 2 * 40 / (count - 1)


def test_few_steps_are_chosen_again() -> None:
    assert set(choose([3.0, 1.0], [0, 1], 4)) == {0, 1}
