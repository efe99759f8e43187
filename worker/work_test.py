"""Tests of work.py: work is counted in the shapes that the trainer computes in."""

from pathlib import Path
from typing import Any

import pytest
import torch

from worker.adapters import ADAPTERS
from worker.conftest import JobMaker
from worker.load import load_base
from worker.methods import METHODS
from worker.packing import Packed, pack
from worker.schedule import in_batches
from worker.train import check_rows
from worker.work import WorkCounter
from worker.workbench import Workbench


def counter_and_trainer(make_job: JobMaker, **fields: Any) -> tuple[WorkCounter, Any, int]:
    job = make_job(**fields)
    base = load_base(Path(job.model_dir))
    rows = check_rows(job, base)
    model = ADAPTERS[job.adapter.type](base.model, job.adapter, job.model)
    bench = Workbench(model, base.tokenizer, rows.training, [], rows.vary, 4, "cpu", "fp32")
    trainer: Any = METHODS[job.method.type](job, bench)
    return WorkCounter(bench.base, rows.training, job, trainer.ahead is not None), trainer, len(rows.training)


def test_a_batch_counts_as_packed_exactly_where_the_trainer_packs_it(make_job: JobMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    counter, trainer, rows = counter_and_trainer(make_job)
    seen: list[Packed | None] = []

    def note(*arguments: Any) -> Packed | None:
        seen.append(pack(*arguments))
        return seen[-1]

    monkeypatch.setattr("worker.methods.supervised.pack", note)
    for batch in in_batches(range(rows), 3):
        with torch.no_grad():
            trainer._forward(trainer.data_collator([{"place": place} for place in batch]))
        padded = len(batch) * max(len(trainer._examples[place].token_ids_T) for place in batch)
        packed = seen[-1]
        alone = sum(counter.of_evaluation([[place]]) for place in batch)
        assert packed is None or packed.token_ids_1_T.shape[1] < padded
        if packed is not None:
            assert counter.of_evaluation([batch]) < alone
    assert any(seen)


def test_layers_that_are_kept_count_nothing_and_frozen_ones_below_count_once(make_job: JobMaker) -> None:
    whole, _, _ = counter_and_trainer(make_job)
    kept, _, _ = counter_and_trainer(make_job, layers_to_transform=[1])
    varied, _, _ = counter_and_trainer(make_job, layers_to_transform=[1], prompt_dropout=0.3)
    batches = [[0, 1], [2, 3]]
    assert kept.of_step(batches) < varied.of_step(batches) < whole.of_step(batches)
    assert whole.of_step(batches) == 2 * whole.of_evaluation(batches)
