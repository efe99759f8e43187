"""Tests of batches.py."""

import random

import pytest

from worker.batches import Collator, EpochSampler
from worker.examples import Example

LENGTHS = random.Random(3).choices(range(5, 200), k=103)


def order(epoch: int, group_by_length: bool = True, seed: int = 7) -> list[int]:
    sampler = EpochSampler(LENGTHS, 4, seed, group_by_length)
    sampler.set_epoch(epoch)
    return list(sampler)


@pytest.mark.parametrize("group_by_length", [True, False])
def test_an_epoch_holds_every_row_once(group_by_length: bool) -> None:
    assert sorted(order(0, group_by_length)) == list(range(len(LENGTHS)))


def test_the_order_is_a_function_of_seed_and_epoch() -> None:
    assert order(1) == order(1)
    assert order(1) != order(2)
    assert order(1) != order(1, seed=8)


def test_grouping_saves_most_of_the_padding() -> None:
    def padded(places: list[int]) -> int:
        batches = [places[start : start + 4] for start in range(0, len(places), 4)]
        return sum(max(LENGTHS[place] for place in batch) * len(batch) for batch in batches) - sum(LENGTHS)

    assert padded(order(0)) < padded(order(0, group_by_length=False)) / 3


def test_batches_of_like_length_do_not_come_sorted() -> None:
    firsts = [LENGTHS[place] for place in order(0)[::4]]
    assert firsts != sorted(firsts) and firsts != sorted(firsts, reverse=True)


def test_a_batch_is_padded_on_the_right_to_its_longest_row() -> None:
    examples = [Example(1, [5, 6, 7], [-100, 6, 7]), Example(2, [8, 9], [-100, 9])]
    batch = Collator(examples.__getitem__, pad_token_id=0)([{"place": 1}, {"place": 0}])
    assert batch["input_ids"].tolist() == [[8, 9, 0], [5, 6, 7]]
    assert batch["labels"].tolist() == [[-100, 9, -100], [-100, 6, 7]]
    assert batch["attention_mask"].tolist() == [[1, 1, 0], [1, 1, 1]]
