"""Writing that survives a power cut: a file or a folder is there whole, under its name, or not at all."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

# Of a folder: written last, it vouches for every other file.
MANIFEST = "manifest.json"
# What begins so is half-written, or about to be removed.
TEMPORARY = ".tmp-"
_FILES_AT_ONCE = 4


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


def commit_folder(
    temporary: Path,
    write: Callable[[Path], None],
    manifest_of: Callable[[dict[str, WrittenFile]], bytes],
    give_name: Callable[[], None],
) -> str:
    """Temporary folder → files on disk → manifest on disk → name on disk. A kill in between leaves no trace but the temporary folder.

    `manifest_of` is given every file by its name; `give_name` renames. Returns the hex SHA-256 of the manifest. Whatever is raised,
    nothing stays behind.
    """
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir(parents=True)
        write(temporary)
        paths = sorted(temporary.iterdir())
        # The disk takes several files at once, and a hash leaves Python's lock alone.
        with ThreadPoolExecutor(_FILES_AT_ONCE) as threads:
            files = {path.name: written for path, written in zip(paths, threads.map(sync_file, paths), strict=True)}
        written = write_file(temporary / MANIFEST, manifest_of(files))
        sync_folder(temporary)
        give_name()
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return written.sha256


def set_aside(folder: Path) -> Path:
    """Takes the name from a folder before its files go, so that none is ever seen with files missing; returns what is to be removed."""
    aside = folder.with_name(f"{TEMPORARY}removed-{folder.name}")
    shutil.rmtree(aside, ignore_errors=True)
    return folder.rename(aside)


def canonical_json(value: object) -> bytes:
    """JSON with sorted keys and no spaces: equal values give equal bytes. NaN and Infinity raise ValueError."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
