"""Constitutional AI (Bai et al. 2022): the model learns its own revisions as answers, then to prefer them to what it said first."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from worker.contract import ConstitutionalMethod, DpoMethod, TrainingJob
from worker.durable import replace_file
from worker.examples import Example, Question
from worker.failures import WorkerError
from worker.methods.preference import PreferenceTrainer
from worker.preference_losses import Answers, PairLoss, dpo_loss
from worker.revisions import Reviser
from worker.workbench import Tally, Workbench

# Every answer with what became of it, in the folder of the run.
REVISIONS_FILE = "revisions.jsonl"


def build(job: TrainingJob, bench: Workbench) -> "ConstitutionalTrainer":
    """A trainer over the questions of the bench, once they are answered and what breaks a principle is revised.

    Raises WorkerError('data_error') where there is nothing to learn.
    """
    method = job.method
    assert isinstance(method, ConstitutionalMethod)
    model: Any = bench.model
    model.to(bench.device)
    reviser = Reviser(bench, method, job.seed)
    found = reviser.revise(_questions(bench.training), job.settings.batch_size)
    replace_file(Path(job.output_dir) / REVISIONS_FILE, "".join(f"{revision.line()}\n" for revision in found).encode())
    pairs = [revision.pair for revision in found if revision.pair is not None]
    broken = sum(revision.broken is not None for revision in found)
    if not pairs:
        why = "none breaks a principle" if broken == 0 else f"{broken} break a principle, and no revision of them keeps to all"
        raise WorkerError("data_error", f"Of {len(found)} answers {why}: there is nothing to learn from ({REVISIONS_FILE}).")
    # An epoch is as long as there are questions, whatever the model makes of them: a pair is seen more often where there are few.
    rows = [pairs[at % len(pairs)] for at in range(len(bench.training))]
    rates = {"violation_rate/before": broken / len(found), "revised": len(pairs) / len(found)}
    return ConstitutionalTrainer(job, replace(bench, training=rows), method, reviser, rates)


class ConstitutionalTrainer(PreferenceTrainer):
    """Pairs as in DPO; the first steps learn the preferred answer alone. On the validation file the model answers for itself."""

    def __init__(self, job: TrainingJob, bench: Workbench, method: ConstitutionalMethod, reviser: Reviser, rates: dict[str, float]) -> None:
        super().__init__(job, bench)
        self._dpo = DpoMethod(type="dpo", beta=method.beta, loss_type="sigmoid", label_smoothing=0, rpo_alpha=0)
        self._supervised_share = method.supervised_share
        self._reviser = reviser
        self._rates = rates
        # Whether the base model's answer to a validation row, by its place, breaks a principle.
        self._before: dict[int, bool] = {}

    def _loss(self, preferred: Answers, rejected: Answers) -> PairLoss:
        found = dpo_loss(self._dpo, preferred, rejected)
        if self.state.global_step < round(self._supervised_share * self.state.max_steps):
            return PairLoss(-preferred.mean_B, found.preferred_reward_B, found.rejected_reward_B)
        return found

    def _forward(self, inputs: dict[str, Tensor]) -> tuple[Tensor, Tally]:
        loss, tally = super()._forward(inputs)
        tally.metrics |= {name: rate * tally.rows for name, rate in self._rates.items()}
        return loss, tally

    def _look(self, places: Sequence[int]) -> Tally:
        """The share of answers that break a principle is the loss, and of those that do not the accuracy; perplexity says no more."""
        questions = _questions([self._examples[place] for place in places])
        if places[0] not in self._before:
            with self._bench.switched_off():
                self._before |= dict(zip(places, self._broken(questions), strict=True))
        rows, broken = len(questions), sum(self._broken(questions))
        metrics = {"violation_rate": float(broken), "violation_rate/before": float(sum(self._before[place] for place in places))}
        return Tally(float(broken), rows, rows - broken, sum(len(question.token_ids_T) for question in questions), rows, metrics)

    def _broken(self, questions: list[Question]) -> list[bool]:
        _, texts = self._reviser.answer(questions)
        return [self._reviser.broken(question, text) is not None for question, text in zip(questions, texts, strict=True)]

    def _nats_per_token(self, total: Tally) -> float:
        return total.mean_loss


def _questions(rows: Sequence[Example]) -> list[Question]:
    return [row for row in rows if isinstance(row, Question)]
