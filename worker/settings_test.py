"""Tests of the settings of training: schedules, attention kernels, packing, noise, and what a report says beside the loss."""

import json
from pathlib import Path

import pytest
import torch
from transformers import get_scheduler

from worker.conftest import JobMaker, of_type
from worker.machine import peak_memory_bytes
from worker.memory_profile import MemoryProfile
from worker.rate_schedule import schedule_arguments, warmup_steps
from worker.testing import fail, losses, run

STEPS = 20


def rates(make_job: JobMaker, kind: str, **fields: object) -> list[float]:
    """The rate of every step, as a share of the peak."""
    settings = make_job(lr_scheduler_type=kind, **fields).settings
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    arguments = schedule_arguments(settings, STEPS)
    schedule = get_scheduler(kind, optimizer, warmup_steps(settings, STEPS), STEPS, scheduler_specific_kwargs=arguments)
    found: list[float] = []
    for _ in range(STEPS):
        found.append(float(schedule.get_last_lr()[0]))
        optimizer.step()
        schedule.step()
    return found


def test_every_schedule_rises_over_its_warm_up_and_ends_where_it_says(make_job: JobMaker) -> None:
    kinds = (
        "cosine linear constant_with_warmup cosine_with_restarts cosine_with_min_lr cosine_warmup_with_min_lr polynomial inverse_sqrt "
        "warmup_stable_decay"
    )
    for kind in kinds.split():
        found = rates(make_job, kind, warmup_steps=5)
        assert found[:5] == sorted(found[:5]) and found[0] < 0.3, kind
        assert max(found[4:]) == pytest.approx(1), kind
    assert rates(make_job, "constant") == [1] * STEPS
    assert rates(make_job, "cosine_with_min_lr", lr_min_rate=0.3, warmup_steps=0)[-1] == pytest.approx(0.3, abs=0.01)
    stable = rates(make_job, "warmup_stable_decay", lr_min_rate=0.0, lr_decay_ratio=0.25, warmup_steps=5)
    assert stable[5:15] == [1] * 10 and stable[-1] < 0.2
    # A rise that leaves no room for the fall.
    assert rates(make_job, "warmup_stable_decay", lr_decay_ratio=1.0, warmup_steps=15)[-1] < 1
    restarts = rates(make_job, "cosine_with_restarts", lr_num_cycles=2, warmup_steps=0)
    assert restarts[0] == restarts[10] == 1 and restarts[9] < 0.1
    square, line = rates(make_job, "polynomial", lr_power=2.0, warmup_steps=0), rates(make_job, "linear", warmup_steps=0)
    assert square == pytest.approx([share**2 for share in line])


def test_a_run_follows_its_schedule(make_job: JobMaker) -> None:
    events = run(make_job(lr_scheduler_type="warmup_stable_decay", lr_decay_ratio=0.3, lr_min_rate=0.0, warmup_steps=2, learning_rate=1e-3))
    told = [event["learning_rate"] for event in of_type(events, "run-step")]
    assert told[0] == 0 and told[2:8] == [1e-3] * 6 and told[-1] < 1e-3


def test_attention_kernels_say_the_same_and_one_that_is_not_there_is_refused(make_job: JobMaker) -> None:
    usual = losses(run(make_job("usual", max_steps=2, lora_dropout=0.0)))
    for kernel in ("eager", "sdpa"):
        found = losses(run(make_job(kernel, max_steps=2, lora_dropout=0.0, attn_implementation=kernel)))
        assert [loss for _, loss in found] == pytest.approx([loss for _, loss in usual], rel=1e-4)
    if not torch.cuda.is_available():
        last = fail(make_job("flash", attn_implementation="flash_attention_2"), "config_error")
        assert last["message"].startswith("attn_implementation: flash_attention_2 needs a GPU")


def test_packing_changes_the_work_not_the_training(make_job: JobMaker) -> None:
    packed = losses(run(make_job("packed", max_steps=4, lora_dropout=0.0)))
    padded = losses(run(make_job("padded", max_steps=4, lora_dropout=0.0, packing=False)))
    assert [loss for _, loss in padded] == pytest.approx([loss for _, loss in packed], rel=1e-4)


@pytest.mark.parametrize("layers", [None, [1]], ids=["all layers", "last layer"])
def test_noise_on_the_embeddings_is_there_while_training_and_not_while_evaluating(make_job: JobMaker, layers: list[int] | None) -> None:
    fields = {"max_steps": 1, "lora_dropout": 0.0, "learning_rate": 1e-9, "layers_to_transform": layers}
    fields |= {"validation_file": make_job().training_file}
    plain, noisy = run(make_job("plain", **fields)), run(make_job("noisy", neftune_noise_alpha=5.0, **fields))
    assert abs(losses(noisy)[0][1] - losses(plain)[0][1]) > 1e-3
    assert noisy[-1]["evaluation"]["loss"] == pytest.approx(plain[-1]["evaluation"]["loss"], rel=1e-5)


def test_each_report_names_the_rows_that_were_read(make_job: JobMaker) -> None:
    events = run(make_job(gradient_accumulation_steps=2, logging_steps=2))
    told = [event["rows"] for event in of_type(events, "run-step")]
    # 10 rows, two at a time: an epoch is three steps of four, four and two rows.
    assert [len(rows) for rows in told] == [8, 6, 6]
    assert sorted(row for rows in told for row in rows) == sorted([*range(1, 11)] * 2)


def test_each_phase_tells_the_most_memory_it_held(make_job: JobMaker) -> None:
    events = run(make_job(validation_file=make_job().training_file))
    peaks = of_type(events, "memory-profiled")[-1]["peaks"]
    assert set(peaks) == {"loading", "checking", "training", "evaluating", "saving"}
    assert all(peak > 50 << 20 for peak in peaks.values())
    assert events[-1]["peak_memory_bytes"] >= max(peaks.values())


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux sets a peak back")
def test_a_phase_does_not_count_what_an_earlier_one_held() -> None:
    profile = MemoryProfile()
    profile.enter("loading")
    held = bytearray(b"x" * (100 << 20))
    profile.enter("training")
    del held
    before = peak_memory_bytes()
    profile.enter("saving")
    profile.enter(None)
    assert profile.peaks["loading"] >= profile.peaks["saving"] + (90 << 20)
    assert profile.peak >= before, json.dumps(profile.peaks)
