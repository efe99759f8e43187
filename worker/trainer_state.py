"""Everything a trainer needs to go on exactly where it stopped, as safetensors and JSON: nothing here can run code when read."""

import json
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import safetensors.torch
import torch
from peft import PeftModel, get_peft_model_state_dict, set_peft_model_state_dict
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from transformers import PreTrainedModel

from worker.export_gguf import export_adapter
from worker.failures import WorkerError
from worker.heads import HEAD_FILE, head_tensors, restore_head

ADAPTER_FILE = "adapter_model.safetensors"
MODEL_FILE = "model.safetensors"
ENCODER_FILE = "prefix_encoder.safetensors"
TENSORS_FILE = "optimizer.safetensors"
STATE_FILE = "state.json"
TRAINER_FILE = "trainer_state.json"
# Of a checkpoint, beside its adapter.
STATE_FILES = (TENSORS_FILE, STATE_FILE, TRAINER_FILE)


def capture_adapter(model: PeftModel | PreTrainedModel) -> Callable[[Path], None]:
    """Copies what is trained as it is now, and the head where there is one.

    What is returned writes it into a folder: as PEFT reads it and, where it can, as llama.cpp serves it; all weights as a model.
    """
    if not isinstance(model, PeftModel):
        return _capture_model(model)
    tensors = {name: tensor.clone() for name, tensor in adapter_tensors(model).items()}
    head = head_tensors(model)
    encoder = {name: tensor.clone() for name, tensor in _encoder_tensors(model).items()}
    config: Any = model.peft_config["default"]
    base: Any = model.get_base_model()

    def write(folder: Path) -> None:
        safetensors.torch.save_file(tensors, folder / ADAPTER_FILE, metadata={"format": "pt"})
        config.save_pretrained(str(folder))
        if head:
            (folder / HEAD_FILE).write_bytes(safetensors.torch.save(head))
        if encoder:
            (folder / ENCODER_FILE).write_bytes(safetensors.torch.save(encoder))
        if config.peft_type == "LORA" and not config.use_dora:
            # llama.cpp scales by alpha / r.
            alpha = config.lora_alpha * math.sqrt(config.r) if config.use_rslora else config.lora_alpha
            export_adapter(tensors, base.config, alpha, folder / "adapter.gguf")

    return write


def _capture_model(model: PreTrainedModel) -> Callable[[Path], None]:
    tensors = {name: tensor.clone() for name, tensor in _model_tensors(model).items()}

    def write(folder: Path) -> None:
        safetensors.torch.save_file(tensors, folder / MODEL_FILE, metadata={"format": "pt"})
        model.config.save_pretrained(str(folder))

    return write


# PEFT walks over the whole model to find them (seen: 0.1 s); they stay where they are, and training changes them in place.
_found: WeakKeyDictionary[PeftModel, dict[str, Tensor]] = WeakKeyDictionary()


def adapter_tensors(model: PeftModel) -> dict[str, Tensor]:
    """The trained matrices under PEFT's names, on the CPU; they may share memory with the model."""
    found = _found.get(model)
    if found is None:
        trained = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
        prompts = model.peft_config["default"].is_prompt_learning
        found = get_peft_model_state_dict(model, None if prompts else trained, save_embedding_layers=False)
        # Learnt tokens are computed anew each time they are asked for.
        if not prompts:
            _found[model] = found
    return {name: tensor.detach().cpu().contiguous() for name, tensor in found.items()}


def _model_tensors(model: PreTrainedModel) -> dict[str, Tensor]:
    """All weights, each once: an output head that is the embeddings too has the name of those."""
    return {name: weight.detach().cpu().contiguous() for name, weight in model.named_parameters()}


def _encoder_tensors(model: PeftModel) -> dict[str, Tensor]:
    """The network that learns a prefix; PEFT keeps only what comes out of it, from which no training could go on."""
    config: Any = model.peft_config["default"]
    if not getattr(config, "prefix_projection", False):
        return {}
    encoder: Any = model.prompt_encoder["default"]
    return {name: weight.detach().cpu().contiguous() for name, weight in encoder.named_parameters()}


def restore_adapter(model: PeftModel | PreTrainedModel, folder: Path) -> None:
    """Puts saved matrices in place of the fresh ones; every name and shape must match."""
    if not isinstance(model, PeftModel):
        model.load_state_dict(_read_matching(folder / MODEL_FILE, _model_tensors(model)), strict=False)
        return
    if encoder := _encoder_tensors(model):
        learns: Any = model.prompt_encoder["default"]
        learns.load_state_dict(_read_matching(folder / ENCODER_FILE, encoder))
    else:
        set_peft_model_state_dict(model, _read_matching(folder / ADAPTER_FILE, adapter_tensors(model)))
    restore_head(model, folder)


def _read_matching(file: Path, fresh: dict[str, Tensor]) -> dict[str, Tensor]:
    saved = safetensors.torch.load_file(file)
    if {name: tensor.shape for name, tensor in saved.items()} != {name: tensor.shape for name, tensor in fresh.items()}:
        raise WorkerError("checkpoint_corrupt", f"The matrices in {file} are not those of this adapter.")
    return saved


def capture_state(optimizer: Optimizer, scheduler: LRScheduler, scaler: Any, progress: dict[str, Any]) -> Callable[[Path], None]:
    """Copies optimiser, schedule, random numbers of all libraries and how far the run has come; what is returned writes them."""
    saved = optimizer.state_dict()
    tensors = {f"optimizer.{index}.{key}": _tensor(value) for index, state in saved["state"].items() for key, value in state.items()}
    tensors["rng.torch"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors |= {f"rng.cuda.{device}": state for device, state in enumerate(torch.cuda.get_rng_state_all())}
    copies = {name: tensor.cpu().contiguous().clone() for name, tensor in tensors.items()}
    version, words, gauss = random.getstate()
    name, keys, position, has_gauss, cached = np.random.get_state(legacy=True)  # pyright: ignore[reportAssignmentType]
    state = {
        "optimizer_groups": saved["param_groups"],
        "scheduler": scheduler.state_dict(),
        "scaler": scaler.state_dict() if scaler is not None else None,
        "rng_python": [version, list(words), gauss],
        "rng_numpy": [name, np.asarray(keys).tolist(), int(position), int(has_gauss), float(cached)],
        "progress": progress,
    }
    text = json.dumps(state, allow_nan=False)

    def write(folder: Path) -> None:
        safetensors.torch.save_file(copies, folder / TENSORS_FILE)
        (folder / STATE_FILE).write_text(text)

    return write


def _tensor(value: object) -> Tensor:
    return value.detach() if isinstance(value, Tensor) else torch.tensor(value)


def read_progress(folder: Path) -> dict[str, Any]:
    """How far the run had come when the checkpoint was saved."""
    return _read_state(folder)["progress"]


def restore_optimizer(folder: Path, optimizer: Optimizer, scheduler: LRScheduler, scaler: Any) -> None:
    """Restores moments, step counts and learning rate; anything that does not fit is an error, never a fresh start."""
    state = _read_state(folder)
    moments: dict[int, dict[str, Tensor]] = {}
    for name, tensor in safetensors.torch.load_file(folder / TENSORS_FILE).items():
        if name.startswith("optimizer."):
            _, index, key = name.split(".", 2)
            moments.setdefault(int(index), {})[key] = tensor
    parameters = sum(len(group["params"]) for group in optimizer.param_groups)
    if len(moments) != parameters:
        raise WorkerError("checkpoint_corrupt", f"{folder / TENSORS_FILE} holds {len(moments)} of {parameters} optimiser states.")
    optimizer.load_state_dict({"state": moments, "param_groups": state["optimizer_groups"]})
    scheduler.load_state_dict(state["scheduler"])
    if scaler is not None:
        scaler.load_state_dict(state["scaler"])


def restore_random_numbers(folder: Path) -> None:
    """Puts the generators of Python, NumPy and torch where they were."""
    state = _read_state(folder)
    version, words, gauss = state["rng_python"]
    random.setstate((version, tuple(words), gauss))
    name, keys, position, has_gauss, cached = state["rng_numpy"]
    np.random.set_state((name, np.array(keys, dtype=np.uint32), position, has_gauss, cached))
    tensors = safetensors.torch.load_file(folder / TENSORS_FILE)
    torch.set_rng_state(tensors["rng.torch"])
    if torch.cuda.is_available():
        torch.cuda.set_rng_state_all([tensors[f"rng.cuda.{device}"] for device in range(torch.cuda.device_count())])


def _read_state(folder: Path) -> dict[str, Any]:
    return json.loads((folder / STATE_FILE).read_text())
