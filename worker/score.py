"""Judges answers of the serving engine, and rows, by the weights as they were trained: one forward pass over each, nothing generated.

The engine's own tokens are read back, so every place is judged after the same beginning: where both sides would say the same token
everywhere, their greedy answers are the same.
"""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from worker.contract import ScoredPlace, ScoredPrompt, ScoredRow, ScorePrompt, ScoreResult, ScoreTask
from worker.durable import replace_file
from worker.examples import end_token_ids, prompt_token_ids
from worker.failures import WorkerError
from worker.load import BaseModel, load_base
from worker.open_adapter import open_adapter

# Tokens of one forward pass, padding included.
_BATCH_TOKENS = 2048
# Places of a row whose logits are held at once.
_HEAD_TOKENS = 256


def score(task_file: Path, result_file: Path) -> int:
    """The command, cold; returns the exit code."""
    try:
        score_file(task_file, result_file, lambda task: load_base(Path(task.model_dir)))
    except WorkerError as error:
        sys.stderr.write(f"{error.message}\n")
        return 1
    return 0


def score_file(task_file: Path, result_file: Path, load: Callable[[ScoreTask], BaseModel]) -> None:
    """Reads a ScoreTask, writes its ScoreResult, whole or not at all. Raises WorkerError('model_error')."""
    task = ScoreTask.model_validate_json(task_file.read_bytes())
    torch.set_num_threads(task.threads)
    result = judge(task, load(task))
    replace_file(result_file, result.model_dump_json().encode())


@torch.inference_mode()
def judge(task: ScoreTask, base: BaseModel) -> ScoreResult:
    """What the trained model says at every place of every answer."""
    began = time.monotonic()
    if task.chat_template is not None:
        base.tokenizer.chat_template = task.chat_template
    model: Any = open_adapter(base.model, Path(task.adapter_dir)) if task.adapter_dir is not None else base.model.eval()
    ends = end_token_ids(base.tokenizer)
    prompts = [prompt_token_ids(base.tokenizer, prompt.messages) for prompt in task.prompts]
    rows = [ids + [place[0] for place in prompt.answer] for ids, prompt in zip(prompts, task.prompts, strict=True)]
    _check_lengths(rows, base)
    scored: list[ScoredPrompt | None] = [None] * len(rows)
    for batch in _batches([len(row) for row in rows]):
        hidden_B_T_H = _hidden(model, [rows[at] for at in batch], base.tokenizer)
        for hidden_T_H, at in zip(hidden_B_T_H, batch, strict=True):
            said = hidden_T_H[len(prompts[at]) - 1 : len(rows[at])]
            places = _places(model.get_output_embeddings()(said), task.prompts[at], ends)
            scored[at] = ScoredPrompt(prompt_ids=prompts[at], places=places)
    return ScoreResult(
        prompts=[prompt for prompt in scored if prompt is not None],
        rows=_score_rows(model, task.rows, base),
        seconds=time.monotonic() - began,
    )


def _score_rows(model: Any, rows: list[list[int]], base: BaseModel) -> list[ScoredRow]:
    """What the model makes of every token but the first of each row."""
    _check_lengths(rows, base)
    scored: dict[int, ScoredRow] = {}
    for batch in _batches([len(row) for row in rows]):
        hidden_B_T_H = _hidden(model, [rows[at] for at in batch], base.tokenizer)
        for hidden_T_H, at in zip(hidden_B_T_H, batch, strict=True):
            scored[at] = _score_row(model.get_output_embeddings(), hidden_T_H, rows[at])
    return [scored[at] for at in range(len(rows))]


def _score_row(head: Any, hidden_T_H: Tensor, row: list[int]) -> ScoredRow:
    logprobs: list[float] = []
    best: list[int] = []
    for start in range(0, len(row) - 1, _HEAD_TOKENS):
        end = min(start + _HEAD_TOKENS, len(row) - 1)
        logprobs_P_V = head(hidden_T_H[start:end]).float().log_softmax(dim=-1)
        said_P_1 = torch.tensor(row[start + 1 : end + 1], device=logprobs_P_V.device)[:, None]
        logprobs += logprobs_P_V.gather(1, said_P_1).flatten().tolist()
        best += logprobs_P_V.argmax(dim=-1).tolist()
    return ScoredRow(logprobs=logprobs, best=best)


def _check_lengths(rows: list[list[int]], base: BaseModel) -> None:
    longest = max((len(row) for row in rows), default=0)
    if longest > base.context_length:
        raise WorkerError("model_error", f"A prompt with its answer has {longest} tokens; the model reads at most {base.context_length}.")


def _batches(lengths: list[int]) -> Iterator[list[int]]:
    """Places of rows of like length, so that little is padding."""
    batch: list[int] = []
    for at in sorted(range(len(lengths)), key=lambda at: lengths[at]):
        if batch and lengths[at] * (len(batch) + 1) > _BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(at)
    if batch:
        yield batch


def _hidden(model: Any, rows: list[list[int]], tokenizer: PreTrainedTokenizerBase) -> Tensor:
    """States after the last layer. Padding stands on the right, where a causal layer does not look."""
    longest = max(len(row) for row in rows)
    padding = tokenizer.pad_token_id if isinstance(tokenizer.pad_token_id, int) else 0
    token_ids_B_T = torch.tensor([row + [padding] * (longest - len(row)) for row in rows], device=model.device)
    return model.base_model(input_ids=token_ids_B_T, use_cache=False).last_hidden_state


def _places(logits_P_V: Tensor, prompt: ScorePrompt, ends: set[int]) -> list[ScoredPlace]:
    """One for each token of the answer, and one behind it."""
    logprobs_P_V = logits_P_V.float().log_softmax(dim=-1)
    best = logprobs_P_V.topk(2, dim=-1)
    asked = [*prompt.answer, []]
    return [
        ScoredPlace(
            logprobs=[float(logprobs_V[token]) for token in ids],
            best=best.indices[at].tolist(),
            best_logprobs=best.values[at].tolist(),
            ends=int(best.indices[at][0]) in ends,
        )
        for at, (logprobs_V, ids) in enumerate(zip(logprobs_P_V, asked, strict=True))
    ]
