"""A GGUF base model, as it is served, to a folder of safetensors and tokenizer, as it is trained on."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig, PreTrainedTokenizerBase

from worker.durable import sync_file, sync_folder
from worker.failures import WorkerError, explain
from worker.load import check_model_dir

_GGUF_MAGIC = b"GGUF"
# What padding may be called in a vocabulary that names no padding token, or the end of a turn as one.
_PADDING_NAMES = ("<|endoftext|>", "<pad>", "[PAD]", "<unk>")


def convert(gguf_file: Path, output_dir: Path) -> int:
    """The command: says each step on standard output; returns the exit code."""

    def say(text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    try:
        convert_gguf(gguf_file, output_dir, say)
    except WorkerError as error:
        sys.stderr.write(f"{error.message}\n")
        return 1
    return 0


def convert_gguf(gguf_file: Path, output_dir: Path, say: Callable[[str], None]) -> None:
    """De-quantises to fp32, which holds every value of any GGUF type exactly: what is trained is what is served.

    The folder appears under its name when it is complete. Raises WorkerError('model_error') or ('disk_full').
    """
    gguf_file, output_dir = gguf_file.resolve(), output_dir.resolve()
    _check_arguments(gguf_file, output_dir)
    temporary = output_dir.with_name(f".tmp-{output_dir.name}")
    shutil.rmtree(temporary, ignore_errors=True)
    output_dir.parent.mkdir(parents=True, exist_ok=True)
    try:
        say("tokenizer: reading")
        tokenizer = AutoTokenizer.from_pretrained(gguf_file.parent, gguf_file=gguf_file.name, trust_remote_code=False)
        _name_padding(tokenizer)
        say("weights: reading and de-quantising")
        model = AutoModelForCausalLM.from_pretrained(
            gguf_file.parent,
            gguf_file=gguf_file.name,
            quantization_config=GgufConfig(dequantize=True),
            dtype=torch.float32,
            trust_remote_code=False,
        )
        model.config.pad_token_id = tokenizer.pad_token_id
        if model.generation_config is not None:
            model.generation_config.pad_token_id = tokenizer.pad_token_id
        say("folder: writing")
        tokenizer.save_pretrained(temporary)
        model.save_pretrained(temporary)
        check_model_dir(temporary)
        for path in temporary.iterdir():
            sync_file(path)
        sync_folder(temporary)
        temporary.rename(output_dir)
        sync_folder(output_dir.parent)
    except Exception as error:
        shutil.rmtree(temporary, ignore_errors=True)
        failure = explain(error, "the log")
        if failure.cause != "crashed":
            raise failure from error
        raise WorkerError("model_error", f"{gguf_file} cannot be converted: {type(error).__name__}: {error}") from error
    say(f"done: {output_dir}")


def _check_arguments(gguf_file: Path, output_dir: Path) -> None:
    if output_dir.exists():
        raise WorkerError("model_error", f"{output_dir} exists already; name a folder that does not.")
    try:
        with gguf_file.open("rb") as file:
            magic = file.read(len(_GGUF_MAGIC))
    except OSError as error:
        raise WorkerError("model_error", f"{gguf_file} cannot be read: {error}.") from error
    if magic != _GGUF_MAGIC:
        raise WorkerError("model_error", f"{gguf_file} is not a GGUF file: it begins with {magic!r}.")


def _name_padding(tokenizer: PreTrainedTokenizerBase) -> None:
    """Padding that is also the end of a turn could teach a model not to stop, in any tool that masks padding by its id."""
    if tokenizer.pad_token_id is not None and tokenizer.pad_token_id != tokenizer.eos_token_id:
        return
    vocabulary = tokenizer.get_vocab()
    for name in _PADDING_NAMES:
        if name in vocabulary and name != tokenizer.eos_token:
            tokenizer.pad_token = name
            return
