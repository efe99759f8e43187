"""The layers that a job names, held against those that its model has."""

import re
from collections.abc import Sequence

from torch import nn
from transformers import PreTrainedModel

from worker.failures import WorkerError

_LAYER = re.compile(r"\.(\d+)\.")


def check_targets(model: PreTrainedModel, target_modules: Sequence[str], model_id: str) -> None:
    """Raises WorkerError('config_error') when a name matches no linear layer."""
    linear = {name for name, module in model.named_modules() if isinstance(module, nn.Linear) and _LAYER.search(name)}
    known = sorted({name.rsplit(".", 1)[-1] for name in linear})
    unknown = [target for target in target_modules if target not in known]
    if unknown:
        raise WorkerError(
            "config_error",
            f"target_modules: {model_id} has no linear layers named {', '.join(unknown)}; it has {', '.join(known)}.",
        )
