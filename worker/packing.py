"""A batch as one sequence: no padding, and what all its rows begin with (a system prompt, mostly) computed once.

Exact, not an approximation: a mask lets every token see the shared beginning and its own row, and its position is the one it
has there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from worker.contract import TrainingSettings
from worker.examples import IGNORED


def packs(settings: TrainingSettings) -> bool:
    """Whether batches may be packed. The noise of NEFTune is scaled by the length of a row, so each needs one of its own."""
    return settings.packing and settings.neftune_noise_alpha is None


@dataclass(frozen=True)
class Packed:
    """The shared beginning, then what follows it in each row. T counts all of these tokens."""

    token_ids_1_T: Tensor
    labels_1_T: Tensor
    positions_1_T: Tensor
    # True where the token of the row may look at the token of the column.
    mask_1_1_T_T: Tensor
    # How many tokens the shared beginning has, and where each row goes on and ends.
    shared: int
    own: list[slice]

    def join(self, rows_B: Sequence[Tensor]) -> Tensor:
        """Anything that is said of the tokens of each row, shape (T, …), in the order of the sequence, shape (1, T, …)."""
        return torch.cat([rows_B[0][: self.shared], *(row[part] for row, part in zip(rows_B, self.own, strict=True))])[None]

    def split(self, said_1_T: Tensor) -> list[Tensor]:
        """The way back: what is said of the tokens of each row."""
        beginning, rest = said_1_T[0, : self.shared], said_1_T[0, self.shared :]
        return [torch.cat([beginning, part]) for part in rest.split([part.stop - part.start for part in self.own])]


@dataclass(frozen=True)
class LayerCost:
    """Multiplications of one layer: for a token, and for a token that looks at another."""

    token: int
    pair: int

    @classmethod
    def of(cls, layer: nn.Module, hidden_size: int) -> "LayerCost":
        """Counted from the layer: every weight meets every token once, and a pair costs a score and a weighted value."""
        return cls(token=sum(weight.numel() for weight in layer.parameters()), pair=2 * hidden_size)

    def of_rows(self, rows: int, tokens: int) -> int:
        """Multiplications for so many rows of so many tokens each, padding included."""
        return rows * (tokens * self.token + tokens**2 * self.pair)


def pack(token_ids_B_T: Tensor, labels_B_T: Tensor, lengths_B: list[int], cost: LayerCost) -> Packed | None:
    """The batch as one sequence; None where rows side by side cost less, as long rows with little in common do."""
    shared = _shared_tokens(token_ids_B_T, labels_B_T, min(lengths_B))
    total = shared + sum(length - shared for length in lengths_B)
    rows, longest = token_ids_B_T.shape
    if cost.of_rows(1, total) >= cost.of_rows(rows, longest):
        return None
    own = [slice(shared, length) for length in lengths_B]
    device = token_ids_B_T.device
    positions_T = torch.cat([torch.arange(shared), *(torch.arange(part.start, part.stop) for part in own)]).to(device)
    # 0 is the shared beginning, 1, 2, … are the rows.
    row_T = torch.cat([torch.full((part.stop - part.start,), at) for at, part in enumerate([slice(0, shared), *own])]).to(device)
    before_T_T = torch.ones(total, total, dtype=torch.bool, device=device).tril()
    visible_T_T = before_T_T & ((row_T[:, None] == row_T) | (row_T == 0))
    return Packed(
        token_ids_1_T=_join(token_ids_B_T, shared, own),
        labels_1_T=_join(labels_B_T, shared, own),
        positions_1_T=positions_T[None],
        mask_1_1_T_T=visible_T_T[None, None],
        shared=shared,
        own=own,
    )


def _join(rows_B_T: Tensor, shared: int, own: list[slice]) -> Tensor:
    return torch.cat([rows_B_T[0, :shared], *(row[part] for row, part in zip(rows_B_T, own, strict=True))])[None]


def _shared_tokens(token_ids_B_T: Tensor, labels_B_T: Tensor, shortest: int) -> int:
    """How many tokens all rows begin with.

    At least one token without loss is left to each row: it predicts the first that has one, and parts it from the row before.
    """
    same_T = (token_ids_B_T == token_ids_B_T[0]).all(dim=0)[:shortest]
    common = int(same_T.long().cumprod(dim=0).sum())
    first_trained = int((labels_B_T != IGNORED).long().argmax(dim=1).min())
    return max(0, min(common, first_trained - 1))
