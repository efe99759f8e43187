"""Tests of head_loss.py against torch's own cross-entropy."""

import pytest
import torch
from torch import nn

from worker import head_loss as module
from worker.head_loss import head_loss


def test_loss_and_gradient_are_those_of_cross_entropy_also_across_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TILE", 4)
    torch.manual_seed(0)
    head = nn.Linear(8, 50).requires_grad_(False)
    labels = torch.randint(0, 50, (3, 9))
    labels[torch.rand(3, 9) < 0.3] = -100
    ours = torch.randn(3, 9, 8, requires_grad=True)
    theirs = ours.detach().clone().requires_grad_(True)

    loss, right, count = head_loss(ours, labels, head, -100)
    (loss * 0.5).backward()
    logits = head(theirs[:, :-1]).flatten(0, 1)
    expected = nn.functional.cross_entropy(logits, labels[:, 1:].flatten(), ignore_index=-100, reduction="sum")
    (expected * 0.5).backward()

    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(ours.grad, theirs.grad)
    assert int(count) == int((labels[:, 1:] != -100).sum())
    assert int(right) == int((logits.argmax(-1) == labels[:, 1:].flatten()).sum())


def test_a_batch_without_trained_tokens_has_loss_zero_and_gradient_zero() -> None:
    hidden = torch.randn(1, 3, 8, requires_grad=True)
    loss, _, count = head_loss(hidden, torch.full((1, 3), -100), nn.Linear(8, 5).requires_grad_(False), -100)
    loss.backward()
    assert (float(loss), int(count)) == (0.0, 0)
    assert hidden.grad is not None and not hidden.grad.any()
