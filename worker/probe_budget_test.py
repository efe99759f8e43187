"""Tests of probe_budget.py: whole runs by a clock that the test winds."""

import random

import pytest

from worker.probe_budget import ProbeBudget


class Clock:
    """Stands still unless it is told to go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr("worker.probe_budget.time.monotonic", lambda: self.now)


def simulate(
    clock: Clock, steps: int, step_seconds: float, cost: float, share: float = 0.05, save_every: int = 10, unrest: float = 0.4
) -> tuple[list[int], float]:
    """Steps with a round, and the share of the whole run; rounds cost more or less by `unrest`."""
    budget = ProbeBudget(share, clock.now)
    chance = random.Random(3)
    rounds: list[int] = []
    last = cost
    for step in range(1, steps + 1):
        clock.now += step_seconds * chance.uniform(0.8, 1.2)
        budget.steps(step, steps - step)
        to_save = 0 if step in (steps, step // save_every * save_every) else min(save_every - step % save_every, steps - step)
        if budget.is_due(last, to_save):
            last = cost * chance.uniform(1 - unrest, 1 + unrest)
            clock.now += last
            budget.spend(last)
            rounds.append(step)
    return rounds, budget.share()


@pytest.mark.parametrize(
    ("steps", "step_seconds", "cost"), [(90, 1.6, 0.8), (40, 1.5, 0.5), (1000, 0.2, 1.0), (200, 10.0, 2.0), (30, 1.0, 5.0)]
)
def test_a_run_ends_within_its_share_whatever_a_round_costs(
    monkeypatch: pytest.MonkeyPatch, steps: int, step_seconds: float, cost: float
) -> None:
    rounds, share = simulate(Clock(monkeypatch), steps, step_seconds, cost)
    assert share <= 0.05
    assert len(rounds) >= int(0.6 * 0.05 * steps * step_seconds / cost / 1.4)


def test_a_round_waits_for_the_checkpoint_that_it_could_not_be_paid_for_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    rounds, _ = simulate(Clock(monkeypatch), 100, 1.0, 0.5, save_every=20, unrest=0.0)
    assert {20, 40, 60, 80, 100} <= set(rounds)


def test_the_first_round_comes_early(monkeypatch: pytest.MonkeyPatch) -> None:
    assert simulate(Clock(monkeypatch), 100, 1.0, 0.5)[0][0] <= 10


def test_it_foresees_when_the_next_round_can_be_paid_for(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    budget = ProbeBudget(0.05, clock.now)
    clock.now += 10
    budget.steps(10, 90)
    spent = budget.credit()
    budget.spend(spent)
    clock.now += spent
    ahead = budget.interval(0.5)
    for step in range(11, 11 + ahead):
        assert budget.credit() < 0.5
        clock.now += 1
        budget.steps(step, 100 - step)
    assert budget.credit() >= 0.5 - 1e-9


def test_nothing_is_due_without_a_share(monkeypatch: pytest.MonkeyPatch) -> None:
    assert simulate(Clock(monkeypatch), 50, 1.0, 0.1, share=0.0) == ([], 0.0)


@pytest.mark.parametrize(("cost", "count"), [(0.1, 6), (0.74, 6), (1.5, 3), (3.0, 1), (50.0, 1)])
def test_a_round_asks_all_where_some_rounds_fit_and_else_a_few(monkeypatch: pytest.MonkeyPatch, cost: float, count: int) -> None:
    clock = Clock(monkeypatch)
    budget = ProbeBudget(0.05, clock.now)
    clock.now += 10
    budget.steps(10, 90)
    assert budget.whole() == pytest.approx(4.5)
    assert budget.affordable(6, cost) == count
