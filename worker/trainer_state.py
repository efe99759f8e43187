"""Everything a trainer needs to go on exactly where it stopped, as safetensors and JSON: nothing here can run code when read."""

import json
import math
import random
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import safetensors.torch
import torch
from peft import PeftModel, get_peft_model_state_dict, set_peft_model_state_dict
from torch import Tensor
from torch.distributed.tensor import DTensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from transformers import PreTrainedModel

from worker.export_gguf import export_adapter
from worker.failures import WorkerError
from worker.heads import HEAD_FILE, head_tensors, restore_head
from worker.ranks import ALONE, Ranks
from worker.saving import write_at_once

ADAPTER_FILE = "adapter_model.safetensors"
MODEL_FILE = "model.safetensors"
ENCODER_FILE = "prefix_encoder.safetensors"
TENSORS_FILE = "optimizer.safetensors"
STATE_FILE = "state.json"
TRAINER_FILE = "trainer_state.json"
# Of a checkpoint, beside its adapter.
_STATE_FILES = (TENSORS_FILE, STATE_FILE, TRAINER_FILE)


def is_state(name: str) -> bool:
    """Whether a file of a checkpoint is none of its adapter."""
    return re.sub(r"\.rank-\d+\.", ".", name) in _STATE_FILES


def _of_rank(name: str, rank: int) -> str:
    """The first process writes under the name itself."""
    stem, suffix = name.rsplit(".", 1)
    return name if rank == 0 else f"{stem}.rank-{rank}.{suffix}"


def capture_adapter(model: PeftModel | PreTrainedModel, copies: bool = True) -> Callable[[Path], None]:
    """Takes hold of what is trained as it is now, and the head where there is one; without `copies` it must not change until it is written.

    What is returned writes it into a folder: as PEFT reads it and, where it can, as llama.cpp serves it; all weights as a model.
    """
    if not isinstance(model, PeftModel):
        return _capture_model(model, copies)
    tensors = {name: tensor.to(torch.float32, copy=copies) for name, tensor in adapter_tensors(model).items()}
    head = head_tensors(model)
    encoder = {name: tensor.clone() if copies else tensor for name, tensor in _encoder_tensors(model).items()}
    config: Any = model.peft_config["default"]
    base: Any = model.get_base_model()

    def write_for_peft(folder: Path) -> None:
        safetensors.torch.save_file(tensors, folder / ADAPTER_FILE, metadata={"format": "pt"})
        config.save_pretrained(str(folder))
        if head:
            (folder / HEAD_FILE).write_bytes(safetensors.torch.save(head))
        if encoder:
            (folder / ENCODER_FILE).write_bytes(safetensors.torch.save(encoder))

    def write_for_llama_cpp(folder: Path) -> None:
        # It scales by alpha / r.
        alpha = config.lora_alpha * math.sqrt(config.r) if config.use_rslora else config.lora_alpha
        export_adapter(tensors, base.config, alpha, folder / "adapter.gguf")

    is_served = config.peft_type == "LORA" and not config.use_dora
    return partial(write_at_once, parts=[write_for_peft, write_for_llama_cpp] if is_served else [write_for_peft])


def _capture_model(model: PreTrainedModel, copies: bool) -> Callable[[Path], None]:
    tensors = {name: tensor.clone() if copies else tensor for name, tensor in _model_tensors(model).items()}

    def write(folder: Path) -> None:
        safetensors.torch.save_file(tensors, folder / MODEL_FILE, metadata={"format": "pt"})
        model.config.save_pretrained(str(folder))

    return write


# PEFT walks over the whole model to find them (seen: 0.1 s); they stay where they are, and training changes them in place.
_found: WeakKeyDictionary[PeftModel, dict[str, Tensor]] = WeakKeyDictionary()


def forget_tensors(model: PeftModel | PreTrainedModel) -> None:
    """When an engine has put others in their place."""
    if isinstance(model, PeftModel):
        _found.pop(model, None)


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
    return {name: _whole(tensor) for name, tensor in found.items()}


def _whole(tensor: Tensor) -> Tensor:
    """On the CPU; of a tensor in shards all of it, put together by all processes at once."""
    return (tensor.full_tensor() if isinstance(tensor, DTensor) else tensor).detach().cpu().contiguous()


def _model_tensors(model: PreTrainedModel) -> dict[str, Tensor]:
    """All weights, each once: an output head that is the embeddings too has the name of those."""
    return {name: _whole(weight) for name, weight in model.named_parameters()}


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


def groups_of(optimizer: Optimizer) -> list[dict[str, Any]]:
    """The settings of an optimiser, without its parameters."""
    return [{key: value for key, value in group.items() if key != "params"} for group in optimizer.param_groups]


def capture_state(
    saved: dict[str, Any], scheduler: LRScheduler, scaler: Any, progress: dict[str, Any], ranks: Ranks = ALONE
) -> Callable[[Path], None]:
    """Takes hold of optimiser, schedule, random numbers of all libraries and how far the run has come; what is returned writes them.

    Of several processes the first writes what each of them has. Of one, the moments of the optimiser must not change until then.
    """
    parts = ranks.gather_to_first(_state_of(saved, scheduler, scaler, progress, ranks.world > 1))

    def write(folder: Path) -> None:
        for rank, (tensors, text) in enumerate(parts):
            safetensors.torch.save_file(tensors, folder / _of_rank(TENSORS_FILE, rank))
            (folder / _of_rank(STATE_FILE, rank)).write_text(text)

    return write


def _state_of(
    saved: dict[str, Any], scheduler: LRScheduler, scaler: Any, progress: dict[str, Any], copies: bool
) -> tuple[dict[str, Tensor], str]:
    tensors = {f"optimizer.{index}.{key}": _tensor(value) for index, state in saved["state"].items() for key, value in state.items()}
    tensors["rng.torch"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors |= {f"rng.cuda.{device}": state for device, state in enumerate(torch.cuda.get_rng_state_all())}
    held = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
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
    return ({name: tensor.clone() for name, tensor in held.items()} if copies else held), json.dumps(state, allow_nan=False)


def _tensor(value: object) -> Tensor:
    return value.detach() if isinstance(value, Tensor) else torch.tensor(value)


def read_progress(folder: Path) -> dict[str, Any]:
    """How far the run had come when the checkpoint was saved."""
    return _read_state(folder)["progress"]


def restore_optimizer(folder: Path, optimizer: Optimizer, scheduler: LRScheduler, scaler: Any) -> None:
    """Restores moments, step counts and learning rate; anything that does not fit is an error, never a fresh start."""
    state = _read_state(folder)
    moments = _read_moments(folder, 0)
    parameters = sum(len(group["params"]) for group in optimizer.param_groups)
    if len(moments) != parameters:
        raise WorkerError("checkpoint_corrupt", f"{folder / TENSORS_FILE} holds {len(moments)} of {parameters} optimiser states.")
    optimizer.load_state_dict({"state": moments, "param_groups": state["optimizer_groups"]})
    restore_schedule(folder, scheduler, scaler)


def restore_schedule(folder: Path, scheduler: LRScheduler, scaler: Any) -> None:
    """Puts the schedule of the rate, and the scale of fp16, where they were."""
    state = _read_state(folder)
    scheduler.load_state_dict(state["scheduler"])
    if scaler is not None:
        scaler.load_state_dict(state["scaler"])


def restore_moments(folder: Path, optimizer: Optimizer, restore: Callable[[dict[int, dict[str, Tensor]]], None], rank: int) -> None:
    """Restores what a process of this rank had of the optimiser, and its rates."""
    for group, saved in zip(optimizer.param_groups, _read_state(folder)["optimizer_groups"], strict=True):
        group.update(saved)
    restore(_read_moments(folder, rank))


def _read_moments(folder: Path, rank: int) -> dict[int, dict[str, Tensor]]:
    moments: dict[int, dict[str, Tensor]] = {}
    for name, tensor in safetensors.torch.load_file(folder / _of_rank(TENSORS_FILE, rank)).items():
        if name.startswith("optimizer."):
            _, index, key = name.split(".", 2)
            moments.setdefault(int(index), {})[key] = tensor
    return moments


def restore_random_numbers(folder: Path, rank: int = 0) -> None:
    """Puts the generators of Python, NumPy and torch where they were."""
    state = _read_state(folder, rank)
    version, words, gauss = state["rng_python"]
    random.setstate((version, tuple(words), gauss))
    name, keys, position, has_gauss, cached = state["rng_numpy"]
    np.random.set_state((name, np.array(keys, dtype=np.uint32), position, has_gauss, cached))
    tensors = safetensors.torch.load_file(folder / _of_rank(TENSORS_FILE, rank))
    torch.set_rng_state(tensors["rng.torch"])
    if torch.cuda.is_available():
        torch.cuda.set_rng_state_all([tensors[f"rng.cuda.{device}"] for device in range(torch.cuda.device_count())])


def _read_state(folder: Path, rank: int = 0) -> dict[str, Any]:
    return json.loads((folder / _of_rank(STATE_FILE, rank)).read_text())
