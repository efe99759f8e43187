"""A model in four or eight bits as a folder that transformers and vLLM load: GPTQ, AWQ, or bitsandbytes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Literal

from transformers import PreTrainedTokenizerBase

from worker.contract import ExportTask
from worker.examples import ExampleMaker
from worker.exports import safetensors_folder
from worker.exports.form import Merged
from worker.failures import WorkerError
from worker.process import die_with_parent
from worker.row_kinds import ROW_KINDS
from worker.rows import ChatRow, RowRefused, draw_evenly, size_of

# Rows that GPTQ and AWQ are calibrated on, and the longest of them in tokens.
_ROWS, _TOKENS = 128, 2048


def write(merged: Merged, folder: Path, method: Literal["gptq", "awq", "nf4", "int8"]) -> None:
    """Merges, then quantises in a process that has the libraries for it.

    Raises WorkerError: 'config_error' where they are not installed, 'data_error' without rows to calibrate on, 'model_error'.
    """
    task = merged.task
    if task.quantizers is None:
        raise WorkerError("config_error", f"{task.form} needs libraries that are not installed here: run npm run setup -- --quantizers.")
    work = folder / "work"
    work.mkdir()
    words = ["--method", method, "--model", str(work / "merged"), "--out", str(folder), "--threads", str(task.threads)]
    if method in ("gptq", "awq"):
        (work / "rows.json").write_text(json.dumps(calibration_rows(task, merged.tokenizer)))
        words += ["--calibration", str(work / "rows.json")]
    safetensors_folder.write(merged, work / "merged")
    del merged.model
    merged.say("quantizing")
    _run(task, words, Path(task.quantizers))
    shutil.rmtree(work)


def calibration_rows(task: ExportTask, tokenizer: PreTrainedTokenizerBase) -> list[list[int]]:
    """Token ids of rows that the model was tuned on: the words that its bits are spent on. Raises WorkerError('data_error')."""
    if task.method is None or task.training_file is None:
        missing = "a base model has none: export a tuned model" if task.method is None else "the file of its run was deleted"
        raise WorkerError("data_error", f"{task.form} needs the rows that {task.model} was tuned on, and {missing}.")
    kind = ROW_KINDS[task.method]
    rows, _ = kind.read(Path(task.training_file))
    sizes = [size_of(kind.chat(row)) for row in rows]
    maker = ExampleMaker(tokenizer, _TOKENS)
    drawn: list[list[int]] = []
    refused: RowRefused | None = None
    for at in draw_evenly(sizes, _ROWS):
        try:
            drawn.append(_token_ids(maker, kind.chat(rows[at])))
        except RowRefused as error:
            refused = error
    if not drawn:
        raise WorkerError("data_error", f"{task.form} needs rows to calibrate on, and none of {len(rows)} will do: {refused or 'no rows'}.")
    return drawn


def _token_ids(maker: ExampleMaker, chat: ChatRow) -> list[int]:
    """Of a chat with its answer, of plain text, or of a question alone. Raises RowRefused."""
    if chat.messages and chat.messages[-1]["role"] != "assistant":
        return maker.make_question(chat).token_ids_T
    made, problems = maker.make([chat])
    if problems:
        raise RowRefused(problems[0].reason)
    return made[0].token_ids_T


def _run(task: ExportTask, words: list[str], quantizers: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(quantizers)}
    command = [sys.executable, "-m", "worker.quantize", *words]
    root = Path(__file__).parent.parent.parent
    done = subprocess.run(command, cwd=root, env=environment, stdout=subprocess.PIPE, text=True, check=False, preexec_fn=die_with_parent)
    if done.returncode == 0:
        return
    said = done.stdout.strip().rsplit("\n", 1)[-1]
    raise WorkerError("model_error", f"{task.model} cannot be written as {task.form}: {said or f'exit code {done.returncode}'}")
