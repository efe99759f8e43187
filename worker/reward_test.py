"""Tests of the reward model: its loss against the formula written out, and whole runs on a tiny model that tell answers apart."""

import math
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from worker.conftest import JobMaker, of_type
from worker.contract import RewardMethod
from worker.examples import Example
from worker.heads import HEAD_FILE
from worker.load import load_base
from worker.methods import reward
from worker.preference_losses import reward_loss
from worker.preference_rows import Pair
from worker.preference_test import preference_job, run  # noqa: F401  # the fixture is used by its name
from worker.testing import ask_at_step, weights
from worker.train import check_rows
from worker.workbench import Workbench

REWARD: dict[str, Any] = {"type": "reward", "margin": 0.0, "center_rewards_coefficient": 0.0}


def test_the_loss_is_that_of_the_paper() -> None:
    preferred, rejected = [2.0, -1.0], [0.5, 1.0]
    options = RewardMethod(type="reward", margin=0.25, center_rewards_coefficient=0.01)
    wanted = [math.log1p(math.exp(-(good - bad - 0.25))) + 0.01 * (good + bad) ** 2 for good, bad in zip(preferred, rejected, strict=True)]
    assert reward_loss(options, torch.tensor(preferred), torch.tensor(rejected)).tolist() == pytest.approx(wanted)


@pytest.mark.parametrize("joined", [True, False], ids=["pairs as one row", "answers as two rows"])
def test_an_answer_is_scored_where_it_ends_whatever_stands_beside_it(
    preference_job: JobMaker,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    joined: bool,
) -> None:
    job = preference_job(method=REWARD)
    base = load_base(Path(job.model_dir))
    from worker.adapters import ADAPTERS

    torch.manual_seed(0)
    rows = check_rows(job, base)
    model = ADAPTERS["lora"](base.model, job.adapter, job.model)
    trainer: Any = reward.build(job, Workbench(model, base.tokenizer, rows.training, [], None, 5, "cpu", "fp32"))
    monkeypatch.setattr(trainer._run, "_saves", lambda batch: joined)
    model.eval()
    batch = trainer.data_collator([{"place": place} for place in range(4)])
    with torch.no_grad():
        scores_A = trainer._head(trainer._run.ends(batch))[:, 0]
        alone = [_score_alone(trainer, example, side) for side in (0, 1) for example in rows.training[:4]]
    assert scores_A.tolist() == pytest.approx(alone, abs=1e-5)


def _score_alone(trainer: Any, example: Example, side: int) -> float:
    """Of one answer after its prompt, in a forward pass of its own."""
    assert isinstance(example, Pair)
    ids = example.token_ids_T
    whole = ids[: example.split] if side == 0 else ids[: example.start] + ids[example.split :]
    hidden_1_T_H = trainer._base.base_model(input_ids=torch.tensor([whole]), use_cache=False).last_hidden_state
    return float(trainer._head(hidden_1_T_H[0, -1]))


def test_preferred_answers_come_to_score_higher(preference_job: JobMaker) -> None:  # noqa: F811
    job = preference_job(method=REWARD, n_epochs=8, eval_steps=5)
    events = run(job)
    first, last = of_type(events, "run-evaluated")[0], of_type(events, "run-evaluated")[-1]
    assert last["loss"] < first["loss"] < math.log(2)
    assert last["metrics"]["rewards/accuracies"] == last["mean_token_accuracy"] == 1.0
    assert last["metrics"]["rewards/margins"] > first["metrics"]["rewards/margins"]
    assert last["perplexity"] == pytest.approx(math.exp(last["loss"]))
    head = safetensors.torch.load_file(Path(job.output_dir) / "adapter" / HEAD_FILE)
    assert {name: list(tensor.shape) for name, tensor in head.items()} == {"weight": [1, 64], "bias": [1]}


def test_four_batches_of_one_pair_are_one_of_four(preference_job: JobMaker) -> None:  # noqa: F811
    figures = []
    for size, steps in ((4, 1), (1, 4)):
        job = preference_job(
            f"by-{size}", method=REWARD, batch_size=size, gradient_accumulation_steps=steps, max_steps=4, group_by_length=False,
        )  # fmt: skip
        figures.append([event["loss"] for event in of_type(run(job), "run-step")])
    assert figures[0] == pytest.approx(figures[1], abs=1e-5)
    assert figures[0][0] != pytest.approx(figures[0][-1], abs=1e-3)


def test_a_resumed_run_has_the_same_adapter_and_head(
    preference_job: JobMaker,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options = {"method": REWARD, "lora_dropout": 0.1}
    straight, first = preference_job("straight", **options), preference_job("broken", **options)
    run(straight)
    with monkeypatch.context() as pressed:
        ask_at_step(pressed, first, "pause", 3)
        before = run(first)
    second = preference_job("broken", attempt=2, resume_from=str(Path(first.output_dir) / before[-1]["path"]), **options)
    run(second)
    assert weights(second) == weights(straight)
    heads = [(Path(job.output_dir) / "adapter" / HEAD_FILE).read_bytes() for job in (second, straight)]
    assert heads[0] == heads[1]
