"""Folders of trained weights that exist whole or not at all: a manifest, written last, says what is in them."""

import hashlib
import json
import shutil
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from worker.contract import ArtifactFile, ArtifactManifest, TrainingJob
from worker.durable import MANIFEST, TEMPORARY, WrittenFile, canonical_json, commit_folder, measure_file, set_aside, sync_folder
from worker.failures import WorkerError


def config_sha256(job: TrainingJob) -> str:
    """What a checkpoint must have been trained with, to be gone on from."""
    parts = {"adapter", "method", "settings", "seed"}
    return hashlib.sha256(canonical_json(job.model_dump(mode="json", include=parts))).hexdigest()


def checkpoint_path(step: int) -> str:
    """Where the checkpoint of a step is, relative to the output folder."""
    return f"checkpoints/step-{step}"


class ArtifactStore:
    """The checkpoints and the final adapter of one run, below its output folder."""

    def __init__(self, job: TrainingJob) -> None:
        self._job = job
        self._root = Path(job.output_dir)
        self._config_sha256 = config_sha256(job)
        self._removals: ThreadPoolExecutor | None = None

    def sweep(self) -> None:
        """Removes what a killed attempt left half-written."""
        for folder in (self._root, self._root / "checkpoints"):
            folder.mkdir(parents=True, exist_ok=True)
            for path in folder.glob(f"{TEMPORARY}*"):
                shutil.rmtree(path, ignore_errors=True)

    def commit_checkpoint(self, step: int, write: Callable[[Path], None]) -> tuple[str, str]:
        """Saves a checkpoint; returns its path relative to the output folder, and the hash of its manifest."""
        return self._commit("checkpoint", checkpoint_path(step), step, write)

    def commit_adapter(self, step: int, write: Callable[[Path], None]) -> tuple[str, str]:
        """Saves the final adapter; returns like commit_checkpoint."""
        return self._commit("adapter", "adapter", step, write)

    def link_adapter(self, step: int, is_other: Callable[[str], bool]) -> Callable[[Path], None] | None:
        """Writes the adapter of the checkpoint of this step, all files but the others, without copying; None when there is none."""
        checkpoint = self._root / checkpoint_path(step)
        if not (checkpoint / MANIFEST).exists():
            return None

        def write(folder: Path) -> None:
            for path in checkpoint.iterdir():
                if path.name != MANIFEST and not is_other(path.name):
                    _link_or_copy(path, folder / path.name)

        return write

    def _commit(self, kind: Literal["checkpoint", "adapter"], name: str, step: int, write: Callable[[Path], None]) -> tuple[str, str]:
        final = self._root / name
        temporary = final.with_name(f"{TEMPORARY}{self._job.attempt}-{final.name}")
        sha256 = commit_folder(
            temporary,
            write,
            lambda files: canonical_json(self._manifest(kind, step, files).model_dump(mode="json")),
            lambda: self._give_name(temporary, final),
        )
        return name, sha256

    def _manifest(self, kind: Literal["checkpoint", "adapter"], step: int, files: dict[str, WrittenFile]) -> ArtifactManifest:
        return ArtifactManifest(
            version=1,
            kind=kind,
            run_id=self._job.run_id,
            attempt=self._job.attempt,
            step=step,
            base_model=self._job.model,
            base_sha256=self._job.base_sha256,
            config_sha256=self._config_sha256,
            files=[ArtifactFile(path=name, size=found.size, sha256=found.sha256) for name, found in files.items()],
        )

    def _give_name(self, temporary: Path, final: Path) -> None:
        """Renames; a folder of an earlier attempt at the same place makes way, one of a later attempt is left alone."""
        if final.exists():
            if (final / MANIFEST).exists() and read_manifest(final).attempt > self._job.attempt:
                raise WorkerError("worker_lost", f"A later attempt of this run has already written {final}.")
            shutil.rmtree(set_aside(final), ignore_errors=True)
        temporary.rename(final)
        sync_folder(final.parent)

    def prune(self, keep: int, best_step: int | None, kept_steps: Collection[int] = ()) -> list[tuple[int, str]]:
        """Removes all but the newest checkpoints, the best and those a person keeps; returns step and relative path of each removed one."""
        folders = {int(path.name.removeprefix("step-")): path for path in (self._root / "checkpoints").glob("step-*")}
        newest = sorted(set(folders) - set(kept_steps), reverse=True)[:keep]
        removed: list[tuple[int, str]] = []
        for step in sorted(folders):
            if step not in newest and step != best_step and step not in kept_steps:
                self._remove(set_aside(folders[step]))
                removed.append((step, checkpoint_path(step)))
        return removed

    def _remove(self, folder: Path) -> None:
        """In a thread of its own: nobody waits for the files of a folder whose name is gone."""
        self._removals = self._removals or ThreadPoolExecutor(1, thread_name_prefix="removing")
        self._removals.submit(shutil.rmtree, folder, ignore_errors=True)

    def close(self) -> None:
        """Waits until everything that was to be removed is."""
        if self._removals is not None:
            self._removals.shutdown()

    def verify_resumable(self, folder: Path) -> ArtifactManifest:
        """The manifest of a checkpoint that this job may go on from.

        Raises WorkerError: `checkpoint_corrupt` when any byte of it is not as written, `config_error` when it was trained on
        another base model or with other settings.
        """
        manifest = verify(folder)
        if manifest.kind != "checkpoint":
            raise WorkerError("config_error", f"{folder} is a finished adapter, not a checkpoint to go on from.")
        if manifest.base_sha256 != self._job.base_sha256:
            raise WorkerError("config_error", f"{folder} was trained on another base model ({manifest.base_model}).")
        if manifest.config_sha256 != self._config_sha256:
            raise WorkerError("config_error", f"{folder} was trained with another adapter, method, seed or other settings.")
        return manifest


def _link_or_copy(source: Path, target: Path) -> None:
    """Files of a checkpoint are never changed, so two folders may hold one and the same. Some file systems have no links."""
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)


def read_manifest(folder: Path) -> ArtifactManifest:
    """What a folder says of itself. Raises WorkerError('checkpoint_corrupt')."""
    try:
        return ArtifactManifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (OSError, ValidationError, json.JSONDecodeError) as error:
        raise WorkerError("checkpoint_corrupt", f"{folder / MANIFEST} is missing or not a manifest: {error}") from error


def verify(folder: Path) -> ArtifactManifest:
    """Compares every file with the manifest: size and SHA-256. Raises WorkerError('checkpoint_corrupt')."""
    manifest = read_manifest(folder)
    for file in manifest.files:
        path = folder / file.path
        if Path(file.path).name != file.path or not path.is_file():
            raise WorkerError("checkpoint_corrupt", f"{path} is missing.")
        found = measure_file(path)
        if found.size != file.size or found.sha256 != file.sha256:
            raise WorkerError("checkpoint_corrupt", f"{path} is not what was saved: its size or SHA-256 differs from the manifest.")
    return manifest
