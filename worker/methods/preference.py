"""Preference training on pairs of answers: DPO with its variants, ORPO and SimPO."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from worker.contract import ConstitutionalMethod, DpoMethod, OrpoMethod, SimpoMethod, TrainingJob
from worker.head_logprobs import head_logprobs
from worker.pair_trainer import PairTrainer
from worker.preference_losses import Answers, PairLoss, dpo_loss, orpo_loss, simpo_loss
from worker.reference import Reference
from worker.workbench import Tally, Workbench


def build(job: TrainingJob, bench: Workbench) -> "PreferenceTrainer":
    """A trainer over the pairs of the bench."""
    return PreferenceTrainer(job, bench)


class PreferenceTrainer(PairTrainer):
    """TRL's loop over pairs: the prompt of a pair runs once, the head at answers only, the reference model once a row."""

    def __init__(self, job: TrainingJob, bench: Workbench) -> None:
        super().__init__(job, bench)
        self._method = job.method
        self._reference: Reference | None = None
        if isinstance(job.method, DpoMethod | ConstitutionalMethod):
            files = (bench.training, bench.validation)
            self.ahead = self._reference = Reference(bench, files, job.settings.batch_size, self._say)

    def _forward(self, inputs: dict[str, Tensor]) -> tuple[Tensor, Tally]:
        pairs = len(inputs["places"])
        with self.accelerator.autocast():
            logprobs_A, tokens_A, right_A = self._judge(inputs)
        reference_A = torch.zeros_like(logprobs_A)
        if self._reference is not None:
            reference_A = self._reference(inputs["places"].tolist()).T.reshape(-1)
        preferred, rejected = (
            Answers(logprobs_A[side], tokens_A[side], reference_A[side]) for side in (slice(0, pairs), slice(pairs, 2 * pairs))
        )
        found = self._loss(preferred, rejected)
        loss = found.loss_B.sum()
        tally = Tally(
            loss_sum=float(loss.detach()),
            trained=int(preferred.tokens_B.sum()),
            right=int(right_A[:pairs].sum()),
            seen=int(inputs["lengths"].sum()),
            rows=pairs,
            metrics=_metrics(found, preferred, rejected),
        )
        return loss, tally

    def _judge(self, inputs: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Of each answer, the preferred ones first: its log-probability, its tokens, and how many of them the model would have said."""
        answers = 2 * len(inputs["places"])
        targets = self._run(inputs)
        logprobs_K, right_K = head_logprobs(targets.hidden_K_H, targets.tokens_K, self._base.get_output_embeddings())
        empty_A = torch.zeros(answers, dtype=logprobs_K.dtype, device=logprobs_K.device)
        sums = [
            empty_A.index_add(0, targets.answers_K, each.to(empty_A.dtype)) for each in (logprobs_K, torch.ones_like(logprobs_K), right_K)
        ]
        return sums[0], sums[1], sums[2]

    def _say(self, places: Sequence[int]) -> Sequence[Tensor]:
        """Log-probabilities of the two answers of each pair, preferred first."""
        batch: dict[str, Any] = self._prepare_inputs(self.data_collator([{"place": place} for place in places]))
        with self.accelerator.autocast():
            logprobs_A, _, _ = self._judge(batch)
        return list(logprobs_A.reshape(2, -1).T)

    def _loss(self, preferred: Answers, rejected: Answers) -> PairLoss:
        match self._method:
            case DpoMethod():
                return dpo_loss(self._method, preferred, rejected)
            case OrpoMethod():
                return orpo_loss(self._method, preferred, rejected)
            case SimpoMethod():
                return simpo_loss(self._method, preferred, rejected)
            case _:
                raise TypeError(f"{self._method.type} does not compare pairs")

    def _nats_per_token(self, total: Tally) -> float:
        return -total.metrics["logps/chosen"] / max(total.trained, 1)


def _metrics(found: PairLoss, preferred: Answers, rejected: Answers) -> dict[str, float]:
    """Sums over the pairs, under TRL's names."""
    margin_B = found.preferred_reward_B - found.rejected_reward_B
    sums = {
        "rewards/chosen": found.preferred_reward_B,
        "rewards/rejected": found.rejected_reward_B,
        "rewards/margins": margin_B,
        "rewards/accuracies": (margin_B > 0).float(),
        "logps/chosen": preferred.logprobs_B,
        "logps/rejected": rejected.logprobs_B,
    }
    return {name: float(each_B.detach().sum()) for name, each_B in sums.items()}
