"""A model as one GGUF file, by llama.cpp's own converter and its own quantiser."""

import gc
import shutil
from pathlib import Path
from typing import Literal

from worker.convert_base import UnknownArchitecture, convert_folder
from worker.exports import safetensors_folder
from worker.exports.form import Merged
from worker.failures import WorkerError
from worker.llama_quantize import quantize_gguf


def write(merged: Merged, folder: Path, kind: Literal["F16", "Q8_0", "Q4_K_M"]) -> None:
    """Writes `<name>-<kind>.gguf`; what it is made from stands beside it meanwhile: 4 bytes a weight, then 2.

    Raises WorkerError('model_error') for an architecture that llama.cpp does not know, ('config_error') where there is no quantiser.
    """
    library = merged.task.llama_library
    if kind != "F16" and library is None:
        raise WorkerError("config_error", f"{kind} needs the llama.cpp library of the serving engine, which this machine has not.")
    source = folder / "merged"
    safetensors_folder.write(merged, source)
    # Converter and quantiser need their own room.
    del merged.model
    gc.collect()
    merged.say("converting")
    whole = folder / f"{merged.task.name}-F16.gguf"
    try:
        convert_folder(source, whole)
    except UnknownArchitecture as error:
        raise WorkerError("model_error", f"{merged.task.base_model} cannot be written as GGUF: {error}.") from error
    shutil.rmtree(source)
    if kind == "F16" or library is None:
        return
    merged.say("quantizing")
    quantize_gguf(Path(library), whole, folder / f"{merged.task.name}-{kind}.gguf", kind, merged.task.threads)
    whole.unlink()
