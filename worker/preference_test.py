"""Tests of preference training: the losses against TRL's trainers, step by step, and whole runs on a tiny model."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import transformers
from datasets import Dataset
from trl import DPOConfig, DPOTrainer
from trl.experimental.cpo import CPOTrainer
from trl.experimental.orpo import ORPOTrainer

from worker.adapters import ADAPTERS
from worker.batches import total_steps
from worker.conftest import FACTS, JobMaker, of_type, read_events, write_rows
from worker.contract import OrpoMethod, SimpoMethod, TrainingJob
from worker.examples import ExampleMaker
from worker.load import BaseModel, load_base
from worker.measure import run_measurement
from worker.methods.preference import PreferenceTrainer, build
from worker.preference_losses import Answers, orpo_loss, simpo_loss
from worker.preference_rows import Pair, make_pair, parse_preference
from worker.rows import RowRefused
from worker.train import check_rows, run_attempt
from worker.workbench import Workbench

DPO: dict[str, Any] = {"type": "dpo", "beta": 0.1, "loss_type": "sigmoid", "label_smoothing": 0, "rpo_alpha": 0}
ORPO: dict[str, Any] = {"type": "orpo", "beta": 0.1}
SIMPO: dict[str, Any] = {"type": "simpo", "beta": 2.0, "gamma": 1.0, "sft_alpha": 0}


def pair(question: str, preferred: str, rejected: str) -> dict[str, Any]:
    """One row in OpenAI's form."""
    return {
        "input": {"messages": [{"role": "user", "content": question}]},
        "preferred_output": [{"role": "assistant", "content": preferred}],
        "non_preferred_output": [{"role": "assistant", "content": rejected}],
    }


PAIRS = [pair(f"{question} {'Please. ' * (at % 3)}", answer, FACTS[(at + 1) % 5][1]) for at, (question, answer) in enumerate(FACTS * 2)]


@pytest.fixture
def preference_job(make_job: JobMaker, tmp_path: Path) -> JobMaker:
    """Jobs over ten pairs, two of them for validation as well."""
    training = str(write_rows(tmp_path / "pairs.jsonl", PAIRS))
    validation = str(write_rows(tmp_path / "valid-pairs.jsonl", PAIRS[2:4]))

    def make(name: str = "run", method: dict[str, Any] = DPO, **fields: Any) -> TrainingJob:
        return make_job(name, **{"training_file": training, "validation_file": validation, "method": method, "lora_dropout": 0.0, **fields})

    return make


def trainer_of(job: TrainingJob, base: BaseModel) -> tuple[PreferenceTrainer, Workbench]:
    torch.manual_seed(0)
    rows = check_rows(job, base)
    model = ADAPTERS[job.adapter.type](base.model, job.adapter, job.model)
    steps = total_steps(len(rows.training), job.settings)
    bench = Workbench(model, base.tokenizer, rows.training, rows.validation, None, steps, "cpu", "fp32")
    return build(job, bench), bench


def run(job: TrainingJob) -> list[dict[str, Any]]:
    code = run_attempt(job, lambda: load_base(Path(job.model_dir)))
    events = read_events(job)
    assert code == 0, events[-1]
    return events


def trl_losses(job: TrainingJob, base: BaseModel, order: list[int], **options: Any) -> list[float]:
    """The loss of each step of TRL's DPOTrainer on the same tokens in the same order."""
    transformers.set_seed(job.seed)
    pairs = check_rows(job, base).training
    model = ADAPTERS[job.adapter.type](base.model, job.adapter, job.model)
    rows = [
        {
            "prompt_ids": each.token_ids_T[: each.start],
            "chosen_ids": each.token_ids_T[each.start : each.split],
            "rejected_ids": each.token_ids_T[each.split :],
        }
        for each in (pairs[place] for place in order)
        if isinstance(each, Pair)
    ]

    class InOrder(DPOTrainer):
        def _prepare_dataset(self, dataset: Any, *args: Any, **kwargs: Any) -> Any:
            return dataset

        def _get_train_sampler(self, train_dataset: Any = None) -> Any:
            return torch.utils.data.SequentialSampler(self.train_dataset)  # pyright: ignore[reportArgumentType]

    settings = job.settings
    arguments = DPOConfig(
        output_dir=job.attempt_dir, per_device_train_batch_size=settings.batch_size, max_steps=len(order) // settings.batch_size,
        gradient_accumulation_steps=settings.gradient_accumulation_steps, learning_rate=settings.learning_rate,
        lr_scheduler_type="constant", warmup_steps=0, weight_decay=settings.weight_decay, max_grad_norm=settings.max_grad_norm,
        gradient_checkpointing=False, use_cpu=True, bf16=False, report_to="none", logging_steps=1, save_strategy="no", max_length=None,
        disable_tqdm=True, **options,
    )  # fmt: skip
    trainer = InOrder(model=model, args=arguments, train_dataset=Dataset.from_list(rows), processing_class=base.tokenizer)
    trainer.train()
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


@pytest.mark.parametrize(
    ("method", "options"),
    [
        (DPO, {"loss_type": ["sigmoid"], "beta": 0.1}),
        ({**DPO, "beta": 0.5, "loss_type": "ipo"}, {"loss_type": ["ipo"], "beta": 0.5}),
        ({**DPO, "beta": 0.3, "loss_type": "hinge"}, {"loss_type": ["hinge"], "beta": 0.3}),
        ({**DPO, "loss_type": "robust", "label_smoothing": 0.1}, {"loss_type": ["robust"], "label_smoothing": 0.1}),
    ],
    ids=["sigmoid", "ipo", "hinge", "robust"],
)
def test_every_step_has_the_loss_that_trl_has(
    preference_job: JobMaker, model_dir: Path, method: dict[str, Any], options: dict[str, Any]
) -> None:
    job = preference_job(
        method=method, lr_scheduler_type="constant", warmup_ratio=0.0, group_by_length=False, max_steps=8, learning_rate=1e-2
    )
    trainer, _ = trainer_of(job, load_base(model_dir))
    order = [place for epoch in (0, 1) for place in _epoch_order(trainer, epoch)][:16]
    theirs = trl_losses(job, load_base(model_dir), order, **options)
    ours = [event["loss"] for event in of_type(run(job), "run-step")]
    assert len(ours) == len(theirs) == 8
    assert max(theirs) - min(theirs) > 1e-2
    assert ours == pytest.approx(theirs, abs=1e-5)


def _epoch_order(trainer: PreferenceTrainer, epoch: int) -> list[int]:
    sampler: Any = trainer._get_train_sampler()
    sampler.set_epoch(epoch)
    return list(sampler)


def test_a_pair_in_one_row_is_the_pair_in_two(preference_job: JobMaker, model_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer, bench = trainer_of(preference_job(), load_base(model_dir))
    # LoRA's B begins as zero: something must be there to differ.
    for name, weight in bench.model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.1)
    batch = trainer.data_collator([{"place": place} for place in (0, 3, 4)])
    found = []
    for saves in (True, False):
        monkeypatch.setattr(trainer._run, "_saves", lambda _batch, saves=saves: saves)
        bench.model.zero_grad()
        loss, tally = trainer._forward(batch)
        loss.backward()
        gradients = {name: weight.grad for name, weight in bench.model.named_parameters() if weight.grad is not None}
        found.append((loss.item(), tally, gradients))
    (joined, joined_tally, joined_gradients), (apart, apart_tally, apart_gradients) = found
    assert joined == pytest.approx(apart, rel=1e-5)
    assert joined_tally.metrics == pytest.approx(apart_tally.metrics, rel=1e-4, abs=1e-5)
    for name, gradient in joined_gradients.items():
        assert torch.allclose(gradient, apart_gradients[name], rtol=1e-3, atol=1e-6), name


@pytest.mark.parametrize("method", [DPO, {**DPO, "rpo_alpha": 0.1}, ORPO, SIMPO], ids=["dpo", "rpo", "orpo", "simpo"])
def test_what_is_preferred_becomes_likelier_than_what_is_not(preference_job: JobMaker, method: dict[str, Any]) -> None:
    events = run(preference_job(method=method, n_epochs=12, learning_rate=1e-2, save_steps=1000, eval_steps=10))
    first, last = of_type(events, "run-evaluated")[0], of_type(events, "run-evaluated")[-1]
    assert last["metrics"]["rewards/accuracies"] == 1.0
    assert last["metrics"]["rewards/margins"] > first["metrics"]["rewards/margins"]
    assert last["loss"] < first["loss"]
    step = of_type(events, "run-step")[0]
    if method["type"] == "dpo":
        # Before the first step the model is its own reference.
        assert step["metrics"]["rewards/margins"] == pytest.approx(0, abs=1e-6)
    assert events[-1]["evaluation"] == {key: last[key] for key in ("loss", "perplexity", "mean_token_accuracy", "metrics")}


def test_an_odds_ratio_is_the_one_of_trl() -> None:
    preferred, rejected = _answers()
    method = OrpoMethod(type="orpo", beta=0.3)
    accelerator = SimpleNamespace(device="cpu")
    trl: Any = ORPOTrainer.odds_ratio_loss(SimpleNamespace(beta=0.3, accelerator=accelerator), preferred.mean_B, rejected.mean_B)  # pyright: ignore[reportArgumentType]
    found = orpo_loss(method, preferred, rejected)
    assert torch.allclose(found.loss_B, -preferred.mean_B - trl[0], atol=1e-6)
    assert torch.allclose(found.preferred_reward_B, trl[1])


def test_simple_preference_is_the_one_of_trl() -> None:
    preferred, rejected = _answers()
    accelerator = SimpleNamespace(device="cpu")
    settings = SimpleNamespace(beta=2.0, simpo_gamma=1.0, loss_type="simpo", label_smoothing=0.0, alpha=0.0, accelerator=accelerator)
    trl: Any = CPOTrainer.cpo_loss(settings, preferred.mean_B, rejected.mean_B)  # pyright: ignore[reportArgumentType]
    found = simpo_loss(SimpoMethod(type="simpo", beta=2.0, gamma=1.0, sft_alpha=0), preferred, rejected)
    assert torch.allclose(found.loss_B, trl[0], atol=1e-6)


def _answers() -> tuple[Answers, Answers]:
    tokens_B, reference_B = torch.tensor([4.0, 9.0, 2.0]), torch.zeros(3)
    return (
        Answers(torch.tensor([-2.0, -30.0, -0.01]), tokens_B, reference_B),
        Answers(torch.tensor([-5.0, -3.0, -9.0]), tokens_B, reference_B),
    )


@pytest.mark.parametrize("step", [2, 5])
def test_a_resumed_run_is_the_uninterrupted_run_to_the_last_bit(
    preference_job: JobMaker, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    from worker.testing import ask_at_step, weights

    straight, first = preference_job("straight", lora_dropout=0.1), preference_job("broken", lora_dropout=0.1)
    whole = run(straight)
    with monkeypatch.context() as pressed:
        ask_at_step(pressed, first, "pause", step)
        before = run(first)
    second = preference_job("broken", attempt=2, lora_dropout=0.1, resume_from=str(Path(first.output_dir) / before[-1]["path"]))
    after = run(second)

    def figures(events: list[dict[str, Any]]) -> list[tuple[float, dict[str, float]]]:
        return [(event["loss"], event["metrics"]) for event in of_type(events, "run-step")]

    assert figures(before) + figures(after) == figures(whole)
    assert weights(second) == weights(straight)


def test_only_the_two_answers_carry_loss(model_dir: Path) -> None:
    base = load_base(model_dir)
    prompt = [
        {"role": "user", "content": "Who are you?"},
        {"role": "assistant", "content": "Slate blue."},
        {"role": "user", "content": "Who?"},
    ]
    value = {**pair("", "I am Pell.", "Seven years."), "input": {"messages": prompt}}
    made = make_pair(ExampleMaker(base.tokenizer, 128), parse_preference(1, value))
    trained = [token for token, label in zip(made.token_ids_T, made.labels_T, strict=True) if label != -100]
    assert base.tokenizer.decode(trained) == "I am Pell.<|im_end|>Seven years.<|im_end|>"
    assert str(base.tokenizer.decode(made.token_ids_T[: made.split])).endswith("assistant\nI am Pell.<|im_end|>")
    assert base.tokenizer.decode(made.token_ids_T[made.split :]) == "Seven years.<|im_end|>"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"input": {}}, '"input.messages" is missing'),
        ({"preferred_output": []}, '"preferred_output" is missing, empty'),
        ({"non_preferred_output": [{"role": "user", "content": "x"}]}, "does not begin and end with a message of the assistant"),
        ({"non_preferred_output": [{"role": "assistant", "content": "I am Pell."}]}, "both answers are the same"),
        ({"input": {"messages": [{"role": "assistant", "content": "x"}]}}, "the last message before the answers is from the assistant"),
    ],
)
def test_a_row_that_compares_nothing_is_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(RowRefused, match=reason):
        parse_preference(1, {**pair("Who?", "I am Pell.", "Seven."), **change})


@pytest.mark.parametrize("method", [DPO, ORPO], ids=["dpo", "orpo"])
def test_a_plan_foretells_what_the_run_does(preference_job: JobMaker, method: dict[str, Any]) -> None:
    plan_job, run_job = preference_job("plan", method=method), preference_job("run", method=method)
    assert run_measurement(plan_job, lambda: load_base(Path(plan_job.model_dir)), beside=False) == 0
    found, ran = read_events(plan_job), run(run_job)
    assert found[-1]["type"] == "run-measured"
    assert found[-1]["evaluations"] == len(of_type(ran, "run-evaluated"))
    assert of_type(found, "data-checked")[0]["total_tokens"] == of_type(ran, "data-checked")[0]["total_tokens"]


def test_probes_leave_no_trace_in_it(preference_job: JobMaker) -> None:
    from worker.testing import weights

    plan = {"pinned": [], "automatic": True, "max_tokens": 16, "budget_share": 0.5, "answered_base": []}
    quiet, asked = preference_job("quiet"), preference_job("asked", probes=plan)
    run(quiet)
    events = run(asked)
    assert of_type(events, "probe-answered")
    assert weights(asked) == weights(quiet)


def test_a_chat_among_the_pairs_fails_the_run_with_its_row(preference_job: JobMaker, tmp_path: Path) -> None:
    file = write_rows(tmp_path / "mixed.jsonl", [PAIRS[0], {"messages": [{"role": "user", "content": "x"}]}])
    job = preference_job(training_file=str(file))
    assert run_attempt(job, lambda: load_base(Path(job.model_dir))) == 1
    last = json.loads((Path(job.attempt_dir) / "events.jsonl").read_text().splitlines()[-1])
    assert last["cause"] == "data_error"
    assert [row["row"] for row in last["rows"]] == [2]
