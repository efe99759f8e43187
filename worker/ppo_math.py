"""The formulas of proximal policy optimisation on answers. T counts the tokens of one answer, K those of all answers together."""

import torch
from torch import Tensor

from worker.contract import PpoMethod

# Added to a variance, so that tokens that are all alike can be whitened.
_LEAST_VARIANCE = 1e-8


def token_rewards(method: PpoMethod, score: float, logprobs_T: Tensor, reference_T: Tensor) -> Tensor:
    """Ziegler et al. 2019, equation 2, spread over the tokens: each pays for leaving the base model, the last one earns the score."""
    rewards_T = -method.kl_coef * (logprobs_T - reference_T)
    rewards_T[-1] += score
    return rewards_T


def advantages(method: PpoMethod, rewards_T: Tensor, values_T: Tensor) -> Tensor:
    """Generalised advantage estimation (Schulman et al. 2015, equations 11 and 16); behind the last token there is nothing to gain."""
    found_T = torch.empty_like(rewards_T)
    carried, value_after = 0.0, 0.0
    for at in reversed(range(len(rewards_T))):
        reward, value = float(rewards_T[at]), float(values_T[at])
        carried = reward + method.gamma * value_after - value + method.gamma * method.lam * carried
        found_T[at] = carried
        value_after = value
    return found_T


def whiten(values_K: Tensor) -> Tensor:
    """To mean 0 and variance 1 (Huang et al. 2023, "The N implementation details of RLHF with PPO", on the whitening of advantages)."""
    return (values_K - values_K.mean()) * torch.rsqrt(values_K.var(correction=0) + _LEAST_VARIANCE)


def policy_loss(method: PpoMethod, logprobs_K: Tensor, old_K: Tensor, advantages_K: Tensor) -> tuple[Tensor, Tensor]:
    """Schulman et al. 2017, equation 7, with the sign of a loss: of each token, and whether clipping took its gradient away."""
    ratio_K = torch.exp(logprobs_K - old_K)
    free_K = -advantages_K * ratio_K
    clipped_K = -advantages_K * ratio_K.clamp(1 - method.cliprange, 1 + method.cliprange)
    return torch.maximum(free_K, clipped_K), clipped_K > free_K


def value_loss(method: PpoMethod, values_K: Tensor, old_K: Tensor, returns_K: Tensor) -> tuple[Tensor, Tensor]:
    """Half the squared error, clipped as the policy is (Huang et al. 2022, "The 37 implementation details", detail 9); as policy_loss."""
    near_K = old_K + (values_K - old_K).clamp(-method.cliprange_value, method.cliprange_value)
    free_K, clipped_K = (values_K - returns_K) ** 2, (near_K - returns_K) ** 2
    return 0.5 * torch.maximum(free_K, clipped_K), clipped_K > free_K
