"""Tests of packing.py: one sequence says what the rows say side by side."""

from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from worker.head_loss import head_loss
from worker.load import load_base
from worker.packing import LayerCost, Packed, pack

ALWAYS = LayerCost(token=1000, pair=0)


def batch(rows: list[list[int]], untrained: int) -> tuple[Tensor, Tensor, list[int]]:
    ids = torch.nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True)
    labels = [torch.tensor([-100] * untrained + row[untrained:]) for row in rows]
    return ids, torch.nn.utils.rnn.pad_sequence(labels, batch_first=True, padding_value=-100), [len(row) for row in rows]


ROWS = [[1, 9, 9, 5, 30, 31, 32, 33, 34], [1, 9, 9, 5, 40, 41], [1, 9, 9, 6, 50, 51, 52]]


@pytest.fixture
def model(model_dir: Path) -> PreTrainedModel:
    return load_base(model_dir).model


def whole(*parts: Packed | None) -> Packed:
    assert parts[0] is not None
    return parts[0]


def test_the_shared_beginning_is_there_once_and_nothing_is_padding() -> None:
    packed = whole(pack(*batch(ROWS, 4), ALWAYS))
    assert packed.token_ids_1_T.tolist() == [[1, 9, 9, 5, 30, 31, 32, 33, 34, 5, 40, 41, 6, 50, 51, 52]]
    assert packed.positions_1_T.tolist() == [[0, 1, 2, 3, 4, 5, 6, 7, 8, 3, 4, 5, 3, 4, 5, 6]]


def test_loss_and_gradient_are_those_of_the_rows_side_by_side(model: PreTrainedModel) -> None:
    ids, labels, lengths = batch(ROWS, 4)
    weight = model.get_parameter("model.layers.0.self_attn.v_proj.weight").requires_grad_(True)
    head = model.get_output_embeddings()
    assert head is not None
    losses, gradients = [], []
    packed = whole(pack(ids, labels, lengths, ALWAYS))
    for arguments, expected in (
        ({"input_ids": ids}, labels),
        (
            {"input_ids": packed.token_ids_1_T, "position_ids": packed.positions_1_T, "attention_mask": packed.mask_1_1_T_T},
            packed.labels_1_T,
        ),
    ):
        weight.grad = None
        loss, right, count = head_loss(model.base_model(**arguments, use_cache=False).last_hidden_state, expected, head, -100)
        loss.backward()
        assert weight.grad is not None
        losses.append((loss, right, count))
        gradients.append(weight.grad.clone())
    for side_by_side, one_sequence in zip(*losses, strict=True):
        torch.testing.assert_close(side_by_side, one_sequence)
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-5)


def test_rows_that_begin_with_what_they_learn_share_only_what_comes_before_the_last_token_of_the_prompt() -> None:
    packed = whole(pack(*batch([[1, 9, 9, 7, 30], [1, 9, 9, 7, 31]], 3), ALWAYS))
    assert packed.token_ids_1_T.tolist() == [[1, 9, 9, 7, 30, 9, 7, 31]]
    assert packed.labels_1_T.tolist() == [[-100, -100, -100, 7, 30, -100, 7, 31]]


def test_rows_with_nothing_in_common_are_still_parted() -> None:
    packed = whole(pack(*batch([[1, 2, 3, 4, 5, 6], [7, 8, 9]], 2), ALWAYS))
    assert packed.mask_1_1_T_T[0, 0, 6:, :6].any().item() is False
    assert packed.labels_1_T[0, 6].item() == -100


def test_long_rows_with_little_in_common_stay_side_by_side() -> None:
    rows = [[1, *range(10 + at, 80 + at)] for at in range(8)]
    assert pack(*batch(rows, 4), LayerCost(token=100, pair=100)) is None
    assert pack(*batch(rows[:1], 4), LayerCost(token=100, pair=100)) is None
