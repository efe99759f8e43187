"""Losses over pairs of answers. All inputs have shape (B,): log-probabilities in nats, summed over the tokens of an answer."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from worker.contract import DpoMethod, KtoMethod, OrpoMethod, RewardMethod, SimpoMethod

# A mean log-probability is kept below 0 by this much: the odds of certainty are infinite.
_LEAST_DOUBT = 1e-6


@dataclass(frozen=True)
class Answers:
    """One side of B pairs."""

    logprobs_B: Tensor
    tokens_B: Tensor
    # What the base model says of them; zeros for a method that does not ask it.
    reference_B: Tensor

    @property
    def mean_B(self) -> Tensor:
        """Log-probability per token."""
        return self.logprobs_B / self.tokens_B

    @property
    def ratio_B(self) -> Tensor:
        """log pi(y|x) - log pi_ref(y|x)."""
        return self.logprobs_B - self.reference_B


@dataclass(frozen=True)
class PairLoss:
    """The loss of each pair, and the reward that the method reads into each answer."""

    loss_B: Tensor
    preferred_reward_B: Tensor
    rejected_reward_B: Tensor


def dpo_loss(method: DpoMethod, preferred: Answers, rejected: Answers) -> PairLoss:
    """Rafailov et al. 2023, equation 7, and the variants that its options name."""
    beta, smoothing = method.beta, method.label_smoothing
    margin_B = beta * (preferred.ratio_B - rejected.ratio_B)
    match method.loss_type:
        case "sigmoid":
            # Smoothed as in Mitchell 2023, "A note on DPO with noisy preferences", equation 3.
            loss_B = -(1 - smoothing) * F.logsigmoid(margin_B) - smoothing * F.logsigmoid(-margin_B)
        case "robust":
            # Chowdhury et al. 2024, equation 11: unbiased where this share of the pairs is the wrong way round.
            flipped_B = smoothing * F.logsigmoid(-margin_B)
            loss_B = (flipped_B - (1 - smoothing) * F.logsigmoid(margin_B)) / (1 - 2 * smoothing)
        case "hinge":
            # Zhao et al. 2023, SLiC-HF, with the log-ratio in place of the likelihood (Liu et al. 2024, table 1).
            loss_B = torch.relu(1 - margin_B)
        case "ipo":
            # Azar et al. 2023, equation 17, with log-ratios per token, so that long answers weigh no more.
            per_token_B = preferred.ratio_B / preferred.tokens_B - rejected.ratio_B / rejected.tokens_B
            loss_B = (per_token_B - 1 / (2 * beta)) ** 2
    if method.rpo_alpha > 0:
        # Pang et al. 2024, equation 1.
        loss_B = loss_B - method.rpo_alpha * preferred.mean_B
    return PairLoss(loss_B, beta * preferred.ratio_B, beta * rejected.ratio_B)


def orpo_loss(method: OrpoMethod, preferred: Answers, rejected: Answers) -> PairLoss:
    """Hong et al. 2024, equations 6 and 7; the likelihood of an answer is that of its mean token."""
    log_odds_B = _log_odds(preferred.mean_B) - _log_odds(rejected.mean_B)
    loss_B = -preferred.mean_B - method.beta * F.logsigmoid(log_odds_B)
    return PairLoss(loss_B, method.beta * preferred.mean_B, method.beta * rejected.mean_B)


def simpo_loss(method: SimpoMethod, preferred: Answers, rejected: Answers) -> PairLoss:
    """Meng et al. 2024, equation 6."""
    loss_B = -F.logsigmoid(method.beta * (preferred.mean_B - rejected.mean_B) - method.gamma)
    if method.sft_alpha > 0:
        loss_B = loss_B - method.sft_alpha * preferred.mean_B
    return PairLoss(loss_B, method.beta * preferred.mean_B, method.beta * rejected.mean_B)


def _log_odds(logprob_B: Tensor) -> Tensor:
    """log(p / (1 - p))."""
    doubt_B = logprob_B.clamp(max=-_LEAST_DOUBT)
    return doubt_B - torch.log(-torch.expm1(doubt_B))


def kto_loss(method: KtoMethod, ratio_B: Tensor, is_good_B: Tensor, moved: float) -> Tensor:
    """Ethayarajh et al. 2024, equation 8, for B answers; `moved` is the reference point z0, carries no gradient and is not negative."""
    value_B = torch.sigmoid(torch.where(is_good_B, 1.0, -1.0) * method.beta * (ratio_B - moved))
    return torch.where(is_good_B, method.desirable_weight, method.undesirable_weight) * (1 - value_B)


def reward_loss(method: RewardMethod, preferred_B: Tensor, rejected_B: Tensor) -> Tensor:
    """Ouyang et al. 2022, equation 1, for scores of B pairs, with the margin of Touvron et al. 2023, equation 2.

    Scores may drift together, as only their difference is asked for: Eisenstein et al. 2023 add the square of their sum.
    """
    loss_B = -F.logsigmoid(preferred_B - rejected_B - method.margin)
    if method.center_rewards_coefficient > 0:
        loss_B = loss_B + method.center_rewards_coefficient * (preferred_B + rejected_B) ** 2
    return loss_B
