"""Pairs of answers through the model: the prompt of a pair is computed once, and both answers follow it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from worker.attention import takes_masks
from worker.examples import IGNORED
from worker.packing import LayerCost
from worker.preference_rows import Pair
from worker.trunk import PLAIN_STACKS


@dataclass(frozen=True)
class Targets:
    """The K tokens of a batch that carry loss: what the model knew before each, the token, and whose it is.

    The answers of B pairs are counted 0 … B-1 where preferred, B … 2B-1 where rejected.
    """

    hidden_K_H: Tensor
    tokens_K: Tensor
    answers_K: Tensor


class PairCollator:
    """Pairs, given by their place, as one batch: padded on the right to the longest of them."""

    def __init__(self, pick: Callable[[int], Pair], pad_token_id: int) -> None:
        self._pick = pick
        self._pad_token_id = pad_token_id

    def __call__(self, items: Sequence[dict[str, int]]) -> dict[str, Tensor]:
        places = [item["place"] for item in items]
        pairs = [self._pick(place) for place in places]
        longest = max(len(pair.token_ids_T) for pair in pairs)
        return {
            "input_ids": torch.tensor([pair.token_ids_T + [self._pad_token_id] * (longest - len(pair.token_ids_T)) for pair in pairs]),
            "labels": torch.tensor([pair.labels_T + [IGNORED] * (longest - len(pair.labels_T)) for pair in pairs]),
            "lengths": torch.tensor([len(pair.token_ids_T) for pair in pairs]),
            "starts": torch.tensor([pair.start for pair in pairs]),
            "splits": torch.tensor([pair.split for pair in pairs]),
            "places": torch.tensor(places),
        }


class PairForward:
    """Runs a batch of pairs in the cheaper of two exact ways: each pair as one row under a mask, or its answers as two rows."""

    def __init__(self, model: Any) -> None:
        self._backbone = model.base_model
        self._takes_masks = takes_masks(model)
        self._window = getattr(model.config, "sliding_window", None)
        is_plain = model.config.model_type in PLAIN_STACKS
        self._cost = LayerCost.of(self._backbone.layers[0], model.config.hidden_size) if is_plain else None

    def __call__(self, batch: dict[str, Tensor]) -> Targets:
        labels_B_T, splits_B, starts_B = batch["labels"], batch["splits"], batch["starts"]
        rows_K, at_K = (labels_B_T != IGNORED).nonzero(as_tuple=True)
        is_rejected_K = at_K >= splits_B[rows_K]
        # Where in its own sequence, prompt and answer, the token stands.
        own_K = torch.where(is_rejected_K, at_K - splits_B[rows_K] + starts_B[rows_K], at_K)
        answers_K = rows_K + is_rejected_K * len(labels_B_T)
        if self._saves(batch):
            hidden_B_T_H = self._run_joined(batch)
            # The first token of the rejected answer follows the end of the prompt, as the first of the preferred one does.
            before_K = torch.where(own_K == starts_B[rows_K], starts_B[rows_K], at_K) - 1
            hidden_K_H = hidden_B_T_H[rows_K, before_K]
        else:
            hidden_K_H = self._run_apart(batch)[answers_K, own_K - 1]
        return Targets(hidden_K_H, labels_B_T[rows_K, at_K], answers_K)

    def ends(self, batch: dict[str, Tensor]) -> Tensor:
        """Hidden states, shape (2B, H), behind the last token of each answer, the preferred ones first."""
        splits_B, lengths_B = batch["splits"], batch["lengths"]
        rows_B = torch.arange(len(splits_B), device=splits_B.device)
        if self._saves(batch):
            hidden_B_T_H = self._run_joined(batch)
            return torch.cat([hidden_B_T_H[rows_B, splits_B - 1], hidden_B_T_H[rows_B, lengths_B - 1]])
        hidden_A_T_H = self._run_apart(batch)
        own_B = lengths_B - splits_B + batch["starts"]
        return torch.cat([hidden_A_T_H[rows_B, splits_B - 1], hidden_A_T_H[rows_B + len(rows_B), own_B - 1]])

    def _saves(self, batch: dict[str, Tensor]) -> bool:
        """Whether one row for each pair costs less, and the model can be run like that."""
        if self._cost is None or not self._takes_masks:
            return False
        rows, joined = batch["input_ids"].shape
        rejected_B = batch["starts"] + batch["lengths"] - batch["splits"]
        apart = int(torch.maximum(batch["splits"], rejected_B).max())
        if self._window is not None and joined > self._window:
            return False
        return self._cost.of_rows(rows, joined) < self._cost.of_rows(2 * rows, apart)

    def _run_joined(self, batch: dict[str, Tensor]) -> Tensor:
        """Hidden states after the last layer; the rejected answer sees the prompt and itself, never the preferred answer."""
        token_ids_B_T, starts_B_1, splits_B_1 = batch["input_ids"], batch["starts"][:, None], batch["splits"][:, None]
        at_T = torch.arange(token_ids_B_T.shape[1], device=token_ids_B_T.device)
        is_rejected_B_T = at_T >= splits_B_1
        is_preferred_B_T = (at_T >= starts_B_1) & ~is_rejected_B_T
        before_T_T = at_T[:, None] >= at_T
        visible_B_T_T = before_T_T & ~(is_rejected_B_T[:, :, None] & is_preferred_B_T[:, None, :])
        positions_B_T = torch.where(is_rejected_B_T, at_T - splits_B_1 + starts_B_1, at_T)
        return self._backbone(
            input_ids=token_ids_B_T, position_ids=positions_B_T, attention_mask=visible_B_T_T[:, None], use_cache=False
        ).last_hidden_state

    def _run_apart(self, batch: dict[str, Tensor]) -> Tensor:
        """Hidden states of 2B rows: prompt and preferred answer of each pair, then prompt and rejected answer of each."""
        token_ids_B_T = batch["input_ids"]
        pairs = list(zip(token_ids_B_T, batch["starts"].tolist(), batch["splits"].tolist(), batch["lengths"].tolist(), strict=True))
        rows = [row[:split] for row, _, split, _ in pairs]
        rows += [torch.cat([row[:start], row[split:length]]) for row, start, split, length in pairs]
        padded_R_T = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        if self._cost is not None:
            # Padding stands on the right, where a causal layer does not look.
            return self._backbone(input_ids=padded_R_T, use_cache=False).last_hidden_state
        lengths_R_1 = torch.tensor([len(row) for row in rows], device=padded_R_T.device)[:, None]
        mask_R_T = (torch.arange(padded_R_T.shape[1], device=padded_R_T.device) < lengths_R_1).long()
        return self._backbone(input_ids=padded_R_T, attention_mask=mask_R_T, use_cache=False).last_hidden_state
