"""Rows made ahead are the rows that are asked for."""

import threading

from worker.examples import Example
from worker.lookahead import Lookahead


def make_looking(order: list[int], count: int) -> tuple[Lookahead, list[tuple[int, int, bool]]]:
    made: list[tuple[int, int, bool]] = []

    def make(place: int, epoch: int) -> Example:
        made.append((place, epoch, threading.current_thread() is threading.main_thread()))
        return Example(place, [epoch, place], [epoch, place])

    return Lookahead(make, lambda _: order, count), made


def read(looking: Lookahead, places: list[int], epoch: int) -> list[list[int]]:
    found = [looking(place, epoch).token_ids_T for place in places]
    looking.begin()
    looking.finish()
    return found


def test_every_row_is_made_once_and_after_the_first_batch_beside_the_step() -> None:
    looking, made = make_looking([3, 1, 0, 2, 4], 2)
    assert [read(looking, places, 0) for places in ([3, 1], [0, 2], [4])] == [[[0, 3], [0, 1]], [[0, 0], [0, 2]], [[0, 4]]]
    next_epoch = [(3, 1, False), (1, 1, False)]
    assert made == [(3, 0, True), (1, 0, True), (0, 0, False), (2, 0, False), (4, 0, False), *next_epoch]


def test_the_first_two_steps_of_an_epoch_are_made_beside_the_last_of_the_one_before() -> None:
    looking, made = make_looking([3, 1, 0, 2, 4, 5], 2)
    # As the loader reads: one batch further than the step that computes.
    read(looking, [3, 1, 0, 2], 0)
    read(looking, [4, 5], 0)
    read(looking, [], 0)
    assert made[-4:] == [(3, 1, False), (1, 1, False), (0, 1, False), (2, 1, False)]
    assert read(looking, [3, 1, 0, 2], 1) == [[1, 3], [1, 1], [1, 0], [1, 2]]
    assert [place for place, epoch, is_here in made if epoch == 1 and is_here] == []


def test_nothing_of_one_epoch_is_read_in_the_next() -> None:
    looking, _ = make_looking([0, 1, 2, 3], 2)
    read(looking, [0, 1], 0)
    assert read(looking, [0, 1], 1) == [[1, 0], [1, 1]]
    assert read(looking, [2, 3], 1) == [[1, 2], [1, 3]]


def test_a_run_that_goes_on_in_the_middle_of_an_epoch_looks_ahead_from_there() -> None:
    looking, made = make_looking([3, 1, 0, 2, 4, 5], 2)
    assert read(looking, [0, 2], 4) == [[4, 0], [4, 2]]
    assert read(looking, [4, 5], 4) == [[4, 4], [4, 5]]
    assert [(place, epoch) for place, epoch, is_here in made if not is_here] == [(4, 4), (5, 4), (3, 5), (1, 5)]
