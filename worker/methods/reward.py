"""A reward model on pairs of answers (Ouyang et al. 2022, section 3.5): a head beside the adapter scores what stands before it."""

from torch import Tensor

from worker.contract import RewardMethod, TrainingJob
from worker.heads import attach_head
from worker.pair_trainer import PairTrainer
from worker.preference_losses import reward_loss
from worker.workbench import Tally, Workbench


def build(job: TrainingJob, bench: Workbench) -> "RewardTrainer":
    """A trainer over the pairs of the bench."""
    assert isinstance(job.method, RewardMethod)
    return RewardTrainer(job, bench, job.method)


class RewardTrainer(PairTrainer):
    """TRL's loop over pairs. The score of an answer is read where it ends, and its tokens carry no loss of their own."""

    def __init__(self, job: TrainingJob, bench: Workbench, method: RewardMethod) -> None:
        self._head = attach_head(bench.adapted)
        super().__init__(job, bench)
        self._method = method

    def _forward(self, inputs: dict[str, Tensor]) -> tuple[Tensor, Tally]:
        """Token accuracy and perplexity are those of the choice between two answers."""
        with self.accelerator.autocast():
            hidden_A_H = self._run.ends(inputs)
        preferred_B, rejected_B = self._head(hidden_A_H.float())[:, 0].chunk(2)
        loss = reward_loss(self._method, preferred_B, rejected_B).sum()
        margin_B = (preferred_B - rejected_B).detach()
        pairs = len(margin_B)
        right = int((margin_B > 0).sum())
        metrics = {
            "rewards/chosen": float(preferred_B.detach().sum()),
            "rewards/rejected": float(rejected_B.detach().sum()),
            "rewards/margins": float(margin_B.sum()),
            "rewards/accuracies": float(right),
        }
        return loss, Tally(float(loss.detach()), pairs, right, int(inputs["lengths"].sum()), pairs, metrics)
