"""Tests of trunk.py: the frozen layers give the same states, whichever way they are run."""

from pathlib import Path

import pytest
import torch
from transformers import PreTrainedModel

from worker import trunk as module
from worker.examples import Example
from worker.load import load_base
from worker.packing import LayerCost, pack
from worker.trunk import Trunk, split_trunk

EXAMPLES = [Example(at + 1, list(range(3, 3 + length)), list(range(3, 3 + length))) for at, length in enumerate((30, 12, 29, 7, 45, 11))]


@pytest.fixture
def model(model_dir: Path) -> PreTrainedModel:
    return load_base(model_dir).model.eval()


def padded(places: list[int]) -> torch.Tensor:
    rows = [torch.tensor(EXAMPLES[place].token_ids_T) for place in places]
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)


def test_the_split_model_says_what_the_whole_says(model: PreTrainedModel) -> None:
    trunk = split_trunk(model, [1], (EXAMPLES, ()))
    assert trunk is not None
    split = trunk(padded([3, 4]), [3, 4])
    for at, place in enumerate((3, 4)):
        ids = torch.tensor([EXAMPLES[place].token_ids_T])
        torch.testing.assert_close(split[at, : ids.shape[1]], model.base_model(input_ids=ids).last_hidden_state[0])


def test_states_of_a_row_do_not_depend_on_who_asks_first(model: PreTrainedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_GROUP_TOKENS", 64)
    one, other = Trunk(model, 1, (EXAMPLES,)), Trunk(model, 1, (EXAMPLES,))
    for place in range(6):
        one(padded([place]), [place])
    other(padded([5, 2, 0]), [5, 2, 0])
    other(padded([4, 1, 3]), [4, 1, 3])
    for place in range(6):
        assert torch.equal(one._kept[place], other._kept[place])


ALIKE = [
    Example(at + 1, [3, 4, 5, 6, *range(20 + at, 20 + at + length)], [-100] * 6 + [9] * (length - 2))
    for at, length in enumerate((9, 5, 12))
]


def test_rows_that_begin_alike_say_in_one_sequence_what_they_say_side_by_side(
    model: PreTrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, labels = ([torch.tensor(part) for part in parts] for parts in zip(*((e.token_ids_T, e.labels_T) for e in ALIKE), strict=True))
    token_ids_B_T, labels_B_T = (torch.nn.utils.rnn.pad_sequence(each, batch_first=True) for each in (rows, labels))
    packed = pack(token_ids_B_T, labels_B_T, [len(row) for row in rows], LayerCost(token=1000, pair=0))
    assert packed is not None
    together = Trunk(model, 1, (ALIKE,))(token_ids_B_T, [0, 1, 2], packed)
    monkeypatch.setattr(module, "pack", lambda *_batch: None)
    apart = Trunk(model, 1, (ALIKE,))
    whole = apart(token_ids_B_T, [0, 1, 2])
    for row, expected, found in zip(rows, whole, packed.split(together), strict=True):
        torch.testing.assert_close(found, expected[: len(row)])


def test_rows_too_many_to_keep_are_run_every_time(model: PreTrainedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Trunk(model, 1, (EXAMPLES,))
    monkeypatch.setattr(module, "_MAX_BYTES", 1)
    unkept = Trunk(model, 1, (EXAMPLES,))
    torch.testing.assert_close(unkept(padded([4]), [4]), kept(padded([4]), [4]))
    assert unkept._kept == {}


def test_the_lower_layers_carry_no_gradient(model: PreTrainedModel) -> None:
    model.requires_grad_(True)
    trunk = Trunk(model, 1, (EXAMPLES,))
    trunk(padded([0]), [0]).sum().backward()
    weights = dict(model.named_parameters())
    assert weights["model.layers.0.mlp.up_proj.weight"].grad is None
    assert weights["model.layers.1.mlp.up_proj.weight"].grad is not None


@pytest.mark.parametrize("layers", [None, [0, 1]])
def test_there_is_no_trunk_below_the_first_layer(model: PreTrainedModel, layers: list[int] | None) -> None:
    assert split_trunk(model, layers, (EXAMPLES,)) is None
