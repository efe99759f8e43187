"""One token out of a distribution, as a request asks for it."""

from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor

from worker.contract import ServingRequest


class TokenDrawer:
    """Bias, penalties, top k, top p, min p, temperature, draw: the order of the other engines. The same seed draws the same tokens.

    Penalties count the tokens of the answer only (logit - count * frequency - (count > 0) * presence).
    """

    def __init__(self, request: ServingRequest, device: torch.device) -> None:
        self._request = request
        self._random = torch.Generator(device=device).manual_seed(request.seed % (1 << 63))

    def __call__(self, logits_V: Tensor, said: Sequence[int]) -> int:
        """A token for these logits, in fp32, after what was said."""
        logits_V = self._penalised(logits_V, said)
        if self._request.temperature == 0:
            return int(logits_V.argmax())
        weights_V = (self._filtered(logits_V) / self._request.temperature).softmax(dim=-1)
        return int(torch.multinomial(weights_V, 1, generator=self._random))

    def _penalised(self, logits_V: Tensor, said: Sequence[int]) -> Tensor:
        changes: Counter[int] = Counter()
        for token, bias in self._request.logit_bias.items():
            changes[int(token)] += bias  # pyright: ignore[reportArgumentType]  # a Counter takes any number
        if self._request.frequency_penalty or self._request.presence_penalty:
            for token, count in Counter(said).items():
                changes[token] -= count * self._request.frequency_penalty + self._request.presence_penalty  # pyright: ignore[reportArgumentType]
        if not changes:
            return logits_V
        tokens_C = torch.tensor(list(changes), device=logits_V.device)
        return logits_V.index_add(0, tokens_C, torch.tensor(list(changes.values()), dtype=logits_V.dtype, device=logits_V.device))

    def _filtered(self, logits_V: Tensor) -> Tensor:
        """Minus infinity for what may not be drawn; the likeliest always may."""
        request = self._request
        if request.top_k is not None and request.top_k > 0:
            least = logits_V.topk(min(request.top_k, len(logits_V))).values[-1]
            logits_V = logits_V.masked_fill(logits_V < least, -torch.inf)
        if request.top_p < 1:
            ordered_V, order_V = logits_V.sort(descending=True)
            shares_V = ordered_V.softmax(dim=-1)
            beyond_V = shares_V.cumsum(dim=-1) - shares_V > max(request.top_p, 0)
            beyond_V[0] = False
            logits_V = logits_V.masked_fill(beyond_V[order_V.argsort()], -torch.inf)
        if request.min_p is not None and request.min_p > 0:
            shares_V = logits_V.softmax(dim=-1)
            logits_V = logits_V.masked_fill(shares_V < request.min_p * shares_V.max(), -torch.inf)
        return logits_V
