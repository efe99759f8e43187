"""A model as a folder that transformers, vLLM and their kin load: config.json, safetensors in fp32 and the tokenizer."""

from pathlib import Path

from worker.exports.form import Merged
from worker.load import check_model_dir


def write(merged: Merged, folder: Path) -> None:
    """Writes the weights as they are after the merge, unrounded."""
    merged.say("writing")
    merged.model.save_pretrained(folder)
    merged.tokenizer.save_pretrained(folder)
    check_model_dir(folder)
