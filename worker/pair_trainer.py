"""What the trainers on pairs of answers share: what a batch is, and that losses are summed over pairs."""

import torch
from torch import Tensor

from worker.contract import TrainingJob
from worker.pair_forward import PairCollator, PairForward
from worker.preference_rows import Pair
from worker.run_trainer import RunTrainer, pad_token_id
from worker.workbench import Workbench


class PairTrainer(RunTrainer):
    """TRL's loop over pairs."""

    def __init__(self, job: TrainingJob, bench: Workbench) -> None:
        super().__init__(job, bench, PairCollator(self._pick, pad_token_id(bench)))
        self._run = PairForward(self._base)

    def _pick(self, place: int) -> Pair:
        pair = self._examples[place]
        assert isinstance(pair, Pair)
        return pair

    def _count(self, batch: dict[str, Tensor]) -> Tensor:
        return torch.tensor(len(batch["places"]))
