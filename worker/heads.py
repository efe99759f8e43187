"""One number from a hidden state: what a reward model says of an answer. It stands beside the adapter, and is trained and kept with it."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from peft import PeftModel
from torch import Tensor, nn

from worker.failures import WorkerError

HEAD_FILE = "head.safetensors"
_NAME = "scalar_head"


def attach_head(model: PeftModel, is_zero: bool = False) -> nn.Linear:
    """Puts a head, in fp32, where the trainer finds it among the weights of the model. Its output has shape (..., 1).

    Weights begin at 0, or are drawn from N(0, 1 / (H + 1)) (Stiennon et al. 2020, appendix B.1); the bias begins at 0.
    """
    base: Any = model.get_base_model()
    width = int(base.config.hidden_size)
    head = nn.Linear(width, 1, dtype=torch.float32, device=model.device)
    nn.init.zeros_(head.bias)
    if is_zero:
        nn.init.zeros_(head.weight)
    else:
        nn.init.normal_(head.weight, std=1 / math.sqrt(width + 1))
    model.add_module(_NAME, head)
    return head


def head_tensors(model: PeftModel) -> dict[str, Tensor]:
    """Weight, shape (1, H), and bias, shape (1,), on the CPU; nothing where there is no head."""
    head = model._modules.get(_NAME)
    return {} if head is None else {name: tensor.detach().cpu().clone() for name, tensor in head.state_dict().items()}


def load_head(head: nn.Module, folder: Path) -> None:
    """Puts a saved head in place of this one. Raises WorkerError('checkpoint_corrupt')."""
    try:
        saved: Mapping[str, Tensor] = safetensors.torch.load_file(folder / HEAD_FILE)
        head.load_state_dict(saved)
    except (OSError, RuntimeError, safetensors.SafetensorError) as error:
        raise WorkerError("checkpoint_corrupt", f"{folder / HEAD_FILE} is not a head of this model: {error}") from error


def restore_head(model: PeftModel, folder: Path) -> None:
    """As load_head, for the head of the model where it has one."""
    head = model._modules.get(_NAME)
    if head is not None:
        load_head(head, folder)
