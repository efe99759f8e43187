"""Tests of pace.py: the line through timed steps."""

import pytest

from worker.pace import Pace, fit, spread


def test_a_line_is_found_through_steps_of_different_work() -> None:
    pace = fit([1, 2, 5, 9], [0.5 + 0.3 * work for work in (1, 2, 5, 9)])
    assert (pace.fixed, pace.per_work) == pytest.approx((0.5, 0.3))
    assert pace(20) == pytest.approx(6.5)


@pytest.mark.parametrize(
    ("work", "seconds"),
    [([4.0], [2.0]), ([4.0, 4.0], [1.0, 3.0]), ([2.0, 4.0, 6.0], [1.0, 5.0, 9.0]), ([2.0, 4.0, 6.0], [9.0, 5.0, 1.0])],
    ids=["one step", "equal work", "a line that would begin below 0", "a line that would fall"],
)
def test_no_part_is_negative_and_the_sum_of_the_timed_steps_is_kept(work: list[float], seconds: list[float]) -> None:
    pace = fit(work, seconds)
    assert pace.fixed >= 0 and pace.per_work >= 0
    assert sum(map(pace, work)) == pytest.approx(sum(seconds))


def test_the_spread_is_that_of_the_steps_around_the_line() -> None:
    assert spread(Pace(0, 1), [1, 2, 3], [1.1, 2.2, 3.3]) == pytest.approx(0)
    assert spread(Pace(0, 1), [1, 2], [1.1, 2 / 1.1]) == pytest.approx(0.1348, abs=1e-3)
