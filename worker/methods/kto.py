"""Kahneman-Tversky optimisation (Ethayarajh et al. 2024): single answers, each good or not."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from worker.batches import Collator
from worker.contract import KtoMethod, TrainingJob
from worker.examples import IGNORED, Example
from worker.head_logprobs import head_logprobs
from worker.preference_losses import kto_loss
from worker.preference_rows import Labelled
from worker.reference import Reference
from worker.run_trainer import RunTrainer, pad_token_id
from worker.trunk import PLAIN_STACKS
from worker.workbench import Tally, Workbench


def build(job: TrainingJob, bench: Workbench) -> "KtoTrainer":
    """A trainer over the labelled answers of the bench."""
    assert isinstance(job.method, KtoMethod)
    return KtoTrainer(job, bench, job.method)


class KtoTrainer(RunTrainer):
    """TRL's loop over labelled answers. How far the model has moved from its base is estimated by answers to other rows' prompts."""

    def __init__(self, job: TrainingJob, bench: Workbench, method: KtoMethod) -> None:
        self._padding = pad_token_id(bench)
        super().__init__(job, bench, Collator(self._pick, self._padding))
        self._method = method
        files = (bench.training, bench.validation)
        self.ahead = self._reference = Reference(bench, files, job.settings.batch_size, self._say)

    def _pick(self, place: int) -> Labelled:
        answer = self._examples[place]
        assert isinstance(answer, Labelled)
        return answer

    def _count(self, batch: dict[str, Tensor]) -> Tensor:
        return torch.tensor(len(batch["places"]))

    def _forward(self, inputs: dict[str, Tensor]) -> tuple[Tensor, Tally]:
        places = inputs["places"].tolist()
        logprobs_B, tokens_B, right_B = self._judge(inputs)
        ratio_B = logprobs_B - self._reference(places)
        is_good_B = torch.tensor([self._pick(place).is_good for place in places], device=logprobs_B.device)
        moved = self._moved(places)
        loss_B = kto_loss(self._method, ratio_B, is_good_B, moved)
        loss = loss_B.sum()
        tally = Tally(
            loss_sum=float(loss.detach()),
            trained=int(tokens_B[is_good_B].sum()),
            right=int(right_B[is_good_B].sum()),
            seen=int(inputs["attention_mask"].sum()),
            rows=len(places),
            metrics=self._measured(logprobs_B.detach(), ratio_B.detach(), is_good_B, moved),
        )
        return loss, tally

    def _measured(self, logprobs_B: Tensor, ratio_B: Tensor, is_good_B: Tensor, moved: float) -> dict[str, float]:
        """Sums over the rows. The margin is signed by the label, so that its mean says how well good and bad are told apart."""
        reward_B = self._method.beta * ratio_B
        signed_B = torch.where(is_good_B, 1.0, -1.0) * (reward_B - self._method.beta * moved)
        return {
            "rewards/margins": float(signed_B.sum()),
            "rewards/accuracies": float((signed_B > 0).sum()),
            "logps/chosen": float(logprobs_B[is_good_B].sum()),
            "logps/rejected": float(logprobs_B[~is_good_B].sum()),
            "kl": moved * len(ratio_B),
        }

    def _judge(self, inputs: dict[str, Any]) -> tuple[Tensor, Tensor, Tensor]:
        """Of each answer: its log-probability, its tokens, and how many of them the model would have said."""
        labels_B_T, mask_B_T = inputs["labels"], inputs["attention_mask"]
        with self.accelerator.autocast():
            # Padding stands on the right, where a causal layer does not look.
            mask = None if self._base.config.model_type in PLAIN_STACKS else mask_B_T
            hidden_B_T_H = self._base.base_model(input_ids=inputs["input_ids"], attention_mask=mask, use_cache=False).last_hidden_state
            rows_K, at_K = (labels_B_T != IGNORED).nonzero(as_tuple=True)
            logprobs_K, right_K = head_logprobs(
                hidden_B_T_H[rows_K, at_K - 1], labels_B_T[rows_K, at_K], self._base.get_output_embeddings()
            )
        empty_B = torch.zeros(len(labels_B_T), dtype=logprobs_K.dtype, device=logprobs_K.device)
        sums = [empty_B.index_add(0, rows_K, each.to(empty_B.dtype)) for each in (logprobs_K, torch.ones_like(logprobs_K), right_K)]
        return sums[0], sums[1], sums[2]

    def _say(self, places: Sequence[int]) -> Sequence[Tensor]:
        """Log-probabilities of these answers."""
        return list(self._judge(self._prepare_inputs(self.data_collator([{"place": place} for place in places])))[0])

    @torch.no_grad()
    def _moved(self, places: Sequence[int]) -> float:
        """The reference point z0 (section 4.1 of the paper): how far from the base, by each prompt with another row's answer."""
        answers = [self._pick(place) for place in places]
        mismatched = [_join(prompt, answer) for prompt, answer in zip(answers, answers[-1:] + answers[:-1], strict=True)]
        collate = Collator(lambda at: mismatched[at], self._padding)
        inputs: Any = self._prepare_inputs(collate([{"place": at} for at in range(len(mismatched))]))
        said_B = self._judge(inputs)[0]
        reference_B = torch.stack(list(self._reference.off(lambda: list(self._judge(inputs)[0]))))
        return max(0.0, float((said_B - reference_B).mean()))

    def _nats_per_token(self, total: Tally) -> float:
        return -total.metrics["logps/chosen"] / max(total.trained, 1)


def _join(prompt: Labelled, answer: Labelled) -> Example:
    """The prompt of one row with the answer of another."""
    asked, said = _start(prompt), _start(answer)
    token_ids_T = prompt.token_ids_T[:asked] + answer.token_ids_T[said:]
    return Example(prompt.row, token_ids_T, [IGNORED] * asked + answer.labels_T[said:])


def _start(example: Example) -> int:
    return next(at for at, label in enumerate(example.labels_T) if label != IGNORED)
