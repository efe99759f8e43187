"""The layers below the first adapter: frozen, so what they say about a row is computed once and kept."""

import copy
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from worker.examples import Example
from worker.packing import LayerCost, Packed, pack
from worker.shelf import Chained

# Families whose layers are one plain stack of causal attention without dropout between embedding and norm.
PLAIN_STACKS = ("llama", "mistral")
# Kept states of all rows together. A constant, not a share of free memory: which rows are kept must not depend on the machine,
# or a resumed run would differ in the last bit.
_MAX_BYTES = 1 << 30
# Tokens of one pass through the lower layers: from here on matrices are large enough to be multiplied at full speed.
_GROUP_TOKENS = 1024


class Trunk:
    """Splits a decoder below its first adapted layer, and keeps what the lower part says about each row.

    Rows are run in fixed groups of like length, so that the states of a row do not depend on the batch that first asks for them,
    down to the last bit. Right padding needs no mask: a causal layer never looks at what comes after a token.
    """

    def __init__(self, model: PreTrainedModel, first_layer: int, files: Sequence[Sequence[Example]]) -> None:
        backbone: Any = model.base_model
        layers = backbone.layers
        self._lower = _part(backbone, layers[:first_layer], nn.Identity())
        self._upper = _part(backbone, layers[first_layer:], backbone.norm)
        self._examples = Chained(files)
        tokens = sum(len(example.token_ids_T) for example in self._examples)
        self._width: int = model.config.hidden_size
        self._layer_cost = LayerCost.of(layers[0], self._width)
        self._keeps = tokens * self._width * 4 <= _MAX_BYTES
        self._group_of: dict[int, list[int]] = {}
        first = 0
        for file in files:
            for group in _groups(file, first):
                self._group_of |= dict.fromkeys(group, group)
            first += len(file)
        self._kept: dict[int, Tensor] = {}

    def __call__(self, token_ids_B_T: Tensor, places_B: list[int], packed: Packed | None = None) -> Tensor:
        """Hidden states after the last layer and norm, shape (B, T, H); padded positions hold nothing of meaning.

        With a packed batch what its rows begin with runs once through the upper layers, too, and the shape is (1, T, H).
        """
        if not self._keeps:
            lower_B_T_H = self._run_lower(token_ids_B_T)
            if packed is None:
                return self._upper(inputs_embeds=lower_B_T_H, use_cache=False).last_hidden_state
            return self._run_packed(packed, list(lower_B_T_H))
        states_B = [self._states(place, token_ids_B_T.device) for place in places_B]
        if packed is not None:
            return self._run_packed(packed, states_B)
        states_B_T_H = nn.utils.rnn.pad_sequence(states_B, batch_first=True)
        return self._upper(inputs_embeds=states_B_T_H, use_cache=False).last_hidden_state

    def _run_packed(self, packed: Packed, states_B: Sequence[Tensor]) -> Tensor:
        return self._upper(
            inputs_embeds=packed.join(states_B),
            position_ids=packed.positions_1_T,
            attention_mask=packed.mask_1_1_T_T,
            use_cache=False,
        ).last_hidden_state

    @property
    def keeps(self) -> bool:
        """Whether the states of all rows fit; otherwise the lower layers run in every step."""
        return self._keeps

    def keep(self, places: Iterable[int]) -> None:
        """Computes the states of these rows now."""
        device = next(self._lower.parameters()).device
        for place in places:
            self._states(place, device)

    def cost_of(self, places: Iterable[int]) -> tuple[int, int]:
        """What it takes to keep the states of these rows: tokens run, padding included, and bytes kept."""
        groups = {group[0]: group for group in (self._group_of[place] for place in places)}
        lengths = [[len(self._examples[member].token_ids_T) for member in group] for group in groups.values()]
        return sum(max(group) * len(group) for group in lengths), sum(map(sum, lengths)) * self._width * 4

    def _states(self, place: int, device: torch.device) -> Tensor:
        """What the lower layers say about one row, shape (T, H)."""
        if place not in self._kept:
            group = self._group_of[place]
            self._kept |= dict(zip(group, self._run_group([self._examples[member] for member in group], device), strict=True))
        return self._kept[place]

    @torch.no_grad()
    def _run_group(self, examples: Sequence[Example], device: torch.device) -> list[Tensor]:
        """States of each row, shape (T, H); what all of them begin with runs once."""
        rows = [torch.tensor(example.token_ids_T) for example in examples]
        labels = [torch.tensor(example.labels_T) for example in examples]
        token_ids_B_T, labels_B_T = (nn.utils.rnn.pad_sequence(each, batch_first=True).to(device) for each in (rows, labels))
        packed = pack(token_ids_B_T, labels_B_T, [len(row) for row in rows], self._layer_cost)
        if packed is None:
            return [states_T_H[: len(row)].clone() for row, states_T_H in zip(rows, self._run_lower(token_ids_B_T), strict=True)]
        said_1_T_H = self._lower(
            input_ids=packed.token_ids_1_T,
            position_ids=packed.positions_1_T,
            attention_mask=packed.mask_1_1_T_T,
            use_cache=False,
        ).last_hidden_state
        return packed.split(said_1_T_H)

    @torch.no_grad()
    def _run_lower(self, token_ids_B_T: Tensor) -> Tensor:
        return self._lower(input_ids=token_ids_B_T, use_cache=False).last_hidden_state


def _groups(file: Sequence[Example], first_place: int) -> list[list[int]]:
    """Places of the rows of a file in groups of like length, each of at most so many tokens with padding, or of one row."""
    order = sorted(range(len(file)), key=lambda at: (-len(file[at].token_ids_T), at))
    groups: list[list[int]] = []
    for at in order:
        longest = len(file[groups[-1][0] - first_place].token_ids_T) if groups else 0
        if not groups or (len(groups[-1]) + 1) * longest > _GROUP_TOKENS:
            groups.append([])
        groups[-1].append(first_place + at)
    return groups


def split_trunk(model: PreTrainedModel, layers: Sequence[int] | None, files: Sequence[Sequence[Example]]) -> Trunk | None:
    """The trunk of a model whose first layers carry no adapter; None when there is none, or the family is not known to split."""
    if not layers or min(layers) == 0 or model.config.model_type not in PLAIN_STACKS or model.config.attention_dropout:
        return None
    return Trunk(model, min(layers), files)


def _part(backbone: nn.Module, layers: nn.ModuleList, norm: nn.Module) -> nn.Module:
    """The same decoder with fewer layers: it shares every weight with the whole."""
    part = copy.copy(backbone)
    part.__dict__["_modules"] = dict(backbone._modules)
    part.layers = layers
    part.norm = norm
    return part
