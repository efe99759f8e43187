"""Low-rank adaptation (Hu et al. 2021) by PEFT, on whole layers or on layers in four bits."""

import re
from collections.abc import Mapping
from typing import Any

from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn
from transformers import PreTrainedModel

from worker.contract import LoraAdapter
from worker.failures import WorkerError
from worker.nf4 import quantize_layers

_LAYER = re.compile(r"\.(\d+)\.")
# What PEFT calls them.
_INITS: Mapping[str, Any] = {"kaiming": True, "gaussian": "gaussian", "orthogonal": "orthogonal"}


def attach(model: PreTrainedModel, adapter: LoraAdapter, model_id: str) -> PeftModel:
    """Puts trainable A and B, in fp32, beside the named linear layers; B·A begins at zero, so nothing changes yet.

    Raises WorkerError('config_error') when a name or a layer index matches nothing.
    """
    _check_targets(model, adapter, model_id)
    if adapter.quantization == "nf4":
        quantize_layers(model)
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=adapter.r,
        lora_alpha=adapter.lora_alpha,  # pyright: ignore[reportArgumentType]  # a float works and the contract allows one
        lora_dropout=adapter.lora_dropout,
        use_rslora=adapter.use_rslora,
        init_lora_weights=_INITS[adapter.init_lora_weights],
        target_modules=adapter.target_modules,
        layers_to_transform=adapter.layers_to_transform,
        bias="none",
    )
    adapted = get_peft_model(model, config)
    if not isinstance(adapted, PeftModel):
        raise TypeError(f"PEFT made a {type(adapted).__name__} of the model")
    # What PEFT wrote here is a path of this machine; an adapter is loaded beside any copy of its base.
    adapted.peft_config["default"].base_model_name_or_path = model_id
    return adapted


def _check_targets(model: PreTrainedModel, adapter: LoraAdapter, model_id: str) -> None:
    linear = {name for name, module in model.named_modules() if isinstance(module, nn.Linear) and _LAYER.search(name)}
    known = sorted({name.rsplit(".", 1)[-1] for name in linear})
    unknown = [target for target in adapter.target_modules if target not in known]
    if unknown:
        raise WorkerError(
            "config_error",
            f"target_modules: {model_id} has no linear layers named {', '.join(unknown)}; it has {', '.join(known)}.",
        )
    layers = model.config.get_text_config().num_hidden_layers
    beyond = [layer for layer in adapter.layers_to_transform or [] if layer >= layers]
    if beyond:
        raise WorkerError(
            "config_error",
            f"layers_to_transform: {model_id} has the layers 0 to {layers - 1}, not {', '.join(map(str, beyond))}.",
        )
