"""A model in a form that other programs load: adapter merged into base, written, quantised, and vouched for by a manifest."""

import shutil
from collections.abc import Callable
from pathlib import Path

import torch
from transformers import PreTrainedModel

from worker.contract import ArtifactFile, ExportManifest, ExportProgress, ExportTask
from worker.durable import TEMPORARY, WrittenFile, canonical_json, commit_folder, replace_file, set_aside, sync_folder
from worker.exports import FORMS
from worker.exports.form import Merged, Phase
from worker.failures import WorkerError, explain
from worker.load import BaseModel, attach_adapter
from worker.open_adapter import open_adapter
from worker.trainer_state import MODEL_FILE


def export_file(task_file: Path, load: Callable[[ExportTask], BaseModel]) -> None:
    """Does what an ExportTask says. The folder appears under its name when it is complete; a failure leaves nothing of it.

    Raises WorkerError: `model_error` when the model cannot have this form, `config_error` when something for it is not here,
    `disk_full`, `oom`.
    """
    task = ExportTask.model_validate_json(task_file.read_bytes())
    torch.set_num_threads(task.threads)
    final = Path(task.output_dir)
    try:
        commit_folder(
            final.with_name(f"{TEMPORARY}{final.name}"),
            lambda folder: _write(task, load, folder),
            lambda files: _manifest(task, files),
            lambda: _give_name(final),
        )
    except WorkerError:
        raise
    except Exception as error:
        failure = explain(error, "the log")
        if failure.cause != "crashed":
            raise failure from error
        raise WorkerError("model_error", f"{task.model} cannot be exported as {task.form}: {type(error).__name__}: {error}") from error
    finally:
        Path(task.progress_file).unlink(missing_ok=True)


def merge(base: BaseModel, adapter_dir: Path | None) -> PreTrainedModel:
    """The base model with the update of the adapter added to its weights, in fp32; where all weights were trained, those.

    Raises WorkerError('model_error') for an adapter that is no update of weights, such as a trained prefix.
    """
    if adapter_dir is None:
        return base.model.float()
    if (adapter_dir / MODEL_FILE).exists():
        return open_adapter(base.model, adapter_dir).float()
    adapted = attach_adapter(base.model.float(), adapter_dir)
    merge_and_unload = getattr(adapted.base_model, "merge_and_unload", None)
    if merge_and_unload is None:
        kind = adapted.peft_config["default"].peft_type
        raise WorkerError("model_error", f"An adapter of the kind {kind} stands beside the weights; it cannot be merged into them.")
    # Fails rather than write weights that are not numbers.
    return merge_and_unload(safe_merge=True)


def _write(task: ExportTask, load: Callable[[ExportTask], BaseModel], folder: Path) -> None:
    form = FORMS[task.form]
    if task.method == "reward":
        message = f"{task.model} is a reward model: it scores answers and gives none, so there is no form in which it would answer."
        raise WorkerError("model_error", message)

    def say(phase: Phase) -> None:
        progress = ExportProgress(phase=phase, step=form.phases.index(phase) + 1, steps=len(form.phases))
        replace_file(Path(task.progress_file), progress.model_dump_json().encode())

    say("merging")
    base = load(task)
    model = merge(base, Path(task.adapter_dir) if task.adapter_dir is not None else None)
    if task.chat_template is not None:
        base.tokenizer.chat_template = task.chat_template
    form.write(Merged(model, base.tokenizer, task, say), folder)
    say("checking")


def _manifest(task: ExportTask, files: dict[str, WrittenFile]) -> bytes:
    listed = [ArtifactFile(path=name, size=found.size, sha256=found.sha256) for name, found in files.items()]
    same = task.model_dump(include={"form", "model", "base_model", "base_sha256", "adapter_sha256"})
    return canonical_json(ExportManifest(version=1, **same, files=listed).model_dump(mode="json"))


def _give_name(final: Path) -> None:
    if final.exists():
        shutil.rmtree(set_aside(final), ignore_errors=True)
    final.with_name(f"{TEMPORARY}{final.name}").rename(final)
    sync_folder(final.parent)
