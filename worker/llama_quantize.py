"""llama.cpp's quantiser, called in the very library that serves: what it writes, the engine reads.

The structure of its parameters is that of `llama_model_quantize_params` in llama.h; its beginning has been the same for years, and
it is checked against the library's own defaults before anything is done with it.
"""

import ctypes
import errno
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from worker.failures import WorkerError

# enum llama_ftype of llama.h.
_FTYPES: Mapping[str, int] = {"Q8_0": 7, "Q4_K_M": 15}
_DEFAULT_FTYPE = _FTYPES["Q8_0"]
# A little beyond what the largest type takes for one weight, in bytes.
_BYTES_PER_WEIGHT = {"Q8_0": 1.1, "Q4_K_M": 0.7}


class _Parameters(ctypes.Structure):
    """llama_model_quantize_params; what follows the fields that are used here is kept as the library's defaults have it."""

    _fields_ = (
        ("nthread", ctypes.c_int32),
        ("ftype", ctypes.c_int),
        ("output_tensor_type", ctypes.c_int),
        ("token_embedding_type", ctypes.c_int),
        ("allow_requantize", ctypes.c_bool),
        ("quantize_output_tensor", ctypes.c_bool),
        ("only_copy", ctypes.c_bool),
        ("pure", ctypes.c_bool),
        ("rest", ctypes.c_ubyte * 512),
    )


def quantize_gguf(library: Path, source: Path, target: Path, kind: str, threads: int) -> None:
    """Quantises an F16 GGUF file. Matrices that the type has no blocks for get the nearest type that has, as llama-quantize does.

    Raises WorkerError('config_error') for another library than this was written for, ('disk_full'), ('model_error').
    """
    llama = ctypes.CDLL(str(library))
    llama.llama_model_quantize_default_params.restype = _Parameters
    llama.llama_model_quantize.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.POINTER(_Parameters)]
    llama.llama_model_quantize.restype = ctypes.c_uint32
    parameters = llama.llama_model_quantize_default_params()
    seen = (parameters.nthread, parameters.ftype, parameters.allow_requantize, parameters.quantize_output_tensor, parameters.only_copy)
    if seen != (0, _DEFAULT_FTYPE, False, True, False):
        raise WorkerError("config_error", f"{library} is not the llama.cpp that this was written for: its defaults are {seen}.")
    _check_room(source, target, kind)
    parameters.nthread = threads
    parameters.ftype = _FTYPES[kind]
    if llama.llama_model_quantize(os.fsencode(source), os.fsencode(target), ctypes.byref(parameters)) != 0:
        raise WorkerError("model_error", f"llama.cpp could not quantise {source.name} to {kind}; the worker's log says why.")


def _check_room(source: Path, target: Path, kind: str) -> None:
    """A C++ stream that has run out of disk does not say so."""
    needed = int(source.stat().st_size / 2 * _BYTES_PER_WEIGHT[kind])
    free = shutil.disk_usage(target.parent).free
    if free < needed:
        raise OSError(errno.ENOSPC, f"{target.name} takes up to {needed / 1e9:.2f} GB, and {free / 1e9:.2f} GB are free")
