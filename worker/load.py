"""The base model and its tokenizer, from a folder that is checked before anything in it is opened."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from worker.failures import WorkerError, explain

# Files whose loading would run code from the folder: pickles, and modules that a config may name.
_FORBIDDEN_SUFFIXES = (".bin", ".pt", ".pth", ".pkl", ".ckpt", ".py")
_CODE_KEYS = ("auto_map", "trust_remote_code", "custom_pipelines")


@dataclass(frozen=True)
class BaseModel:
    """A base model in memory, frozen, with its tokenizer."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    # Longest input in tokens.
    context_length: int


def load_base(model_dir: Path) -> BaseModel:
    """Loads a base model: fp32 on a CPU, where every other type is slower; as stored when there is a GPU.

    Raises WorkerError('model_error') when the folder is incomplete, holds code or pickles, or does not load.
    """
    config = check_model_dir(model_dir)
    dtype: torch.dtype | str = "auto" if torch.cuda.is_available() else torch.float32
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            model_dir, dtype=dtype, trust_remote_code=False, use_safetensors=True, local_files_only=True, output_loading_info=True
        )
        model, found = loaded
        tokenizer = AutoTokenizer.from_pretrained(model_dir, trust_remote_code=False, local_files_only=True)
    except Exception as error:
        failure = explain(error, "the log")
        if failure.cause != "crashed":
            raise failure from error
        raise WorkerError("model_error", f"The model in {model_dir} does not load: {error}") from error
    # The library fills a weight that no file has with random numbers, and goes on.
    if found["missing_keys"] or found["mismatched_keys"]:
        absent = ", ".join(map(str, sorted(found["missing_keys"] or found["mismatched_keys"])[:3]))
        raise WorkerError("model_error", f"The model in {model_dir} is not complete: no weights for {absent}.")
    if tokenizer.chat_template is None:
        raise WorkerError("model_error", f"The model in {model_dir} has no chat template: its tokenizer cannot render messages.")
    if tokenizer.pad_token_id is None:
        # Padding carries no label and is attended to by no token before it, so any token serves.
        tokenizer.pad_token = tokenizer.unk_token or tokenizer.eos_token
    model.requires_grad_(False)
    return BaseModel(model, tokenizer, _context_length(config, model_dir))


def attach_adapter(model: PreTrainedModel, adapter_dir: Path) -> PeftModel:
    """The base model with a trained adapter in place, in fp32 where it is that. Raises WorkerError('model_error')."""
    try:
        return PeftModel.from_pretrained(model, str(adapter_dir), is_trainable=False, local_files_only=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise WorkerError("model_error", f"The adapter in {adapter_dir} does not load: {error}") from error


def check_model_dir(model_dir: Path) -> dict[str, Any]:
    """Refuses a folder that is not weights and data alone; returns its config.json."""
    if not model_dir.is_dir():
        raise WorkerError("model_error", f"There is no model folder {model_dir}.")
    for path in sorted(model_dir.iterdir()):
        if path.suffix in _FORBIDDEN_SUFFIXES:
            raise WorkerError("model_error", f"{path} may run code when it is loaded; only safetensors models are used.")
    if not any(model_dir.glob("*.safetensors")):
        raise WorkerError("model_error", f"There are no *.safetensors files in {model_dir}.")
    for path in sorted(model_dir.glob("*.json")):
        if path.name in ("tokenizer.json", "vocab.json"):
            continue  # words, not settings
        key = _code_key(_read_json(path))
        if key is not None:
            raise WorkerError("model_error", f'{path} contains "{key}": models that bring their own code are refused.')
    config = _read_json(model_dir / "config.json")
    if not isinstance(config, dict):
        raise WorkerError("model_error", f"{model_dir / 'config.json'} is not a JSON object.")
    return config


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise WorkerError("model_error", f"{path} is missing.") from None
    except (ValueError, RecursionError) as error:
        raise WorkerError("model_error", f"{path} is not valid JSON: {error}.") from error


def _code_key(value: Any) -> str | None:
    """The first key at any depth that would make a library import code of the model."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in _CODE_KEYS and inner:
                return key
            found = _code_key(inner)
            if found is not None:
                return found
    if isinstance(value, list):
        for inner in value:
            found = _code_key(inner)
            if found is not None:
                return found
    return None


def _context_length(config: dict[str, Any], model_dir: Path) -> int:
    for key in ("max_position_embeddings", "n_positions"):
        if isinstance(config.get(key), int):
            return config[key]
    raise WorkerError("model_error", f"{model_dir / 'config.json'} does not say how long the context of the model is.")
