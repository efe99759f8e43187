"""Which attention kernel a model computes with, and whether the machine has it."""

from typing import Any

from transformers.utils import is_flash_attn_2_available

from worker.contract import TrainingJob
from worker.failures import WorkerError

_FLASH = "flash_attention_2"


def check_attention(job: TrainingJob, device: str, precision: str) -> None:
    """Raises WorkerError('config_error') where the kernel that the job names cannot run here."""
    if job.settings.attn_implementation != _FLASH:
        return
    if device == "cpu":
        raise WorkerError("config_error", f"attn_implementation: {_FLASH} needs a GPU, and there is none here; sdpa runs on a CPU too.")
    if precision == "fp32":
        raise WorkerError("config_error", f"attn_implementation: {_FLASH} computes in bf16 or fp16; set precision, or take sdpa.")
    if not is_flash_attn_2_available():
        raise WorkerError("config_error", f"attn_implementation: {_FLASH} needs the package flash-attn, which is not installed; take sdpa.")


def use_attention(model: Any, job: TrainingJob) -> None:
    """Sets the kernel; "auto" leaves the library's own choice."""
    if job.settings.attn_implementation != "auto":
        model.set_attn_implementation(job.settings.attn_implementation)


def takes_masks(model: Any) -> bool:
    """Whether a mask of our own, true where a token may look, may be given.

    Flash attention knows rows and their lengths only; the eager kernel would add the mask to its scores.
    """
    return model.config._attn_implementation == "sdpa"
