"""Prompt and prefix tuning as a change of the base model itself: whoever runs its layers runs them behind the learnt tokens.

PEFT puts learnt tokens before the text on the way into its own wrapper. Our methods, probes and answers call the base model's layers
and its head by themselves, with masks and positions of their own, so the tokens are put in there: the same for all of them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from peft import PeftConfig, PeftModelForCausalLM
from torch import Tensor
from torch.nn.functional import pad
from transformers import DynamicCache, PreTrainedModel


class VirtualTokens(PeftModelForCausalLM):
    """PEFT's model of learnt tokens, whose base model sees them. Positions and masks of a caller count its own tokens only."""

    def __init__(self, model: PreTrainedModel, config: PeftConfig) -> None:
        super().__init__(model, config)
        self._is_off = False
        self._count: int = config.num_virtual_tokens  # pyright: ignore[reportAttributeAccessIssue]
        self._is_prefix = config.peft_type == "PREFIX_TUNING"
        self._backbone: list[Any] = [model.base_model]  # in a list: it is a module of the base model, not a second one of this
        self._run = model.base_model.forward
        model.base_model.forward = self._run_behind

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """As the base model is called."""
        return self.get_base_model()(*args, **kwargs)

    def generate(self, *args: Any, **kwargs: Any) -> Any:
        """As the base model generates."""
        base: Any = self.get_base_model()
        return base.generate(*args, **kwargs)

    @contextmanager
    def disable_adapter(self) -> Iterator[None]:
        """The base model as it was."""
        self._is_off = True
        try:
            yield
        finally:
            self._is_off = False

    def _run_behind(self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None, **rest: Any) -> Any:
        """The backbone's forward. The learnt tokens go in where a text begins: without a cache, or into one that is empty."""
        if self._is_off:
            return self._run(input_ids=input_ids, attention_mask=attention_mask, **rest)
        cache, embedded, positions = rest.pop("past_key_values", None), rest.pop("inputs_embeds", None), rest.pop("position_ids", None)
        begins = cache is None or cache.get_seq_length() == 0
        rows = len(input_ids if input_ids is not None else embedded)  # pyright: ignore[reportArgumentType]
        if positions is not None:
            positions = positions + self._count
        leads = begins and not self._is_prefix
        attention_mask = _widen(attention_mask, self._count, leads)
        if leads:
            embedded = self._backbone[0].get_input_embeddings()(input_ids) if embedded is None else embedded
            learnt_B_P_H: Any = self.get_prompt(rows)
            embedded, input_ids = torch.cat([learnt_B_P_H.to(embedded.dtype), embedded], dim=1), None
            if positions is not None:
                own_1_P = torch.arange(self._count, device=positions.device)[None]
                positions = torch.cat([own_1_P.expand(len(positions), -1), positions], dim=1)
        elif begins:
            cache = self._fill(cache, rows)
        output = self._run(
            input_ids=input_ids,
            attention_mask=attention_mask,
            position_ids=positions,
            past_key_values=cache,
            inputs_embeds=embedded,
            **rest,
        )
        if leads:
            output.last_hidden_state = output.last_hidden_state[:, self._count :]
        return output

    def _fill(self, cache: Any, rows: int) -> Any:
        """The cache, or a fresh one, with the learnt keys and values of every layer."""
        cache = DynamicCache() if cache is None else cache
        learnt: Any = self.get_prompt(rows)
        for at, layer in enumerate(learnt.layers):
            cache.update(layer.keys, layer.values, at)
        return cache


def _widen(mask: Tensor | None, count: int, leads: bool) -> Tensor | None:
    """A mask over a caller's tokens, (B, T) or (B, 1, T, S) and true where one may look, with the learnt ones before them.

    Every token sees all of those; where they are read with the text, each of them sees those before it.
    """
    if mask is None:
        return None
    wide = pad(mask, (count, 0), value=True)
    if mask.dim() == 2 or not leads:
        return wide
    own_P_S = torch.ones(count, wide.shape[-1], dtype=torch.bool, device=mask.device).tril()
    return torch.cat([own_P_S.expand(len(mask), 1, -1, -1), wide], dim=2)
