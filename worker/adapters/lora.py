"""Low-rank adaptation (Hu et al. 2021) by PEFT, on whole layers or on layers in four bits; with the lengths of columns it is DoRA."""

from collections.abc import Mapping
from typing import Any

from peft import LoraConfig, PeftModel
from transformers import PreTrainedModel

from worker.adapters.attach import attach_config
from worker.adapters.targets import check_targets
from worker.contract import LoraAdapter
from worker.export_gguf import check_exportable, gguf_names
from worker.failures import WorkerError
from worker.nf4 import quantize_layers
from worker.trainer_state import adapter_tensors

# What PEFT calls them.
_INITS: Mapping[str, Any] = {"kaiming": True, "gaussian": "gaussian", "orthogonal": "orthogonal"}


def attach(model: PreTrainedModel, adapter: LoraAdapter, model_id: str) -> PeftModel:
    """Puts trainable A and B, in fp32, beside the named linear layers; B·A begins at zero, so nothing changes yet.

    Raises WorkerError('config_error') when a name or a layer index matches nothing, or a layer could not be served; 'model_error'
    when nothing of the model could.
    """
    if not adapter.use_dora:
        check_exportable(model.config, model_id)
    check_targets(model, adapter.target_modules, model_id)
    _check_layers(model, adapter, model_id)
    if adapter.quantization == "nf4":
        quantize_layers(model)
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=adapter.r,
        lora_alpha=adapter.lora_alpha,  # pyright: ignore[reportArgumentType]  # a float works and the contract allows one
        lora_dropout=adapter.lora_dropout,
        use_rslora=adapter.use_rslora,
        use_dora=adapter.use_dora,
        init_lora_weights=_INITS[adapter.init_lora_weights],
        target_modules=adapter.target_modules,
        layers_to_transform=adapter.layers_to_transform,
        bias="none",
    )
    adapted = attach_config(model, config, model_id)
    if not adapter.use_dora:
        gguf_names(adapter_tensors(adapted), model.config)  # what could not be served is not trained
    return adapted


def _check_layers(model: PreTrainedModel, adapter: LoraAdapter, model_id: str) -> None:
    layers = model.config.get_text_config().num_hidden_layers
    beyond = [layer for layer in adapter.layers_to_transform or [] if layer >= layers]
    if beyond:
        raise WorkerError(
            "config_error",
            f"layers_to_transform: {model_id} has the layers 0 to {layers - 1}, not {', '.join(map(str, beyond))}.",
        )
