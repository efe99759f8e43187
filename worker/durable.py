"""Writing that survives a power cut: a file or a folder is there whole, under its name, or not at all."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class WrittenFile:
    """A file as it was found on the disk: its size in bytes and the hex SHA-256 of its content."""

    size: int
    sha256: str


def write_file(path: Path, content: bytes) -> WrittenFile:
    """Writes a new file and waits until it is on the disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return WrittenFile(len(content), hashlib.sha256(content).hexdigest())


def replace_file(path: Path, content: bytes) -> None:
    """Writes a file under its name by rename, so that a reader sees the old content or the new, never a part."""
    temporary = path.with_name(f".tmp-{path.name}-{os.getpid()}")
    write_file(temporary, content)
    temporary.replace(path)
    sync_folder(path.parent)


def sync_file(path: Path) -> WrittenFile:
    """Waits until a file that a library wrote is on the disk, and measures it."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
    return measure_file(path)


def measure_file(path: Path) -> WrittenFile:
    """Size and hash of a file as it is."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return WrittenFile(file.tell(), digest.hexdigest())


def sync_folder(path: Path) -> None:
    """Waits until the names in a folder are on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def canonical_json(value: object) -> bytes:
    """JSON with sorted keys and no spaces: equal values give equal bytes. NaN and Infinity raise ValueError."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
