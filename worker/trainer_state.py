"""Everything a trainer needs to go on exactly where it stopped, as safetensors and JSON: nothing here can run code when read."""

import json
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from peft import PeftModel, get_peft_model_state_dict, set_peft_model_state_dict
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from worker.export_gguf import export_adapter
from worker.failures import WorkerError

ADAPTER_FILE = "adapter_model.safetensors"
TENSORS_FILE = "optimizer.safetensors"
STATE_FILE = "state.json"


def capture_adapter(model: PeftModel) -> Callable[[Path], None]:
    """Copies the adapter as it is now; what is returned writes it into a folder: as PEFT reads it, and as llama.cpp serves it."""
    tensors = {name: tensor.clone() for name, tensor in adapter_tensors(model).items()}
    config: Any = model.peft_config["default"]
    base: Any = model.get_base_model()
    # llama.cpp scales by alpha / r.
    alpha = config.lora_alpha * math.sqrt(config.r) if config.use_rslora else config.lora_alpha

    def write(folder: Path) -> None:
        (folder / ADAPTER_FILE).write_bytes(safetensors.torch.save(tensors, metadata={"format": "pt"}))
        config.save_pretrained(str(folder))
        export_adapter(tensors, base.config, alpha, folder / "adapter.gguf")

    return write


def adapter_tensors(model: PeftModel) -> dict[str, Tensor]:
    """The trained matrices under PEFT's names, on the CPU."""
    state = get_peft_model_state_dict(model, save_embedding_layers=False)
    return {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}


def restore_adapter(model: PeftModel, folder: Path) -> None:
    """Puts saved matrices in place of the fresh ones; every name and shape must match."""
    saved = safetensors.torch.load_file(folder / ADAPTER_FILE)
    fresh = adapter_tensors(model)
    if {name: tensor.shape for name, tensor in saved.items()} != {name: tensor.shape for name, tensor in fresh.items()}:
        raise WorkerError("checkpoint_corrupt", f"The matrices in {folder / ADAPTER_FILE} are not those of this adapter.")
    set_peft_model_state_dict(model, saved)


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
        (folder / TENSORS_FILE).write_bytes(safetensors.torch.save(copies))
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
