"""What a run is trained with, beside its configuration: libraries and machine, as a receipt names them."""

import hashlib
import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil
import torch

from worker.contract import WorkerEnvironment

# Every library that a trained number has passed through.
_PACKAGES = ("torch", "transformers", "peft", "trl", "accelerate", "tokenizers", "safetensors", "numpy", "datasets", "gguf")
_MODEL_NAME = re.compile(r"^model name\s*:\s*(.+)$", re.MULTILINE)


def describe_environment() -> WorkerEnvironment:
    """Versions and hardware of this process."""
    return WorkerEnvironment(
        python=platform.python_version(),
        packages={name: found for name in _PACKAGES if (found := _version(name)) is not None},
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)),
        memory_bytes=psutil.virtual_memory().total,
        gpus=[torch.cuda.get_device_name(device) for device in range(torch.cuda.device_count())] if torch.cuda.is_available() else [],
    )


def file_sha256(path: str) -> str:
    """Of a file that may be larger than memory."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        match = _MODEL_NAME.search(Path("/proc/cpuinfo").read_text())
    except OSError:
        match = None
    return match[1].strip() if match else platform.processor() or platform.machine()
