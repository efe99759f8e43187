"""Log-probabilities of given next tokens under a frozen output head, without holding logits for a whole batch."""

from typing import Any

import torch
from torch import Tensor

# Positions a tile: logits of 512 positions over 49k words are 100 MB in fp32.
_TILE = 512


class HeadLogProbs(torch.autograd.Function):
    """Log-probability of each target, and whether the head would have chosen it.

    As in head_loss.py the gradient of each position is computed right after its logits and kept instead of them; here each is scaled
    by itself on the way back, because a method may weigh every answer differently.
    """

    @staticmethod
    def forward(ctx: Any, hidden_K_H: Tensor, weight_V_H: Tensor, bias_V: Tensor | None, targets_K: Tensor) -> tuple[Tensor, Tensor]:
        """Returns log-probabilities in nats (fp32) and right guesses (bool), both of shape (K,)."""
        logprobs_K = torch.empty(len(targets_K), dtype=torch.float32, device=hidden_K_H.device)
        right_K = torch.empty(len(targets_K), dtype=torch.bool, device=hidden_K_H.device)
        needs_gradient = ctx.needs_input_grad[0]
        gradient_K_H = torch.empty_like(hidden_K_H) if needs_gradient else None
        for start in range(0, len(hidden_K_H), _TILE):
            tile = slice(start, start + _TILE)
            logits_t_V = torch.nn.functional.linear(hidden_K_H[tile], weight_V_H, bias_V).float()
            targets_t = targets_K[tile, None]
            right_K[tile] = logits_t_V.argmax(dim=-1) == targets_t[:, 0]
            log_total_t = logits_t_V.logsumexp(dim=-1, keepdim=True)
            logprobs_K[tile] = (logits_t_V.gather(1, targets_t) - log_total_t)[:, 0]
            if gradient_K_H is not None:
                # d log p / d logits = one_hot(target) - softmax(logits)
                error_t_V = logits_t_V.sub_(log_total_t).exp_().neg_()
                error_t_V.scatter_add_(1, targets_t, torch.ones_like(targets_t, dtype=error_t_V.dtype))
                gradient_K_H[tile] = error_t_V.to(weight_V_H.dtype) @ weight_V_H
        if gradient_K_H is not None:
            ctx.save_for_backward(gradient_K_H)
        ctx.mark_non_differentiable(right_K)
        return logprobs_K, right_K

    @staticmethod
    def backward(ctx: Any, logprob_gradient_K: Tensor, _right_gradient: Tensor) -> tuple[Tensor, None, None, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The stored gradients, each scaled by its own."""
        (gradient_K_H,) = ctx.saved_tensors
        return gradient_K_H * logprob_gradient_K[:, None].to(gradient_K_H.dtype), None, None, None


def head_logprobs(hidden_K_H: Tensor, targets_K: Tensor, head: torch.nn.Module) -> tuple[Tensor, Tensor]:
    """What the head says of these targets at these hidden states: log-probabilities, and which it would have chosen."""
    if head.weight.requires_grad:  # pyright: ignore[reportAttributeAccessIssue]
        # One that is trained too needs its logits for its own gradient.
        logits_K_V = head(hidden_K_H).float()
        logprobs_K = logits_K_V.log_softmax(dim=-1).gather(1, targets_K[:, None])[:, 0]
        return logprobs_K, logits_K_V.argmax(dim=-1) == targets_K
    return HeadLogProbs.apply(hidden_K_H, head.weight, getattr(head, "bias", None), targets_K)  # pyright: ignore[reportReturnType, reportGeneralTypeIssues]
