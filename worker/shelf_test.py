"""Tests of shelf.py."""

from pathlib import Path

import pytest

from worker.examples import Example
from worker.shelf import Chained, Shelf


def test_what_is_put_on_a_shelf_is_there_in_order_and_as_it_was() -> None:
    rows = [Example(row, list(range(row)), [-100] * row) for row in range(5)]
    shelf = Shelf(rows)
    assert list(shelf) == rows
    assert (shelf[2], shelf[-1], shelf[1:4], len(shelf)) == (rows[2], rows[-1], rows[1:4], 5)
    shelf.append(rows[0])
    assert shelf[5] == rows[0]


@pytest.mark.parametrize("place", [3, -4])
def test_there_is_nothing_beyond_its_ends(place: int) -> None:
    for rows in (Shelf("abc"), Chained(["ab", "c"])):
        with pytest.raises(IndexError):
            rows[place]
    assert not Shelf()
    assert not Chained([])


def test_nobody_finds_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    shelf = Shelf(["a" * 100_000])
    assert list(tmp_path.iterdir()) == []
    assert len(shelf[0]) == 100_000


def test_several_are_one_without_a_copy() -> None:
    joined = Chained([Shelf([1, 2]), [], [3]])
    assert [*joined] == [1, 2, 3]
    assert (joined[-1], joined[0:2], len(joined)) == (3, [1, 2], 3)
