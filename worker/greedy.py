"""Greedy answers to several prompts at once, one forward pass after the other, so that a caller may stop between any two."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

from worker.attention import takes_masks
from worker.trunk import PLAIN_STACKS


@dataclass
class Prompt:
    """What is asked, what a good answer would say, and what was answered last time; all as token ids, the last two perhaps empty."""

    token_ids_P: list[int]
    reference_ids_R: list[int]
    draft_ids_D: list[int]
    # Longest answer in tokens; may be lowered while it is made.
    limit: int


@dataclass
class Reply:
    """An answer in the making: its tokens so far, the one that ends it included."""

    token_ids: list[int] = field(default_factory=list)
    finish_reason: Literal["stop", "length"] | None = None
    # Mean over the tokens of the reference, in nats.
    reference_loss: float | None = None


class Greedy:
    """Answers with the model as it is at each pass. Draws no random number and keeps nothing of the model's."""

    def __init__(self, model: PreTrainedModel, end_ids: set[int]) -> None:
        self._backbone: Any = model.base_model
        self._head: Any = model.get_output_embeddings()
        self._config: Any = model.config
        self._takes_masks = takes_masks(model)
        self.end_ids = end_ids

    def answer(self, prompts: Sequence[Prompt], replies: Sequence[Reply]) -> Iterator[None]:
        """Fills the replies; each step of the iterator is one forward pass, to be made without gradients and in eval mode."""
        if self._sees_masks(prompts):
            yield from self._answer_together(prompts, replies)
        else:
            for prompt, reply in zip(prompts, replies, strict=True):
                yield from self._answer_alone(prompt, reply)

    def _sees_masks(self, prompts: Sequence[Prompt]) -> bool:
        """Whether rows may lie side by side under a mask of our own: known families, within the window of those that have one."""
        window = getattr(self._config, "sliding_window", None)
        longest = max(len(prompt.token_ids_P) + prompt.limit + len(prompt.reference_ids_R) for prompt in prompts)
        return self._takes_masks and self._config.model_type in PLAIN_STACKS and (window is None or longest <= window)

    def _answer_together(self, prompts: Sequence[Prompt], replies: Sequence[Reply]) -> Iterator[None]:
        """The first pass reads everything: prompt, then the answer of last time and, out of its sight, the reference.

        What the model would say of either by itself needs no pass of its own: exact, as each token is checked (speculative decoding,
        Leviathan et al. 2023, with the past and the goal in place of a draft model).
        """
        cache = DynamicCache()
        token_ids_B_T, positions_B_T, part_B_T = _lay_out(prompts, self._backbone.device)
        hidden_B_T_H = self._pass(cache, token_ids_B_T, positions_B_T, _first_mask(part_B_T))
        seen_B_T = part_B_T == _PROMPT
        for row, (prompt, reply) in enumerate(zip(prompts, replies, strict=True)):
            start = len(prompt.token_ids_P)
            end = start + len(prompt.draft_ids_D)
            first_1_H = hidden_B_T_H[row, start - 1 : start]
            learnt = self._measure_reference(prompt, reply, first_1_H, hidden_B_T_H[row, end:])
            again = self._head(hidden_B_T_H[row, start - 1 : end]).argmax(dim=-1).tolist()
            guesses = ((start, prompt.draft_ids_D, again), (end, prompt.reference_ids_R, learnt))
            place, guess, said = max(guesses, key=lambda one: _agreed(one[1], one[2]))
            taken = self._accept(prompt, reply, guess, said)
            seen_B_T[row, place : place + taken] = True
        yield
        alive = list(range(len(prompts)))
        while True:
            still = [at for at, row in enumerate(alive) if replies[row].finish_reason is None]
            if not still:
                return
            if len(still) < len(alive):
                alive = [alive[at] for at in still]
                chosen = torch.tensor(still, device=seen_B_T.device)
                cache.batch_select_indices(chosen)
                seen_B_T = seen_B_T[chosen]
            newest_B_1 = torch.tensor([[replies[row].token_ids[-1]] for row in alive], device=seen_B_T.device)
            place = [[len(prompts[row].token_ids_P) + len(replies[row].token_ids) - 1] for row in alive]
            seen_B_T = torch.nn.functional.pad(seen_B_T, (0, 1), value=True)
            hidden_B_1_H = self._pass(cache, newest_B_1, torch.tensor(place, device=seen_B_T.device), seen_B_T[:, None, None])
            for row, token_id in zip(alive, self._head(hidden_B_1_H[:, -1]).argmax(dim=-1).tolist(), strict=True):
                self._add(prompts[row], replies[row], token_id)
            yield

    def _pass(self, cache: DynamicCache, token_ids_B_T: Tensor, positions_B_T: Tensor, mask_B_1_T_S: Tensor) -> Tensor:
        output = self._backbone(
            input_ids=token_ids_B_T, position_ids=positions_B_T, attention_mask=mask_B_1_T_S, past_key_values=cache, use_cache=True
        )
        return output.last_hidden_state

    def _answer_alone(self, prompt: Prompt, reply: Reply) -> Iterator[None]:
        """One prompt in the library's own way, for families whose masks or positions are their own affair."""
        device = self._backbone.device
        if prompt.reference_ids_R:
            whole_1_T = torch.tensor([prompt.token_ids_P + prompt.reference_ids_R], device=device)
            hidden_T_H = self._backbone(input_ids=whole_1_T, use_cache=False).last_hidden_state[0]
            start = len(prompt.token_ids_P)
            self._measure_reference(prompt, reply, hidden_T_H[start - 1 : start], hidden_T_H[start:])
            yield
        cache = DynamicCache(config=self._config)
        next_1_T = torch.tensor([prompt.token_ids_P], device=device)
        while reply.finish_reason is None:
            hidden_1_T_H = self._backbone(input_ids=next_1_T, past_key_values=cache, use_cache=True).last_hidden_state
            self._add(prompt, reply, int(self._head(hidden_1_T_H[0, -1]).argmax()))
            next_1_T = torch.tensor([reply.token_ids[-1:]], device=device)
            yield

    def _measure_reference(self, prompt: Prompt, reply: Reply, first_1_H: Tensor, rest_T_H: Tensor) -> list[int]:
        """What the model would say in place of each token of the reference, having read those before it.

        `first` has seen the prompt alone, `rest` begins with what has seen the first token of the reference too.
        """
        count = len(prompt.reference_ids_R)
        if count == 0:
            return []
        logits_R_V = self._head(torch.cat([first_1_H, rest_T_H[: count - 1]])).float()
        targets_R = torch.tensor(prompt.reference_ids_R, device=logits_R_V.device)
        reply.reference_loss = float(torch.nn.functional.cross_entropy(logits_R_V, targets_R))
        return logits_R_V.argmax(dim=-1).tolist()

    def _accept(self, prompt: Prompt, reply: Reply, guess: list[int], said: list[int]) -> int:
        """Takes what the model says of a guess too, then its first word of its own.

        Returns how many tokens of the guess need not be read again: all that were taken but the last.
        """
        for token_id in said[: _agreed(guess, said) + 1]:
            if reply.finish_reason is None:
                self._add(prompt, reply, token_id)
        return len(reply.token_ids) - 1

    def _add(self, prompt: Prompt, reply: Reply, token_id: int) -> None:
        reply.token_ids.append(token_id)
        if token_id in self.end_ids:
            reply.finish_reason = "stop"
        elif len(reply.token_ids) >= prompt.limit:
            reply.finish_reason = "length"


def _agreed(guess: list[int], said: list[int]) -> int:
    """How many tokens of a guess the model would have said itself."""
    return next((at for at, (one, other) in enumerate(zip(guess, said, strict=False)) if one != other), len(guess))


_PADDING, _PROMPT, _DRAFT, _REFERENCE = range(4)


def _lay_out(prompts: Sequence[Prompt], device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Token ids, positions and part of each token: prompt, draft and reference side by side, padded on the right, shapes (B, T).

    Draft and reference both continue the prompt, so their positions are the same.
    """
    rows = [prompt.token_ids_P + prompt.draft_ids_D + prompt.reference_ids_R for prompt in prompts]
    longest = max(map(len, rows))
    token_ids, positions, parts = [], [], []
    for prompt, row in zip(prompts, rows, strict=True):
        asked, draft, reference = len(prompt.token_ids_P), len(prompt.draft_ids_D), len(prompt.reference_ids_R)
        padding = longest - len(row)
        token_ids.append(row + [0] * padding)
        positions.append([*range(asked), *range(asked, asked + draft), *range(asked, asked + reference), *[0] * padding])
        parts.append([_PROMPT] * asked + [_DRAFT] * draft + [_REFERENCE] * reference + [_PADDING] * padding)
    return tuple(torch.tensor(values, device=device) for values in (token_ids, positions, parts))  # pyright: ignore[reportReturnType]


def _first_mask(part_B_T: Tensor) -> Tensor:
    """True where a token may look: at what stands before it in the prompt and in its own part, shape (B, 1, T, T)."""
    length = part_B_T.shape[1]
    before_T_T = torch.ones(length, length, dtype=torch.bool, device=part_B_T.device).tril()
    related_B_T_T = (part_B_T[:, None, :] == _PROMPT) | (part_B_T[:, :, None] == part_B_T[:, None, :])
    return (before_T_T & related_B_T_T)[:, None]
