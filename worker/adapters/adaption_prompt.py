"""LLaMA-Adapter (Zhang et al. 2023) by PEFT: its gates are closed at first, so that nothing changes yet."""

from peft import AdaptionPromptConfig, PeftModel
from transformers import PreTrainedModel

from worker.adapters.attach import attach_config
from worker.contract import AdaptionPromptAdapter
from worker.failures import WorkerError

# The families whose attention PEFT can wrap.
_FAMILIES = ("llama", "mistral")


def attach(model: PreTrainedModel, adapter: AdaptionPromptAdapter, model_id: str) -> PeftModel:
    """Gives the upper layers learnt tokens to look at. Raises WorkerError('config_error') when the model cannot have them."""
    layers = model.config.get_text_config().num_hidden_layers
    if model.config.model_type not in _FAMILIES:
        known = ", ".join(_FAMILIES)
        message = f"adapter.type: {model_id} is a {model.config.model_type} model; adaption prompts are for {known} models."
        raise WorkerError("config_error", message)
    if adapter.adapter_layers > layers:
        raise WorkerError("config_error", f"adapter_layers: {model_id} has {layers} layers, not {adapter.adapter_layers}.")
    config = AdaptionPromptConfig(task_type="CAUSAL_LM", adapter_len=adapter.adapter_len, adapter_layers=adapter.adapter_layers)
    return attach_config(model, config, model_id)
