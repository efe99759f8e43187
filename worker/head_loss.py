"""Next-token loss under a frozen output head, without holding logits for a whole batch."""

from typing import Any

import torch
from torch import Tensor

# Positions a tile: logits of 512 positions over 49k words are 100 MB in fp32.
_TILE = 512


class HeadLoss(torch.autograd.Function):
    """Sum of the cross-entropies of K positions, and how many of them the head would have guessed right.

    The head is frozen, so all that a backward pass needs is the gradient of the hidden states. It is computed tile by tile right
    after the logits and kept instead of them: K·H numbers in place of K·V (the idea of Liger Kernel's fused linear
    cross-entropy, Hsu et al. 2024).
    """

    @staticmethod
    def forward(ctx: Any, hidden_K_H: Tensor, weight_V_H: Tensor, bias_V: Tensor | None, targets_K: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the sum of the losses in nats and the count of right guesses; the count carries no gradient."""
        loss = torch.zeros((), dtype=torch.float32, device=hidden_K_H.device)
        right = torch.zeros((), dtype=torch.int64, device=hidden_K_H.device)
        needs_gradient = ctx.needs_input_grad[0]
        gradient_K_H = torch.empty_like(hidden_K_H) if needs_gradient else None
        # A head that is trained too gets its own, summed over all positions.
        gradient_V_H = torch.zeros_like(weight_V_H) if ctx.needs_input_grad[1] else None
        gradient_V = torch.zeros_like(bias_V) if ctx.needs_input_grad[2] and bias_V is not None else None
        for start in range(0, len(hidden_K_H), _TILE):
            tile = slice(start, start + _TILE)
            logits_t_V = torch.nn.functional.linear(hidden_K_H[tile], weight_V_H, bias_V).float()
            targets_t = targets_K[tile, None]
            right += (logits_t_V.argmax(dim=-1, keepdim=True) == targets_t).sum()
            log_total_t = logits_t_V.logsumexp(dim=-1, keepdim=True)
            loss += (log_total_t - logits_t_V.gather(1, targets_t)).sum()
            if gradient_K_H is not None:
                # d loss / d logits = softmax(logits) - one_hot(target)
                error_t_V = logits_t_V.sub_(log_total_t).exp_()
                error_t_V.scatter_add_(1, targets_t, -torch.ones_like(targets_t, dtype=error_t_V.dtype))
                gradient_K_H[tile] = error_t_V.to(weight_V_H.dtype) @ weight_V_H
                if gradient_V_H is not None:
                    gradient_V_H.addmm_(error_t_V.to(weight_V_H.dtype).T, hidden_K_H[tile].to(weight_V_H.dtype))
                if gradient_V is not None:
                    gradient_V += error_t_V.sum(dim=0)
        if gradient_K_H is not None:
            ctx.save_for_backward(gradient_K_H, gradient_V_H, gradient_V)
        ctx.mark_non_differentiable(right)
        return loss, right

    @staticmethod
    def backward(ctx: Any, loss_gradient: Tensor, _right_gradient: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The stored gradients, scaled by that of the loss."""
        stored = (None if found is None else found * loss_gradient.to(found.dtype) for found in ctx.saved_tensors)
        return (*stored, None)


def head_loss(hidden_B_T_H: Tensor, labels_B_T: Tensor, head: torch.nn.Module, ignored: int) -> tuple[Tensor, Tensor, Tensor]:
    """Loss summed over the positions whose next token carries one, how many it guesses right, and how many there are."""
    targets_B_t = labels_B_T[:, 1:]
    kept_B_t = targets_B_t != ignored
    weight, bias = head.weight, getattr(head, "bias", None)
    loss, right = HeadLoss.apply(hidden_B_T_H[:, :-1][kept_B_t], weight, bias, targets_B_t[kept_B_t])  # pyright: ignore[reportGeneralTypeIssues]
    return loss, right, kept_B_t.sum()
