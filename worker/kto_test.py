"""Tests of KTO: the loss against TRL's trainer, step by step, and a whole run on a tiny model."""

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from datasets import Dataset
from trl import KTOConfig, KTOTrainer

from worker.adapters import ADAPTERS
from worker.conftest import JobMaker, of_type, write_rows
from worker.contract import TrainingJob
from worker.examples import IGNORED
from worker.load import BaseModel, load_base
from worker.preference_rows import Labelled, parse_labelled
from worker.preference_test import PAIRS, run
from worker.rows import RowRefused
from worker.train import check_rows

KTO: dict[str, Any] = {"type": "kto", "beta": 0.1, "desirable_weight": 1.0, "undesirable_weight": 1.5}
ROWS = [
    {
        "prompt": pair["input"]["messages"],
        "completion": pair["preferred_output" if at % 2 == 0 else "non_preferred_output"],
        "label": at % 2 == 0,
    }
    for at, pair in enumerate(PAIRS)
]


@pytest.fixture
def kto_job(make_job: JobMaker, tmp_path: Path) -> JobMaker:
    """Jobs over ten labelled answers, every second of them good."""
    training = str(write_rows(tmp_path / "labelled.jsonl", ROWS))

    def make(name: str = "run", **fields: Any) -> TrainingJob:
        return make_job(name, **{"training_file": training, "method": KTO, "lora_dropout": 0.0, "group_by_length": False, **fields})

    return make


def trl_losses(job: TrainingJob, base: BaseModel) -> list[float]:
    """The loss of each step of TRL's KTOTrainer on the same tokens; every batch holds its rows in their order."""
    transformers.set_seed(job.seed)
    examples = check_rows(job, base).training
    model = ADAPTERS[job.adapter.type](base.model, job.adapter, job.model)
    rows = []
    for example in examples:
        assert isinstance(example, Labelled)
        start = example.labels_T.count(IGNORED)
        rows.append({"prompt_ids": example.token_ids_T[:start], "completion_ids": example.token_ids_T[start:], "label": example.is_good})
    size = job.settings.batch_size
    for first in range(0, len(rows), size):
        batch = rows[first : first + size]
        for row, before in zip(batch, batch[-1:] + batch[:-1], strict=True):
            row["KL_completion_ids"] = before["completion_ids"]

    class InOrder(KTOTrainer):
        def _prepare_dataset(self, dataset: Any, *args: Any, **kwargs: Any) -> Any:
            return dataset

        def _get_train_sampler(self, train_dataset: Any = None) -> Any:
            return torch.utils.data.SequentialSampler(self.train_dataset)  # pyright: ignore[reportArgumentType]

    settings = job.settings
    arguments = KTOConfig(
        output_dir=job.attempt_dir, per_device_train_batch_size=size, max_steps=settings.max_steps or 1,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="constant", warmup_steps=0, weight_decay=settings.weight_decay, max_grad_norm=settings.max_grad_norm,
        gradient_checkpointing=False, use_cpu=True, bf16=False, report_to="none", logging_steps=1, save_strategy="no", max_length=None,
        disable_tqdm=True, beta=0.1, desirable_weight=1.0, undesirable_weight=1.5,
    )  # fmt: skip
    trainer = InOrder(model=model, args=arguments, train_dataset=Dataset.from_list(rows), processing_class=base.tokenizer)
    trainer.train()
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def test_every_step_has_the_loss_that_trl_has(kto_job: JobMaker, model_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from worker.batches import EpochSampler

    job = kto_job(lr_scheduler_type="constant", warmup_ratio=0.0, max_steps=4, learning_rate=1e-2)
    theirs = trl_losses(job, load_base(model_dir))
    # TRL pairs the answers of a batch before the rows are shuffled, so both read them in the order of the file.
    monkeypatch.setattr(EpochSampler, "__iter__", lambda self: iter(range(len(self))))
    ours = [event["loss"] for event in of_type(run(job), "run-step")]
    assert len(ours) == len(theirs) == 4
    assert max(theirs) - min(theirs) > 1e-3
    assert ours == pytest.approx(theirs, abs=1e-5)


def test_good_answers_become_likelier_than_the_others(kto_job: JobMaker) -> None:
    job = kto_job(n_epochs=12, learning_rate=1e-2, save_steps=1000, eval_steps=5, validation_file=kto_job().training_file)
    events = run(job)
    first, last = of_type(events, "run-evaluated")[0], of_type(events, "run-evaluated")[-1]
    assert last["loss"] < first["loss"]
    assert last["metrics"]["rewards/accuracies"] >= 0.9
    assert last["metrics"]["rewards/margins"] > first["metrics"]["rewards/margins"]


def test_a_preference_is_two_labelled_answers() -> None:
    good, bad = parse_labelled(3, PAIRS[0])
    assert (good.is_good, bad.is_good) == (True, False)
    assert good.prompt == bad.prompt
    assert good.row == bad.row == 3


def test_an_answer_without_a_label_is_refused() -> None:
    with pytest.raises(RowRefused, match='"label" is neither true nor false'):
        parse_labelled(1, {**ROWS[0], "label": "yes"})
