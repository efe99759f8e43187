"""Tests of LoRA's options: each begins as the base model, learns, and is served with the scale that it was trained with."""

import json
import math
from pathlib import Path
from typing import Any

import gguf
import pytest
import torch

from worker.adapters import ADAPTERS
from worker.conftest import JobMaker
from worker.load import load_base
from worker.testing import losses, run


@pytest.mark.parametrize(
    "options",
    [{"init_lora_weights": "gaussian"}, {"init_lora_weights": "orthogonal"}, {"use_rslora": True}],
    ids=["gaussian", "orthogonal", "rslora"],
)
def test_an_option_begins_as_the_base_model_and_learns(make_job: JobMaker, model_dir: Path, options: dict[str, Any]) -> None:
    job = make_job(n_epochs=15, learning_rate=1e-2, lora_dropout=0.0, save_steps=1000, **options)
    token_ids_1_T = torch.tensor([[1, 5, 6, 7]])
    base = load_base(model_dir)
    before = base.model(token_ids_1_T).logits
    adapted = ADAPTERS["lora"](base.model, job.adapter, "tiny")
    assert torch.allclose(adapted(token_ids_1_T).logits, before, atol=1e-5)
    seen = losses(run(job))
    assert seen[-1][1] < seen[0][1] / 3


def test_a_rank_stabilised_update_is_served_with_alpha_over_the_root_of_the_rank(make_job: JobMaker) -> None:
    job = make_job(use_rslora=True, max_steps=2)
    run(job)
    folder = Path(job.output_dir) / "adapter"
    config = json.loads((folder / "adapter_config.json").read_text())
    assert (config["use_rslora"], config["lora_alpha"]) == (True, 8.0)
    reader = gguf.GGUFReader(folder / "adapter.gguf")
    rank = min(reader.tensors[0].shape)
    alpha = reader.fields["adapter.lora.alpha"].contents()
    assert alpha / rank == pytest.approx(8.0 / math.sqrt(4))
