"""Tests of train.py: whole attempts on a tiny model, from rows to adapter, with all the ways in which they end."""

import hashlib
import json
import os
import resource
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from worker.checkpoints import verify
from worker.conftest import FACTS, JobMaker, chat, in_child, of_type, read_events, write_rows
from worker.load import load_base
from worker.progress import Progress
from worker.testing import ask, ask_at_step, fail, losses, run, weights
from worker.train import FAILED, run_attempt


def test_a_run_goes_from_rows_to_an_adapter_that_can_be_loaded_and_served(make_job: JobMaker) -> None:
    job = make_job(validation_file=str(Path(make_job().training_file).with_name("valid.jsonl")))
    events = run(job)
    checked = of_type(events, "data-checked")[0]
    ended = events[-1]
    assert (checked["rows"], checked["total_steps"]) == (10, 10)
    assert [event["step"] for event in of_type(events, "run-step")] == list(range(1, 11))
    assert ended["type"] == "run-ended"
    assert ended["trained_tokens"] == 2 * checked["total_tokens"]
    assert ended["evaluation"] == {key: of_type(events, "run-evaluated")[-1][key] for key in ended["evaluation"]}
    manifest = verify(Path(job.output_dir) / ended["path"])
    assert {file.path for file in manifest.files} == {"adapter_model.safetensors", "adapter_config.json", "adapter.gguf"}
    assert hashlib.sha256((Path(job.output_dir) / "adapter" / "manifest.json").read_bytes()).hexdigest() == ended["manifest_sha256"]


def test_it_learns(make_job: JobMaker) -> None:
    events = run(make_job(n_epochs=30, learning_rate=1e-2, lora_dropout=0.0, save_steps=1000))
    assert losses(events)[-1][1] < losses(events)[0][1] / 5
    assert of_type(events, "run-step")[-1]["mean_token_accuracy"] > 0.9


def test_the_saved_adapter_is_what_peft_loads(make_job: JobMaker, model_dir: Path) -> None:
    from peft import PeftModel

    job = make_job()
    run(job)
    base = load_base(model_dir).model
    ids = torch.tensor([[1, 5, 6, 7]])
    before = base(ids).logits
    adapted = PeftModel.from_pretrained(base, str(Path(job.output_dir) / "adapter"))
    assert not torch.allclose(adapted(ids).logits, before)
    assert model_dir.name not in (Path(job.output_dir) / "adapter" / "adapter_config.json").read_text()


def test_four_rows_at_once_or_one_by_one_accumulated_is_the_same_training(make_job: JobMaker) -> None:
    same = {"lora_dropout": 0.0, "group_by_length": False, "save_steps": 1000}
    at_once = run(make_job("at-once", batch_size=4, **same))
    one_by_one = run(make_job("one-by-one", batch_size=1, gradient_accumulation_steps=4, **same))
    assert len(losses(at_once)) == len(losses(one_by_one)) == 6
    for (_, left), (_, right) in zip(losses(at_once), losses(one_by_one), strict=True):
        assert left == pytest.approx(right, rel=1e-4)


def test_gradient_checkpointing_changes_memory_not_training(make_job: JobMaker) -> None:
    plain = run(make_job("plain", lora_dropout=0.0, max_steps=4))
    thrifty = run(make_job("thrifty", lora_dropout=0.0, max_steps=4, gradient_checkpointing=True))
    assert [loss for _, loss in losses(thrifty)] == pytest.approx([loss for _, loss in losses(plain)], rel=1e-4)


def test_bf16_learns_about_as_fp32_does(make_job: JobMaker) -> None:
    fields = {"n_epochs": 10, "learning_rate": 1e-2, "lora_dropout": 0.0, "save_steps": 1000}
    full = losses(run(make_job("fp32", **fields)))
    half = losses(run(make_job("bf16", precision="bf16", **fields)))
    assert half != full
    assert half[-1][1] == pytest.approx(full[-1][1], rel=0.25)


def test_a_run_is_the_same_every_time(make_job: JobMaker) -> None:
    first, second = make_job("first"), make_job("second")
    assert losses(run(first)) == losses(run(second))
    assert weights(first) == weights(second)
    assert losses(run(make_job("other", seed=8))) != losses(read_events(first))


def test_every_epoch_reads_the_rows_in_another_order(make_job: JobMaker) -> None:
    seen = [round(loss, 3) for _, loss in losses(run(make_job(batch_size=1, lora_dropout=0.0, learning_rate=1e-9)))]
    assert sorted(seen[:10]) == sorted(seen[10:])
    assert seen[:10] != seen[10:]


@pytest.mark.parametrize("step", [2, 5, 7])
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"layers_to_transform": [1]},
        {"layers_to_transform": [1], "prompt_dropout": 0.3},
        {"gradient_accumulation_steps": 2, "n_epochs": 4},
        {"batch_size": 3, "group_by_length": False, "lr_scheduler_type": "linear", "eval_steps": 2, "n_epochs": 3},
    ],
    ids=["all layers", "last layer", "prompt dropout", "accumulation", "evaluation"],
)
def test_a_resumed_run_is_the_uninterrupted_run_to_the_last_bit(
    make_job: JobMaker, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], step: int
) -> None:
    fields = {**fields, "validation_file": make_job().training_file if "eval_steps" in fields else None}
    straight = make_job("straight", **fields)
    whole = run(straight)
    first = make_job("broken", **fields)
    with monkeypatch.context() as pressed:
        ask_at_step(pressed, first, "pause", step)
        before = run(first)
    assert (before[-1]["type"], before[-1]["step"]) == ("run-paused", step)
    # The next attempt may well find the random numbers of its process elsewhere.
    torch.manual_seed(12345)
    second = make_job("broken", attempt=2, resume_from=str(Path(first.output_dir) / before[-1]["path"]), **fields)
    after = run(second)
    assert losses(before) + losses(after) == losses(whole)
    assert weights(second) == weights(straight)
    for key in ("trained_tokens", "train_loss", "best_step", "evaluation"):
        assert after[-1][key] == whole[-1][key], key


def test_a_killed_attempt_is_gone_on_from_its_last_checkpoint_to_the_same_adapter(
    make_job: JobMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight = make_job("straight", save_steps=3)
    run(straight)
    killed = make_job("killed", save_steps=3)

    def die(self: Progress, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == 7:
            os.kill(os.getpid(), signal.SIGKILL)

    with monkeypatch.context() as patched:
        patched.setattr(Progress, "on_pre_optimizer_step", die)
        assert in_child(lambda: run(killed)) == (None, signal.SIGKILL)
    saved = of_type(read_events(killed), "checkpoint-saved")
    assert [event["step"] for event in saved] == [3, 6]
    second = make_job("killed", attempt=2, save_steps=3, resume_from=str(Path(killed.output_dir) / saved[-1]["path"]))
    assert run(second)[-1]["type"] == "run-ended"
    assert weights(second) == weights(straight)


def test_pause_leaves_a_checkpoint_and_no_adapter(make_job: JobMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    job = make_job(save_steps=1000)
    ask_at_step(monkeypatch, job, "pause", 3)
    last = run(job)[-1]
    assert last["type"] == "run-paused"
    verify(Path(job.output_dir) / last["path"])
    assert not (Path(job.output_dir) / "adapter").exists()


def test_cancel_keeps_what_there_is(make_job: JobMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    job = make_job(save_steps=1000)
    ask_at_step(monkeypatch, job, "cancel", 4)
    last = run(job)[-1]
    assert (last["type"], last["step"], last["path"]) == ("run-cancelled", 4, "checkpoints/step-4")
    verify(Path(job.output_dir) / last["path"])


def test_a_run_cancelled_before_its_first_step_trains_nothing(make_job: JobMaker) -> None:
    job = make_job()
    ask(job, "cancel")
    events = run(job)
    assert (events[-1]["type"], events[-1]["path"]) == ("run-cancelled", None)
    assert of_type(events, "run-step") == []


def test_a_pause_that_comes_with_the_last_step_is_too_late(make_job: JobMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    job = make_job()
    ask_at_step(monkeypatch, job, "pause", 10)
    assert run(job)[-1]["type"] == "run-ended"


def test_every_bad_row_of_both_files_is_told_before_anything_starts(make_job: JobMaker, tmp_path: Path) -> None:
    training = write_rows(tmp_path / "bad.jsonl", [chat("a", "b"), b"{", chat("c", "d " * 200), {"messages": []}])
    validation = write_rows(tmp_path / "bad-valid.jsonl", [chat("a", "b"), b"["])
    job = make_job(training_file=str(training), validation_file=str(validation))
    last = fail(job, "data_error")
    assert last["row_count"] == 4
    assert [row["row"] for row in last["rows"]] == [2, 3, 4, 2]
    assert "limit is 128" in last["rows"][1]["reason"]
    assert last["rows"][3]["reason"].startswith("validation file: broken JSON")
    assert of_type(read_events(job), "run-step") == []


@pytest.mark.parametrize("content", [b"", b"\n\n"])
def test_a_file_without_rows_is_refused(make_job: JobMaker, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "empty.jsonl").write_bytes(content)
    assert "no rows" in fail(make_job(training_file=str(tmp_path / "empty.jsonl")), "data_error")["message"]


def test_a_file_that_is_not_there_is_refused(make_job: JobMaker) -> None:
    assert "cannot be read" in fail(make_job(training_file="/nowhere/rows.jsonl"), "data_error")["message"]


def test_max_seq_length_refuses_rows_that_the_model_would_take(make_job: JobMaker) -> None:
    assert "limit is 20" in fail(make_job(max_seq_length=20), "data_error")["rows"][0]["reason"]


def test_names_and_layers_that_match_nothing_are_refused_with_those_that_would(make_job: JobMaker) -> None:
    assert "c_attn; it has down_proj" in fail(make_job("a", target_modules=["q_proj", "c_attn"]), "config_error")["message"]
    assert "layers 0 to 1, not 7" in fail(make_job("b", layers_to_transform=[1, 7]), "config_error")["message"]
    assert "needs a GPU" in fail(make_job("c", precision="fp16"), "config_error")["message"]


def test_a_model_that_cannot_be_loaded_fails_the_run_as_model_error(make_job: JobMaker) -> None:
    assert "/nowhere" in fail(make_job(model_dir="/nowhere"), "model_error")["message"]


@pytest.fixture
def poisoned(model_dir: Path, tmp_path: Path) -> Path:
    """A copy of the model that says NaN as soon as it reads the letter Z."""
    folder = Path(shutil.copytree(model_dir, tmp_path / "poisoned"))
    base = load_base(folder)
    state = safetensors.torch.load_file(folder / "model.safetensors")
    state["model.embed_tokens.weight"][base.tokenizer("Z", add_special_tokens=False)["input_ids"]] = float("nan")
    safetensors.torch.save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    base.model.config.tie_word_embeddings = False
    config = json.loads((folder / "config.json").read_text())
    config["tie_word_embeddings"] = False
    (folder / "config.json").write_text(json.dumps(config))
    head = safetensors.torch.load_file(model_dir / "model.safetensors")["model.embed_tokens.weight"]
    safetensors.torch.save_file({**state, "lm_head.weight": head}, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def test_nan_stops_the_run_at_once_and_the_last_good_checkpoint_stays(make_job: JobMaker, poisoned: Path, tmp_path: Path) -> None:
    # Sorted by length within an epoch of one row a batch, the order is known from a run that finds no poison.
    rows = [chat(question, answer) for question, answer in FACTS]
    write_rows(tmp_path / "clean.jsonl", rows)
    fields = {"model_dir": str(poisoned), "batch_size": 1, "save_steps": 1, "n_epochs": 1, "save_total_limit": 10}
    assert run(make_job("clean", training_file=str(tmp_path / "clean.jsonl"), **fields))[-1]["type"] == "run-ended"
    write_rows(tmp_path / "poison.jsonl", [*rows[:4], chat("Z?", rows[4]["messages"][1]["content"])])
    job = make_job("poison", training_file=str(tmp_path / "poison.jsonl"), **{**fields, "seed": _seed_with_last_row_late()})
    last = fail(job, "nan")
    events = read_events(job)
    steps = of_type(events, "run-step")
    assert "loss became nan" in last["message"]
    assert 1 <= len(steps) < 5
    assert [event["step"] for event in of_type(events, "checkpoint-saved")] == [event["step"] for event in steps]
    tensors = safetensors.torch.load_file(Path(job.output_dir) / f"checkpoints/step-{len(steps)}" / "adapter_model.safetensors")
    assert all(torch.isfinite(tensor).all() for tensor in tensors.values())


def _seed_with_last_row_late() -> int:
    """A seed for which the fifth of five rows is not the first to be trained on."""
    from worker.batches import EpochSampler

    return next(seed for seed in range(100) if list(EpochSampler([30, 30, 30, 30, 30], 1, seed, False)).index(4) >= 2)


def test_the_best_checkpoint_is_kept_when_newer_ones_push_it_out(make_job: JobMaker, tmp_path: Path) -> None:
    other = write_rows(tmp_path / "other.jsonl", [chat(question, "ZZZ QQQ " * 3) for question, _ in FACTS])
    fields = {"n_epochs": 12, "save_steps": 5, "eval_steps": 5, "save_total_limit": 1, "learning_rate": 2e-2}
    job = make_job(validation_file=str(other), lr_scheduler_type="constant", **fields)
    events = run(job)
    last = events[-1]["step"]
    evaluated = {event["step"]: event["loss"] for event in of_type(events, "run-evaluated")}
    best = min(evaluated, key=lambda step: evaluated[step])
    assert events[-1]["best_step"] == best
    assert best < last  # it overfits, so the case at hand is there
    kept = sorted(path.name for path in (Path(job.output_dir) / "checkpoints").iterdir())
    assert kept == sorted({f"step-{best}", f"step-{last}"})
    gone = {event["path"] for event in of_type(events, "checkpoint-removed")}
    assert gone == {f"checkpoints/step-{step}" for step in range(5, last, 5)} - {f"checkpoints/step-{best}"}


def test_the_evaluation_is_the_mean_over_tokens_whatever_the_batch(make_job: JobMaker) -> None:
    valid = str(Path(make_job().training_file).with_name("valid.jsonl"))
    one = run(make_job("one", validation_file=valid, learning_rate=1e-9, batch_size=1, max_steps=1))
    all_at_once = run(make_job("all", validation_file=valid, learning_rate=1e-9, batch_size=5, max_steps=1))
    left, right = (of_type(events, "run-evaluated")[0] for events in (one, all_at_once))
    assert left["loss"] == pytest.approx(right["loss"], rel=1e-4)
    assert left["perplexity"] == pytest.approx(2.718281828 ** left["loss"], rel=1e-4)


@pytest.mark.parametrize("name", ["adapter_model.safetensors", "optimizer.safetensors", "state.json", "trainer_state.json"])
@pytest.mark.parametrize("harm", ["flip", "cut", "remove"])
def test_a_harmed_checkpoint_is_an_error_never_a_fresh_start(make_job: JobMaker, name: str, harm: str) -> None:
    job = make_job(max_steps=2, save_steps=1)
    run(job)
    path = Path(job.output_dir) / "checkpoints/step-1" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content if harm == "flip" else content[:-1])
    if harm == "remove":
        path.unlink()
    again = make_job(attempt=2, max_steps=2, save_steps=1, resume_from=str(path.parent))
    fail(again, "checkpoint_corrupt")
    assert of_type(read_events(again), "run-step") == []


def test_a_run_is_not_gone_on_with_other_rows(make_job: JobMaker) -> None:
    job = make_job(max_steps=2, save_steps=1)
    run(job)
    write_rows(Path(job.training_file), [chat("a", "b"), chat("c", "d"), chat("e", "f")])
    again = make_job(attempt=2, max_steps=2, save_steps=1, resume_from=str(Path(job.output_dir) / "checkpoints/step-1"))
    assert "other rows" in fail(again, "config_error")["message"]


def test_a_full_disk_is_told_and_what_was_saved_is_kept(make_job: JobMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    job = make_job(save_steps=2)
    real, calls = os.fsync, 0

    def full(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls > 10:  # within the second checkpoint
            raise OSError(28, "No space left on device")
        real(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        fail(job, "disk_full")
    saved = of_type(read_events(job), "checkpoint-saved")
    assert [event["step"] for event in saved] == [2]
    verify(Path(job.output_dir) / "checkpoints/step-2")
    assert sorted(path.name for path in (Path(job.output_dir) / "checkpoints").iterdir()) == ["step-2"]


def test_no_memory_is_told_as_oom(make_job: JobMaker, tmp_path: Path) -> None:
    write_rows(tmp_path / "wide.jsonl", [chat("a " * 30, "b " * 20) for _ in range(256)])
    job = make_job(training_file=str(tmp_path / "wide.jsonl"), batch_size=256, r=512, max_steps=1)

    def starve() -> None:
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + (24 << 20), resource.RLIM_INFINITY))
        run_attempt(job, lambda: load_base(Path(job.model_dir)))

    in_child(starve)
    last = read_events(job)[-1]
    assert (last["type"], last["cause"]) == ("run-failed", "oom")


def test_a_bug_ends_the_run_as_crashed_with_the_way_to_its_traceback(make_job: JobMaker) -> None:
    job = make_job()
    code = run_attempt(job, lambda: 1 / 0)  # pyright: ignore[reportArgumentType]
    last = read_events(job)[-1]
    assert (code, last["cause"]) == (FAILED, "crashed")
    assert last["message"] == f"ZeroDivisionError: division by zero. The traceback is in {job.attempt_dir}/worker.log."


def test_a_run_is_trained_by_the_template_it_is_given_and_on_plain_text(make_job: JobMaker, tmp_path: Path) -> None:
    template = "{% for m in messages %}{{ m.content }}{% if m.role == 'assistant' %}{{ eos_token }}{% else %}: {% endif %}{% endfor %}"
    by_model = of_type(run(make_job("by-model", max_steps=1)), "data-checked")[0]
    by_template = of_type(run(make_job("by-template", max_steps=1, chat_template=template)), "data-checked")[0]
    assert by_template["total_tokens"] < by_model["total_tokens"]
    write_rows(tmp_path / "text.jsonl", [{"text": f"Pell lives in house {number}."} for number in range(4)])
    events = run(make_job("text", training_file=str(tmp_path / "text.jsonl"), prompt_dropout=0.3, n_epochs=1))
    assert events[-1]["type"] == "run-ended"
    assert of_type(events, "data-checked")[0]["trained_tokens"] == of_type(events, "data-checked")[0]["total_tokens"] - 4
