"""Answers of the model in training, many prompts at once: the likeliest, or drawn so that each depends on its own seed alone."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList

from worker.examples import end_token_ids
from worker.run_trainer import pad_token_id
from worker.undisturbed import precision_of
from worker.workbench import Workbench

# An odd number that spreads neighbouring seeds over the whole range (Knuth, section 6.4).
_SPREAD = 0x9E3779B97F4A7C15


class Answers:
    """Asks the model of a bench. Draws nothing from the random numbers of the run, so a batch may be cut in any way."""

    def __init__(self, bench: Workbench, most_tokens: int) -> None:
        self._bench = bench
        self._most_tokens = most_tokens
        self._padding = pad_token_id(bench)
        self.end_ids = end_token_ids(bench.tokenizer)

    @torch.no_grad()
    def give(self, prompts: Sequence[list[int]], seeds: Sequence[int] | None = None) -> list[list[int]]:
        """Token ids of an answer to each prompt, with the one that ends it where it ends by itself. Without seeds the likeliest."""
        longest = max(map(len, prompts))
        device = self._bench.model.device
        padded_B_T = torch.tensor([[self._padding] * (longest - len(prompt)) + prompt for prompt in prompts], device=device)
        mask_B_T = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=device)
        model: Any = self._bench.model
        was_training = model.training
        model.eval()
        with precision_of(self._bench):
            said_B_T: Any = model.generate(
                input_ids=padded_B_T,
                attention_mask=mask_B_T,
                generation_config=GenerationConfig(
                    max_new_tokens=self._most_tokens, do_sample=False, eos_token_id=sorted(self.end_ids), pad_token_id=self._padding
                ),
                logits_processor=LogitsProcessorList([] if seeds is None else [_Drawn(seeds)]),
            )
        model.train(was_training)
        return [self._cut(token_ids_T) for token_ids_T in said_B_T[:, longest:].tolist()]

    def ends(self, answer: list[int]) -> bool:
        """Whether it was ended by the model, not by the limit."""
        return answer[-1] in self.end_ids

    def text(self, answer: list[int]) -> str:
        """What it says."""
        return str(self._bench.tokenizer.decode(answer, skip_special_tokens=True)).strip()

    def _cut(self, token_ids_T: list[int]) -> list[int]:
        end = next((at for at, token in enumerate(token_ids_T) if token in self.end_ids), len(token_ids_T) - 1)
        return token_ids_T[: end + 1]


class _Drawn(LogitsProcessor):
    """Leaves of the next tokens one in each row: drawn from the model's own probabilities by inverting their sums."""

    def __init__(self, seeds: Sequence[int]) -> None:
        self._generators = [torch.Generator().manual_seed(seed * _SPREAD % 2**63) for seed in seeds]

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        drawn_B_1 = torch.stack([torch.rand(1, generator=each, dtype=torch.float64) for each in self._generators]).to(scores.device)
        below_B_V: Tensor = scores.double().softmax(dim=-1).cumsum(dim=-1)
        chosen_B_1 = torch.searchsorted(below_B_V, drawn_B_1 * below_B_V[:, -1:], right=True).clamp(max=scores.shape[-1] - 1)
        return torch.full_like(scores, -torch.inf).scatter_(1, chosen_B_1, 0.0)
