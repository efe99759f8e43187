"""Proximal policy optimisation (Schulman et al. 2017) against a trained reward model (Ziegler et al. 2019, Stiennon et al. 2020)."""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from worker.answers import Answers
from worker.batches import Collator
from worker.contract import PpoMethod, TrainingJob
from worker.examples import IGNORED, Example
from worker.failures import WorkerError
from worker.head_logprobs import head_logprobs
from worker.heads import attach_head
from worker.ppo_math import advantages, policy_loss, token_rewards, value_loss, whiten
from worker.reward_model import RewardModel
from worker.run_trainer import RunTrainer, pad_token_id
from worker.trunk import PLAIN_STACKS
from worker.workbench import Tally, Workbench


def build(job: TrainingJob, bench: Workbench) -> "PpoTrainer":
    """A trainer over the questions of the bench."""
    assert isinstance(job.method, PpoMethod)
    return PpoTrainer(job, bench, job.method)


@dataclass(frozen=True)
class Judged:
    """Of each of the K tokens of some answers: its log-probability, the value before it, its row, and whether it was the likeliest."""

    logprobs_K: Tensor
    values_K: Tensor
    rows_K: Tensor
    right_K: Tensor


@dataclass(frozen=True)
class Rollout:
    """Answers to the questions of one forward pass, and what is held against them while they are learnt from."""

    batch: dict[str, Tensor]
    old: Judged
    reference_K: Tensor
    # One an answer, the penalty for an answer that does not end included.
    scores_B: Tensor
    advantages_K: Tensor
    returns_K: Tensor


class PpoTrainer(RunTrainer):
    """One step answers all of its questions with the model as it is, then learns from those answers `num_ppo_epochs` times.

    Dropout is off throughout, so that a ratio begins at 1. The value head stands on the policy's own states. The reference is the
    base model, adapter off, and the reward model another adapter on it: one base is in memory.
    """

    def __init__(self, job: TrainingJob, bench: Workbench, method: PpoMethod) -> None:
        if job.reward_model_dir is None:
            raise WorkerError("config_error", "reward_model: the job does not say where it is.")
        self._padding = pad_token_id(bench)
        self._value_head = attach_head(bench.adapted, is_zero=True)
        self._reward_model = RewardModel(bench.adapted, job, Path(job.reward_model_dir))
        super().__init__(job, bench, Collator(lambda place: self._examples[place], self._padding))
        self._method = method
        self._answers = Answers(bench, method.max_completion_tokens)
        # Places of the forward passes of a step, until all are there; and how many those are.
        self._waiting: list[list[int]] = []
        self._passes = 1

    def _count(self, batch: dict[str, Tensor]) -> Tensor:
        return torch.tensor(len(batch["places"]))

    def _get_num_items_in_batch(self, batch_samples: list[dict[str, Tensor]], device: torch.device) -> Tensor:
        self._passes = len(batch_samples)
        return super()._get_num_items_in_batch(batch_samples, device)

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> Tensor:
        """Waits for the last forward pass of the step: advantages are whitened over all of its answers."""
        self._waiting.append(inputs["places"].tolist())
        if len(self._waiting) < self._passes:
            return torch.zeros((), device=self._bench.model.device)
        waiting, self._waiting = self._waiting, []
        self._bench.model.eval()
        rollouts = self._whitened([self._roll_out(places) for places in waiting])
        loss = torch.zeros((), device=self._bench.model.device)
        last = self._method.num_ppo_epochs - 1
        for epoch in range(last + 1):
            loss = self._learn(rollouts)
            # The optimiser step after the last one is the trainer's own.
            if epoch < last:
                self.accelerator.clip_grad_norm_(self._bench.model.parameters(), self.args.max_grad_norm or float("inf"))
                optimizer: Any = self.optimizer
                optimizer.step()
                optimizer.zero_grad()
        self._bench.model.train()
        return loss

    @torch.no_grad()
    def _roll_out(self, places: list[int]) -> Rollout:
        questions = [self._examples[place] for place in places]
        # The same question gets another answer in every step, the same one in a resumed run.
        seeds = [(self._job.seed * 1_000_003 + self.state.global_step) * 1_000_003 + place for place in places]
        said = self._answers.give([question.token_ids_T for question in questions], seeds)
        batch = self._batch(questions, said)
        old = self._judge(batch)
        with self._bench.switched_off():
            reference_K = self._judge(batch).logprobs_K
        scores_B = self._score(questions, said)
        gains, returns = [], []
        for row in range(len(said)):
            mine_K = old.rows_K == row
            values_T = old.values_K[mine_K]
            rewards_T = token_rewards(self._method, float(scores_B[row]), old.logprobs_K[mine_K], reference_K[mine_K])
            gains.append(advantages(self._method, rewards_T, values_T))
            returns.append(gains[-1] + values_T)
        return Rollout(batch, old, reference_K, scores_B, torch.cat(gains), torch.cat(returns))

    def _whitened(self, rollouts: list[Rollout]) -> list[Rollout]:
        whole = whiten(torch.cat([rollout.advantages_K for rollout in rollouts]))
        parts = whole.split([len(rollout.advantages_K) for rollout in rollouts])
        return [replace(rollout, advantages_K=part) for rollout, part in zip(rollouts, parts, strict=True)]

    def _learn(self, rollouts: list[Rollout]) -> Tensor:
        """Adds up the gradient of one look at all answers; returns its mean loss per token. Counts what was measured."""
        tokens = sum(len(rollout.returns_K) for rollout in rollouts)
        rows = sum(len(rollout.scores_B) for rollout in rollouts)
        total = torch.zeros((), device=self._bench.model.device)
        for rollout in rollouts:
            now = self._judge(rollout.batch)
            policy_K, policy_clipped_K = policy_loss(self._method, now.logprobs_K, rollout.old.logprobs_K, rollout.advantages_K)
            value_K, value_clipped_K = value_loss(self._method, now.values_K, rollout.old.values_K, rollout.returns_K)
            loss = (policy_K + self._method.vf_coef * value_K).sum() / tokens
            if not math.isfinite(float(loss.detach())):
                raise WorkerError("nan", f"The loss became {float(loss.detach())} in step {self.state.global_step + 1}.")
            self.accelerator.backward(loss)
            total += loss.detach()
            of_tokens = {
                "entropy": -rollout.old.logprobs_K,
                "loss/policy_avg": policy_K,
                "loss/value_avg": value_K,
                "policy/clipfrac_avg": policy_clipped_K,
                "val/clipfrac_avg": value_clipped_K,
                # How far the policy has moved within the step (Schulman 2020, "Approximating KL divergence", k2).
                "policy/approxkl_avg": 0.5 * (now.logprobs_K - rollout.old.logprobs_K) ** 2,
            }
            means = {name: float(each_K.detach().sum()) * rows / tokens for name, each_K in of_tokens.items()}
            self.tally += self._tally(rollout, float(loss.detach()) * rows, means)
        return total

    def _tally(self, rollout: Rollout, loss: float, means: dict[str, float]) -> Tally:
        """Every look at an answer counts it anew, so that what is reported is the mean of all looks."""
        moved = float((rollout.old.logprobs_K - rollout.reference_K).sum())
        score = float(rollout.scores_B.sum())
        return Tally(
            loss_sum=loss,
            trained=len(rollout.returns_K),
            right=int(rollout.old.right_K.sum()),
            seen=int(rollout.batch["attention_mask"].sum()),
            rows=len(rollout.scores_B),
            metrics={
                "reward": score,
                "kl": moved,
                "rlhf_reward": score - self._method.kl_coef * moved,
                "completions/mean_length": float(len(rollout.returns_K)),
                **means,
            },
        )

    @torch.no_grad()
    def _forward(self, inputs: dict[str, Tensor]) -> tuple[Tensor, Tally]:
        """How the likeliest answers score. Perplexity and token accuracy are the base model's on them: how far they are from its own."""
        questions = [self._examples[place] for place in inputs["places"].tolist()]
        said = self._answers.give([question.token_ids_T for question in questions])
        batch = self._batch(questions, said)
        with self._bench.switched_off():
            base = self._judge(batch)
        scores_B = self._score(questions, said)
        loss = -scores_B.sum()
        metrics = {"reward": float(scores_B.sum()), "logps/reference": float(base.logprobs_K.sum())}
        seen = int(batch["attention_mask"].sum())
        return loss, Tally(float(loss), len(base.logprobs_K), int(base.right_K.sum()), seen, len(questions), metrics)

    def _batch(self, questions: list[Example], said: list[list[int]]) -> dict[str, Tensor]:
        """Questions with their answers, which alone carry labels."""
        rows = [
            Example(question.row, question.token_ids_T + answer, [IGNORED] * len(question.token_ids_T) + answer)
            for question, answer in zip(questions, said, strict=True)
        ]
        batch: Any = self._prepare_inputs(Collator(lambda at: rows[at], self._padding)([{"place": at} for at in range(len(rows))]))
        return batch

    def _score(self, questions: list[Example], said: list[list[int]]) -> Tensor:
        rows = [question.token_ids_T + answer for question, answer in zip(questions, said, strict=True)]
        cut_off = [0.0 if self._answers.ends(answer) else self._method.missing_eos_penalty for answer in said]
        with self.accelerator.autocast():
            scores_B = self._reward_model.score(rows, self._padding)
        return scores_B - torch.tensor(cut_off, device=scores_B.device)

    def _judge(self, batch: dict[str, Tensor]) -> Judged:
        labels_B_T = batch["labels"]
        rows_K, at_K = (labels_B_T != IGNORED).nonzero(as_tuple=True)
        with self.accelerator.autocast():
            # Padding stands on the right, where a causal layer does not look.
            mask = None if self._base.config.model_type in PLAIN_STACKS else batch["attention_mask"]
            hidden_B_T_H = self._base.base_model(input_ids=batch["input_ids"], attention_mask=mask, use_cache=False).last_hidden_state
            hidden_K_H = hidden_B_T_H[rows_K, at_K - 1]
            logprobs_K, right_K = head_logprobs(hidden_K_H, labels_B_T[rows_K, at_K], self._base.get_output_embeddings())
        return Judged(logprobs_K, self._value_head(hidden_K_H.float())[:, 0], rows_K, right_K)

    def _nats_per_token(self, total: Tally) -> float:
        return -total.metrics["logps/reference"] / max(total.trained, 1)
