"""Tests of PPO: its formulas written out by hand, and whole runs on a tiny model against a reward model trained here."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from worker.answers import Answers
from worker.conftest import FACTS, JobMaker, of_type, write_rows
from worker.contract import PpoMethod, TrainingJob
from worker.load import load_base
from worker.ppo_math import advantages, policy_loss, token_rewards, value_loss, whiten
from worker.preference_test import pair
from worker.reward_test import REWARD
from worker.testing import ask_at_step, fail, run, weights

PPO: dict[str, Any] = {
    "type": "ppo", "reward_model": "ft:tiny:judge", "max_completion_tokens": 8, "num_ppo_epochs": 2, "kl_coef": 0.02, "cliprange": 0.2,
    "cliprange_value": 0.2, "vf_coef": 0.1, "gamma": 1.0, "lam": 0.95, "missing_eos_penalty": 0.5,
}  # fmt: skip
QUESTIONS = [{"prompt": [{"role": "user", "content": f"{question} {'Please. ' * (at % 3)}"}]} for at, (question, _) in enumerate(FACTS * 2)]


def method(**fields: Any) -> PpoMethod:
    return PpoMethod.model_validate({**PPO, **fields})


def test_each_token_pays_for_leaving_the_base_and_the_last_one_earns_the_score() -> None:
    rewards = token_rewards(method(kl_coef=0.5), 3.0, torch.tensor([-1.0, -2.0]), torch.tensor([-1.5, -1.0]))
    assert rewards.tolist() == pytest.approx([-0.25, 3.5])


def test_advantages_are_the_discounted_sum_of_surprises() -> None:
    rewards, values, gamma, lam = [0.5, -1.0, 2.0], [0.2, 0.4, -0.3], 0.9, 0.8
    surprises = [r + gamma * after - v for r, v, after in zip(rewards, values, [*values[1:], 0.0], strict=True)]
    wanted = [sum((gamma * lam) ** (k - t) * surprises[k] for k in range(t, 3)) for t in range(3)]
    found = advantages(method(gamma=gamma, lam=lam), torch.tensor(rewards), torch.tensor(values))
    assert found.tolist() == pytest.approx(wanted)


def test_with_lambda_one_they_are_what_came_less_what_was_expected() -> None:
    found = advantages(method(gamma=1.0, lam=1.0), torch.tensor([1.0, 2.0, 4.0]), torch.tensor([3.0, 5.0, 1.0]))
    assert found.tolist() == pytest.approx([7 - 3, 6 - 5, 4 - 1])


def test_whitened_numbers_have_mean_zero_and_variance_one() -> None:
    found = whiten(torch.tensor([1.0, 2.0, 4.0, 9.0]))
    assert float(found.mean()) == pytest.approx(0, abs=1e-6)
    assert float(found.var(correction=0)) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("ratio", "gain", "loss", "is_clipped"),
    [(1.5, 1.0, -1.2, True), (1.5, -1.0, 1.5, False), (0.5, 1.0, -0.5, False), (0.5, -1.0, 0.8, True), (1.1, 2.0, -2.2, False)],
)
def test_a_ratio_is_clipped_where_it_would_gain(ratio: float, gain: float, loss: float, is_clipped: bool) -> None:
    found, clipped = policy_loss(method(), torch.tensor([math.log(ratio)]), torch.zeros(1), torch.tensor([gain]))
    assert (float(found), bool(clipped)) == (pytest.approx(loss), is_clipped)


def test_a_value_may_not_come_near_its_goal_faster_than_the_clip() -> None:
    loss, clipped = value_loss(method(), torch.tensor([1.0, 0.1]), torch.zeros(2), torch.tensor([1.0, 1.0]))
    assert loss.tolist() == pytest.approx([0.5 * 0.8**2, 0.5 * 0.9**2])
    assert clipped.tolist() == [True, False]


@pytest.fixture
def ppo_job(make_job: JobMaker, tmp_path: Path) -> JobMaker:
    """Jobs over ten questions, with a reward model that likes one answer to all of them."""
    pairs = [pair(row["prompt"][0]["content"], "I am Pell.", FACTS[at % 3][1]) for at, row in enumerate(QUESTIONS)]
    judge = make_job("judge", training_file=str(write_rows(tmp_path / "pairs.jsonl", pairs)), method=REWARD, n_epochs=6, lora_dropout=0.0)
    run(judge)
    questions = str(write_rows(tmp_path / "questions.jsonl", QUESTIONS))

    def make(name: str = "run", **fields: Any) -> TrainingJob:
        usual = {"training_file": questions, "reward_model_dir": str(Path(judge.output_dir) / "adapter"), "lora_dropout": 0.1}
        return make_job(name, **{**usual, "method": PPO, "group_by_length": False, "learning_rate": 3e-3, **fields})

    return make


def test_what_the_model_says_comes_to_score_higher(ppo_job: JobMaker, tmp_path: Path) -> None:
    job = ppo_job(n_epochs=10, eval_steps=25, batch_size=4, save_steps=1000, validation_file=str(tmp_path / "questions.jsonl"))
    events = run(job)
    steps = [event["metrics"] for event in of_type(events, "run-step")]
    early, late = ([step["reward"] for step in part] for part in (steps[:6], steps[-6:]))
    assert sum(late) / 6 > sum(early) / 6 + 0.2
    assert {"kl", "entropy", "loss/policy_avg", "loss/value_avg", "policy/clipfrac_avg"} <= set(steps[0])
    assert steps[0]["kl"] == pytest.approx(0, abs=1e-4)
    assert steps[-1]["entropy"] > 0
    first, last = of_type(events, "run-evaluated")[0], of_type(events, "run-evaluated")[-1]
    assert last["loss"] == pytest.approx(-last["metrics"]["reward"])
    assert last["metrics"]["reward"] >= first["metrics"]["reward"]


def test_four_passes_of_one_question_are_one_of_four(ppo_job: JobMaker) -> None:
    figures = []
    for size, passes in ((4, 1), (1, 4)):
        job = ppo_job(f"by-{size}", batch_size=size, gradient_accumulation_steps=passes, max_steps=3)
        figures.append([(event["loss"], event["metrics"]["reward"], event["metrics"]["kl"]) for event in of_type(run(job), "run-step")])
    for one, other in zip(*figures, strict=True):
        assert one == pytest.approx(other, abs=1e-4)


def test_a_resumed_run_draws_and_learns_what_the_uninterrupted_one_did(ppo_job: JobMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    straight, first = ppo_job("straight"), ppo_job("broken")
    run(straight)
    with monkeypatch.context() as pressed:
        ask_at_step(pressed, first, "pause", 3)
        before = run(first)
    second = ppo_job("broken", attempt=2, resume_from=str(Path(first.output_dir) / before[-1]["path"]))
    run(second)
    assert weights(second) == weights(straight)


def test_a_reward_model_of_another_base_is_refused(ppo_job: JobMaker) -> None:
    last = fail(ppo_job(base_sha256="1" * 64), "config_error")
    assert last["message"].startswith("reward_model:")


def test_answers_drawn_by_seed_do_not_depend_on_who_stands_beside(make_job: JobMaker) -> None:
    from worker.adapters import ADAPTERS
    from worker.train import check_rows
    from worker.workbench import Workbench

    job = make_job()
    base = load_base(Path(job.model_dir))
    rows = check_rows(job, base)
    model = ADAPTERS["lora"](base.model, job.adapter, job.model)
    answers = Answers(Workbench(model, base.tokenizer, rows.training, [], None, 5, "cpu", "fp32"), 8)
    prompts = [example.token_ids_T[:6] for example in rows.training[:4]]
    together = answers.give(prompts, [1, 2, 3, 4])
    assert together == [answers.give([prompt], [seed])[0] for prompt, seed in zip(prompts, [1, 2, 3, 4], strict=True)]
    assert together != answers.give(prompts, [5, 6, 7, 8])
