"""One request while it is answered: what it still has to read, and what it has said."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from worker.contract import EndedAnswer, ScoredAnswer, ServingAlternative, ServingRequest, ServingToken, TokenAnswer
from worker.draw_token import TokenDrawer
from worker.served_versions import Served

# Tokens of a prompt read in one pass: short enough to be cancelled within a second.
_READ_TOKENS = 128


class ServedAnswer:
    """Advances by one forward pass at a time."""

    def __init__(self, request_id: int, request: ServingRequest, served: Served) -> None:
        self.id = request_id
        self.served = served
        self.is_over = False
        self._request = request
        self._backbone: Any = served.model.base_model
        self._head: Any = served.model.get_output_embeddings()
        self._cache = DynamicCache(config=served.model.config)
        self._draw = TokenDrawer(request, served.model.device)
        self._read = 0
        self._said: list[int] = []
        self._scored: list[ServingToken] = []

    @torch.inference_mode()
    def advance(self) -> Iterator[ScoredAnswer | TokenAnswer | EndedAnswer]:
        """One forward pass, and what comes of it."""
        request = self._request
        if request.max_tokens == 0 and not request.echo:
            yield self._end("length")
            return
        if self._said:
            hidden_T_H = self._run(self._said[-1:])
        else:
            piece = request.prompt[self._read : self._read + _READ_TOKENS]
            hidden_T_H = self._run(piece)
            if request.echo:
                self._score(hidden_T_H, len(piece))
            self._read += len(piece)
            if self._read < len(request.prompt):
                return
            if request.echo:
                yield ScoredAnswer(type="scored", id=self.id, tokens=self._scored)
            if request.max_tokens == 0:
                yield self._end("length")
                return
        logits_V: Tensor = self._head(hidden_T_H[-1]).float()
        token_id = self._draw(logits_V, self._said)
        if token_id in self.served.end_ids:
            yield self._end("stop")
            return
        self._said.append(token_id)
        yield TokenAnswer(type="token", id=self.id, token=self._describe(token_id, logits_V))
        is_full = len(request.prompt) + len(self._said) >= self.served.context_length
        if is_full or len(self._said) >= request.max_tokens:
            yield self._end("length")

    def _run(self, token_ids: list[int]) -> Tensor:
        input_ids_1_T = torch.tensor([token_ids], device=self.served.model.device)
        return self._backbone(input_ids=input_ids_1_T, past_key_values=self._cache, use_cache=True).last_hidden_state[0]

    def _score(self, hidden_T_H: Tensor, count: int) -> None:
        """The tokens that come after these places, and the very first of the prompt."""
        prompt = self._request.prompt
        if self._read == 0:
            self._scored.append(self._describe(prompt[0], None))
        logits_T_V = self._head(hidden_T_H).float()
        for at in range(count):
            if self._read + at + 1 < len(prompt):
                self._scored.append(self._describe(prompt[self._read + at + 1], logits_T_V[at]))

    def _end(self, finish_reason: Any) -> EndedAnswer:
        self.is_over = True
        return EndedAnswer(type="ended", id=self.id, finish_reason=finish_reason)

    def _describe(self, token_id: int, logits_V: Tensor | None) -> ServingToken:
        """With the model's own log-probabilities, where they are asked for."""
        token_bytes = self.served.token_bytes
        told = {"token_id": token_id, "bytes": list(token_bytes(token_id)), "is_control": token_bytes.is_control(token_id)}
        if logits_V is None or self._request.top_logprobs is None:
            return ServingToken(**told, logprob=None, top=[])
        logprobs_V = logits_V.log_softmax(dim=-1)
        best = logprobs_V.topk(min(self._request.top_logprobs, len(logprobs_V)))
        top = [
            ServingAlternative(token_id=other, bytes=list(token_bytes(other)), logprob=logprob)
            for other, logprob in zip(best.indices.tolist(), best.values.tolist(), strict=True)
        ]
        return ServingToken(**told, logprob=float(logprobs_V[token_id]), top=top)
