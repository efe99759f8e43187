"""A trained reward model as a second adapter on the model in training: one base in memory, and either of the two in force."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor, nn

from worker.checkpoints import verify
from worker.contract import TrainingJob
from worker.failures import WorkerError
from worker.heads import load_head
from worker.trunk import PLAIN_STACKS

_NAME = "reward"


class RewardModel:
    """Scores whole answers. Leaves the model as it was, its own adapter in force."""

    def __init__(self, model: PeftModel, job: TrainingJob, folder: Path) -> None:
        """Raises WorkerError: `checkpoint_corrupt` where a byte is not as written, `config_error` for one of another base model."""
        manifest = verify(folder)
        if manifest.base_sha256 != job.base_sha256:
            raise WorkerError("config_error", f"reward_model: {folder} scores what {manifest.base_model} says, not {job.model}.")
        self._model: Any = model
        self._base: Any = model.get_base_model()
        # The size of the head is that of the base model's states.
        self._head = nn.Linear(self._base.config.hidden_size, 1)
        load_head(self._head, folder)
        self._head.requires_grad_(False)
        was_training = model.training
        own: Any = model.active_adapter
        try:
            model.load_adapter(str(folder), _NAME, is_trainable=False, local_files_only=True)
        except (OSError, ValueError, RuntimeError) as error:
            raise WorkerError("config_error", f"reward_model: the adapter in {folder} does not load: {error}") from error
        model.set_adapter(own)
        model.train(was_training)
        self._own = own

    @torch.no_grad()
    def score(self, rows: Sequence[list[int]], padding: int) -> Tensor:
        """One score for each row, prompt and answer, shape (B,), fp32; read behind the last token."""
        longest = max(map(len, rows))
        device = self._model.device
        token_ids_B_T = torch.tensor([row + [padding] * (longest - len(row)) for row in rows], device=device)
        mask_B_T = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows], device=device)
        # Padding stands on the right, where a causal layer does not look.
        mask = None if self._base.config.model_type in PLAIN_STACKS else mask_B_T
        was_training = self._model.training
        self._model.eval()
        self._model.set_adapter(_NAME, inference_mode=True)
        try:
            hidden_B_T_H = self._base.base_model(input_ids=token_ids_B_T, attention_mask=mask, use_cache=False).last_hidden_state
        finally:
            self._model.set_adapter(self._own)
            self._model.train(was_training)
        ends_B_H = hidden_B_T_H[torch.arange(len(rows)), torch.tensor([len(row) - 1 for row in rows])]
        return self._head.to(device)(ends_B_H.float())[:, 0]
