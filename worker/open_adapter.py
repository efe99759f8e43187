"""A trained artifact in place on its base model, to be asked: whatever its kind, the base model's own layers and head then answer."""

from pathlib import Path
from typing import Any

import safetensors.torch
from peft import PeftConfig, set_peft_model_state_dict
from transformers import PreTrainedModel

from worker.failures import WorkerError
from worker.load import attach_adapter
from worker.trainer_state import ADAPTER_FILE, MODEL_FILE
from worker.virtual_tokens import VirtualTokens


def open_adapter(model: PreTrainedModel, folder: Path) -> PreTrainedModel:
    """The model in eval mode, changed in place. Raises WorkerError('model_error') when the folder does not fit it."""
    try:
        if (folder / MODEL_FILE).exists():
            return _put_weights(model, folder / MODEL_FILE).eval()
        config = PeftConfig.from_pretrained(str(folder))
        if config.is_prompt_learning:
            config.inference_mode = True
            virtual = VirtualTokens(model, config)
            set_peft_model_state_dict(virtual, safetensors.torch.load_file(folder / ADAPTER_FILE))
            virtual.eval()
            return model
        adapted: Any = attach_adapter(model, folder)
    except (OSError, ValueError, RuntimeError, KeyError, safetensors.SafetensorError) as error:
        raise WorkerError("model_error", f"The adapter in {folder} does not load: {error}") from error
    return adapted.eval().get_base_model()


def virtual_tokens_of(folder: Path) -> int:
    """How many learnt tokens stand before every text."""
    if (folder / MODEL_FILE).exists():
        return 0
    return int(getattr(PeftConfig.from_pretrained(str(folder)), "num_virtual_tokens", 0) or 0)


def _put_weights(model: PreTrainedModel, file: Path) -> PreTrainedModel:
    saved = safetensors.torch.load_file(file)
    own = dict(model.named_parameters())
    if {name: weight.shape for name, weight in saved.items()} != {name: weight.shape for name, weight in own.items()}:
        raise ValueError("its weights are not those of this model")
    model.load_state_dict(saved, strict=False, assign=True)
    model.tie_weights()
    return model
