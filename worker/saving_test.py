"""Work beside the training: in order, told in the asking thread, and never silently lost."""

import threading

import pytest

from worker.saving import Saver


def test_work_runs_in_another_thread_and_is_told_in_this_one() -> None:
    saver, told = Saver(), []
    saver.begin(threading.get_ident, lambda thread: told.append((thread, threading.get_ident())))
    saver.finish()
    assert [here for _, here in told] == [threading.get_ident()]
    assert told[0][0] != threading.get_ident()
    saver.finish()
    assert len(told) == 1


def test_the_next_work_waits_for_the_one_before_it() -> None:
    saver, told = Saver(), []
    for number in range(5):
        saver.begin(lambda number=number: number, told.append)
    saver.finish()
    assert told == [0, 1, 2, 3, 4]


def test_a_failure_is_raised_where_the_result_would_have_been_told() -> None:
    def fail() -> None:
        raise OSError(28, "No space left on device")

    saver, told = Saver(), []
    saver.begin(fail, told.append)
    with pytest.raises(OSError, match="No space left"):
        saver.finish()
    assert told == []
    saver.begin(lambda: 1, told.append)
    saver.finish()
    assert told == [1]
