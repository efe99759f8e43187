"""Tests of checkpoints.py: a folder is there whole, or not at all."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from worker.checkpoints import ArtifactStore, read_manifest, verify
from worker.conftest import JobMaker, in_child
from worker.failures import WorkerError


def write(folder: Path) -> None:
    (folder / "a.bin").write_bytes(b"a" * 3000)
    (folder / "b.json").write_text("{}")


@pytest.fixture
def store(make_job: JobMaker) -> ArtifactStore:
    store = ArtifactStore(make_job())
    store.sweep()
    return store


@pytest.fixture
def checkpoints(make_job: JobMaker) -> Path:
    return Path(make_job().output_dir) / "checkpoints"


def kill_at_call(number: int) -> None:
    """Lets the process die at its n-th call of a function that changes the disk, before the call."""
    count = 0

    def dying(real: Any) -> Any:
        def call(*arguments: Any, **keywords: Any) -> Any:
            nonlocal count
            count += 1
            if count == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **keywords)

        return call

    for name in ("mkdir", "open", "write", "fsync", "rename", "replace", "rmdir", "unlink"):
        setattr(os, name, dying(getattr(os, name)))


def test_a_committed_checkpoint_is_whole_and_says_whose_it_is(store: ArtifactStore, checkpoints: Path) -> None:
    path, manifest_sha256 = store.commit_checkpoint(4, write)
    manifest = verify(checkpoints / "step-4")
    assert path == "checkpoints/step-4"
    assert len(manifest_sha256) == 64
    assert (manifest.kind, manifest.step, manifest.attempt, manifest.run_id) == ("checkpoint", 4, 1, "run")
    assert [(file.path, file.size) for file in manifest.files] == [("a.bin", 3000), ("b.json", 2)]


def test_a_kill_at_any_point_of_a_save_leaves_the_old_checkpoint_and_no_half_of_the_new(
    make_job: JobMaker, store: ArtifactStore, checkpoints: Path
) -> None:
    store.commit_checkpoint(1, write)
    kills = 0
    for number in range(1, 100):

        def save(number: int = number) -> None:
            kill_at_call(number)
            store.commit_checkpoint(2, write)

        _, killed_by = in_child(save)
        verify(checkpoints / "step-1")
        if (checkpoints / "step-2").exists():
            verify(checkpoints / "step-2")
        if killed_by is None:
            break
        kills += 1
        ArtifactStore(make_job(attempt=2)).sweep()
        assert {path.name for path in checkpoints.iterdir()} <= {"step-1", "step-2"}
    assert kills > 8
    verify(checkpoints / "step-2")


def test_a_save_that_fails_leaves_nothing(store: ArtifactStore, checkpoints: Path) -> None:
    def fail(folder: Path) -> None:
        write(folder)
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        store.commit_checkpoint(3, fail)
    assert list(checkpoints.iterdir()) == []


@pytest.mark.parametrize("harm", ["flip a byte", "cut the end", "remove a file", "remove the manifest", "garble the manifest"])
def test_any_harm_to_a_checkpoint_is_noticed(store: ArtifactStore, checkpoints: Path, harm: str) -> None:
    store.commit_checkpoint(1, write)
    folder = checkpoints / "step-1"
    match harm:
        case "flip a byte":
            (folder / "a.bin").write_bytes(b"a" * 1500 + b"b" + b"a" * 1499)
        case "cut the end":
            (folder / "a.bin").write_bytes(b"a" * 2999)
        case "remove a file":
            (folder / "b.json").unlink()
        case "remove the manifest":
            (folder / "manifest.json").unlink()
        case _:
            (folder / "manifest.json").write_text("{")
    with pytest.raises(WorkerError) as found:
        verify(folder)
    assert found.value.cause == "checkpoint_corrupt"


def test_a_manifest_cannot_name_a_file_outside_its_folder(store: ArtifactStore, checkpoints: Path) -> None:
    store.commit_checkpoint(1, write)
    manifest = checkpoints / "step-1" / "manifest.json"
    manifest.write_text(manifest.read_text().replace("b.json", "../b.json"))
    with pytest.raises(WorkerError, match="missing"):
        verify(checkpoints / "step-1")


def test_the_newest_are_kept_and_the_best_besides(store: ArtifactStore, checkpoints: Path) -> None:
    for step in (2, 4, 6, 8, 10):
        store.commit_checkpoint(step, write)
    assert store.prune(2, best_step=4) == [(2, "checkpoints/step-2"), (6, "checkpoints/step-6")]
    store.close()
    assert sorted(path.name for path in checkpoints.iterdir()) == ["step-10", "step-4", "step-8"]


def test_a_later_attempt_writes_over_an_earlier_one_but_never_the_other_way(
    make_job: JobMaker, store: ArtifactStore, checkpoints: Path
) -> None:
    store.commit_checkpoint(1, write)
    ArtifactStore(make_job(attempt=2)).commit_checkpoint(1, write)
    assert read_manifest(checkpoints / "step-1").attempt == 2
    with pytest.raises(WorkerError) as refused:
        store.commit_checkpoint(1, write)
    assert refused.value.cause == "worker_lost"
    assert read_manifest(checkpoints / "step-1").attempt == 2


@pytest.mark.parametrize("change", [{"base_sha256": "1" * 64}, {"learning_rate": 1e-4}, {"r": 8}, {"seed": 8}])
def test_a_checkpoint_of_another_base_or_config_is_not_gone_on_from(
    make_job: JobMaker, store: ArtifactStore, checkpoints: Path, change: dict[str, Any]
) -> None:
    store.commit_checkpoint(1, write)
    store.verify_resumable(checkpoints / "step-1")
    with pytest.raises(WorkerError) as refused:
        ArtifactStore(make_job(attempt=2, **change)).verify_resumable(checkpoints / "step-1")
    assert refused.value.cause == "config_error"
