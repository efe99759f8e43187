"""The settings of a learning-rate schedule in the words of transformers."""

import math
from typing import Any

from worker.contract import TrainingSettings


def warmup_steps(settings: TrainingSettings, total_steps: int) -> int:
    """Steps over which the rate rises from 0."""
    return settings.warmup_steps if settings.warmup_steps is not None else math.ceil(settings.warmup_ratio * total_steps)


def schedule_arguments(settings: TrainingSettings, total_steps: int) -> dict[str, Any]:
    """What the chosen schedule takes besides the steps of the run and of its warm-up."""
    match settings.lr_scheduler_type:
        case "cosine_with_restarts":
            return {"num_cycles": settings.lr_num_cycles}
        case "cosine_with_min_lr" | "cosine_warmup_with_min_lr":
            return {"min_lr_rate": settings.lr_min_rate}
        case "polynomial":
            return {"power": settings.lr_power, "lr_end": 0.0}
        case "warmup_stable_decay":
            # No longer than what the rise leaves.
            decay = min(math.ceil(settings.lr_decay_ratio * total_steps), total_steps - warmup_steps(settings, total_steps))
            return {"num_decay_steps": max(decay, 0), "min_lr_ratio": settings.lr_min_rate}
        case _:
            return {}
