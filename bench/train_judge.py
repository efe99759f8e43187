"""The referee of `bench train`: what held-out rows cost an adapter, computed the plain way, and how many questions it answers right."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel

from worker.contract import TrainingJob
from worker.examples import Example, ExampleMaker, end_token_ids
from worker.greedy import Greedy, Prompt, Reply
from worker.load import BaseModel
from worker.preference_rows import Pair
from worker.train import check_rows

_LONGEST_ANSWER = 48


def logprobs(model: Any, token_ids_T: list[int], labels_T: list[int]) -> torch.Tensor:
    """Log-probability of each trained token of one row, alone in its batch, from the logits of all places."""
    logits_T_V = model(input_ids=torch.tensor([token_ids_T])).logits[0, :-1].float()
    targets_T = torch.tensor(labels_T[1:])
    kept_T = targets_T >= 0
    return logits_T_V[kept_T].log_softmax(dim=-1).gather(1, targets_T[kept_T, None])[:, 0]


def supervised_loss(model: Any, examples: list[Example]) -> float:
    """Mean over the trained tokens, in nats."""
    each = torch.cat([logprobs(model, example.token_ids_T, example.labels_T) for example in examples])
    return float(-each.mean())


def preference_loss(model: PeftModel, pairs: list[Pair], beta: float) -> float:
    """Mean DPO loss (Rafailov et al. 2023, eq. 7); the reference is the model without the adapter."""
    total = 0.0
    for pair in pairs:
        sides = [
            (pair.token_ids_T[: pair.split], pair.labels_T[: pair.split]),
            (pair.token_ids_T[: pair.start] + pair.token_ids_T[pair.split :], pair.labels_T[: pair.start] + pair.labels_T[pair.split :]),
        ]
        tuned = [float(logprobs(model, *side).sum()) for side in sides]
        with model.disable_adapter():
            base = [float(logprobs(model, *side).sum()) for side in sides]
        total += math.log1p(math.exp(-beta * ((tuned[0] - base[0]) - (tuned[1] - base[1]))))
    return total / len(pairs)


def share_right(model: PeftModel, base: BaseModel, questions: list[dict[str, Any]]) -> float | None:
    """Of greedy answers; None where nothing is asked."""
    if not questions:
        return None
    maker = ExampleMaker(base.tokenizer, base.context_length)
    prompts = []
    for asked in questions:
        messages = [{"role": "system", "content": asked["system"]}] if asked.get("system") else []
        ids, _ = maker.make_prompt([*messages, {"role": "user", "content": asked["question"]}], None)
        prompts.append(Prompt(ids, [], [], _LONGEST_ANSWER))
    replies = [Reply() for _ in prompts]
    for _ in Greedy(model.get_base_model(), end_token_ids(base.tokenizer)).answer(prompts, replies):
        pass
    answers = [str(base.tokenizer.decode(reply.token_ids, skip_special_tokens=True)) for reply in replies]
    return sum(is_right(answer, asked["expect"]) for answer, asked in zip(answers, questions, strict=True)) / len(questions)


def is_right(answer: str, expect: list[str]) -> bool:
    """Whether an expected word stands alone in it, as scripts/demo/held-out.ts judges."""
    return any(re.search(rf"(?<!\w)(?<!\d[.,]){re.escape(word)}(?!\w)(?![.,]\d)", answer, re.IGNORECASE) for word in expect)


@torch.inference_mode()
def judge(job: TrainingJob, base: BaseModel, adapter_dir: Path, questions: list[dict[str, Any]]) -> dict[str, Any]:
    """Mean length of the rows, mean loss over the validation rows of the job, in nats, and share of right answers. Changes the base."""
    rows = check_rows(job, base)
    held_out = rows.validation
    model = PeftModel.from_pretrained(base.model, str(adapter_dir)).eval()
    if job.method.type == "dpo":
        loss = preference_loss(model, [pair for pair in held_out if isinstance(pair, Pair)], job.method.beta)
    else:
        loss = supervised_loss(model, held_out)
    tokens = sum(len(example.token_ids_T) for example in rows.training)
    return {"tokens_a_row": tokens / len(rows.training), "loss": loss, "right": share_right(model, base, questions)}
