"""Tests of supervised training against plain TRL: the same tokens, seed and settings give the same loss at every step."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from datasets import Dataset
from trl import SFTConfig, SFTTrainer

from worker import trunk
from worker.adapters import ADAPTERS
from worker.batches import EpochSampler
from worker.conftest import FACTS, JobMaker, chat, write_rows
from worker.contract import TrainingJob
from worker.load import load_base
from worker.methods import supervised
from worker.packing import LayerCost, Packed, pack
from worker.testing import losses, run
from worker.train import check_rows

STEPS = 6
ROWS = [chat(f"{question} {'Please. ' * (at % 8)}", answer) for at, (question, answer) in enumerate(FACTS * 3)]


@pytest.fixture
def trajectory_job(make_job: JobMaker, tmp_path: Path) -> JobMaker:
    """Jobs of six steps of eight rows each: the second epoch begins with the fifth."""
    rows = str(write_rows(tmp_path / "rows.jsonl", [*ROWS, *ROWS, *ROWS[:2]]))

    def make(name: str, **fields: Any) -> TrainingJob:
        return make_job(
            name, **{"training_file": rows, "batch_size": 8, "lora_dropout": 0.0, "save_steps": 1000, "max_steps": STEPS, **fields}
        )

    return make


def order_of(job: TrainingJob) -> list[int]:
    """The places that the job reads, in order, epoch after epoch."""
    lengths = [len(example.token_ids_T) for example in check_rows(job, load_base(Path(job.model_dir))).training]
    sampler = EpochSampler(lengths, job.settings.batch_size, job.seed, job.settings.group_by_length)
    order: list[int] = []
    for epoch in range(2):
        sampler.set_epoch(epoch)
        order += list(sampler)
    return order


def trl_losses(job: TrainingJob, order: Sequence[int]) -> list[float]:
    """The loss of each step of TRL's SFTTrainer on the rows of the job, read in this order."""
    base = load_base(Path(job.model_dir))
    examples = check_rows(job, base).training
    transformers.set_seed(job.seed)
    torch.set_num_threads(1)
    model = ADAPTERS[job.adapter.type](base.model, job.adapter, job.model)
    rows = [{"input_ids": examples[place].token_ids_T, "labels": examples[place].labels_T} for place in order]
    settings = job.settings

    class InOrder(SFTTrainer):
        def _get_train_sampler(self, train_dataset: Any = None) -> Any:
            return torch.utils.data.SequentialSampler(self.train_dataset)  # pyright: ignore[reportArgumentType]

    arguments = SFTConfig(
        output_dir=job.attempt_dir, per_device_train_batch_size=settings.batch_size, max_steps=STEPS,
        gradient_accumulation_steps=settings.gradient_accumulation_steps, learning_rate=settings.learning_rate,
        lr_scheduler_type=settings.lr_scheduler_type, warmup_steps=1, weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_grad_norm, gradient_checkpointing=False, use_cpu=True, bf16=False, report_to="none", logging_steps=1,
        save_strategy="no", max_length=None, disable_tqdm=True,
    )  # fmt: skip
    trainer = InOrder(model=model, args=arguments, train_dataset=Dataset.from_list(rows), processing_class=base.tokenizer)
    trainer.train()
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


@pytest.fixture
def theirs(trajectory_job: JobMaker) -> list[float]:
    """What TRL loses on the rows in random order, eight at once."""
    job = trajectory_job("trl", group_by_length=False)
    return trl_losses(job, order_of(job))


def always(*batch: Any) -> Packed | None:
    """Packs whatever it costs."""
    token_ids_B_T, labels_B_T, lengths_B, _cost = batch
    return pack(token_ids_B_T, labels_B_T, lengths_B, LayerCost(token=1000, pair=0))


def never(*_batch: Any) -> Packed | None:
    """Leaves the rows side by side, padded."""
    return None


def test_every_step_has_the_loss_that_trl_has_however_the_rows_are_laid_out(
    trajectory_job: JobMaker, theirs: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert max(theirs) - min(theirs) > 0.5
    for name, how in {"packed": always, "padded": never, "cheaper": pack}.items():
        monkeypatch.setattr(supervised, "pack", how)
        ours = [loss for _, loss in losses(run(trajectory_job(name, group_by_length=False)))]
        assert ours == pytest.approx(theirs, abs=1e-5), name


def test_one_row_eight_times_accumulated_has_the_loss_that_trl_has_for_eight(trajectory_job: JobMaker, theirs: list[float]) -> None:
    job = trajectory_job("one-by-one", group_by_length=False, batch_size=1, gradient_accumulation_steps=8)
    assert [loss for _, loss in losses(run(job))] == pytest.approx(theirs, abs=1e-5)


def test_batches_of_rows_of_like_length_have_the_loss_that_trl_has_for_them(trajectory_job: JobMaker) -> None:
    job = trajectory_job("bucketed")
    ours = [loss for _, loss in losses(run(job))]
    assert ours == pytest.approx(trl_losses(job, order_of(job)), abs=1e-5)


def test_adapters_above_layers_whose_outputs_are_kept_have_the_loss_that_trl_has(
    trajectory_job: JobMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = trajectory_job("trl", layers_to_transform=[1])
    theirs = trl_losses(job, order_of(job))
    for name, how in {"packed": always, "padded": never}.items():
        for module in (supervised, trunk):
            monkeypatch.setattr(module, "pack", how)
        ours = [loss for _, loss in losses(run(trajectory_job(name, layers_to_transform=[1])))]
        assert ours == pytest.approx(theirs, abs=1e-5), name
