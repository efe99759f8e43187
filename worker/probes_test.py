"""Tests of probes.py: what a model in training answers, and that nobody could tell from its training that it was asked."""

import json
import random
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import PeftModel

from worker.checkpoints import verify
from worker.conftest import FACTS, JobMaker, chat, of_type, read_events, write_rows
from worker.contract import ProbeDelta, ProbePlan, TrainingJob
from worker.greedy import Greedy, Prompt, Reply
from worker.load import load_base
from worker.probe_budget import ProbeBudget
from worker.probe_talk import Talk
from worker.progress import Progress
from worker.testing import ask, ask_at_step, losses, read_rows, run, weights

QUESTION = FACTS[2][0]


def probe(probe_id: str, question: str, reference: str | None = None, origin: str = "chosen") -> dict[str, Any]:
    return {"id": probe_id, "origin": origin, "messages": [{"role": "user", "content": question}], "reference": reference}


def plan(pinned: list[dict[str, Any]] | None = None, **fields: Any) -> dict[str, Any]:
    """Half of the time may go into probes: the tiny model's steps are short."""
    usual = {"max_tokens": 12, "budget_share": 0.5, "automatic": True, "pinned": pinned or [], "answered_base": []}
    return ProbePlan.model_validate({**usual, **fields}).model_dump()


def wish(job: TrainingJob, pinned: Any = (), removed: Any = (), questions: Any = ()) -> None:
    asked = [{"probe": question, "asked_at": 1.5} for question in questions]
    temporary = Path(job.attempt_dir) / "probes.tmp"
    temporary.write_text(json.dumps({"pinned": list(pinned), "removed": list(removed), "questions": asked}))
    temporary.rename(Path(job.attempt_dir) / "probes.json")


def at_step(monkeypatch: pytest.MonkeyPatch, step: int, action: Callable[[], None]) -> None:
    """Somebody acts while the given step runs."""
    real = Progress.on_step_begin

    def act(self: Progress, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == step - 1:
            action()
        real(self, args, state, control, **kwargs)

    monkeypatch.setattr(Progress, "on_step_begin", act)


def answers(events: list[dict[str, Any]], lane: str) -> list[dict[str, Any]]:
    return [event for event in of_type(events, "probe-answered") if event["lane"] == lane]


def deltas(job: TrainingJob) -> list[ProbeDelta]:
    lines = (Path(job.attempt_dir) / "probe-tokens.jsonl").read_text().splitlines()
    return [ProbeDelta.model_validate_json(line) for line in lines]


@pytest.mark.parametrize(
    "fields",
    [
        {"lora_dropout": 0.2},
        {"lora_dropout": 0.2, "prompt_dropout": 0.4, "layers_to_transform": [1]},
        {"layers_to_transform": [1], "eval_steps": 2, "gradient_checkpointing": True},
        {"precision": "bf16", "gradient_accumulation_steps": 2, "n_epochs": 4},
    ],
    ids=["all layers", "prompt dropout", "trunk and evaluation", "bf16"],
)
def test_training_is_the_same_to_the_last_bit_with_probes_without_and_when_asked(
    make_job: JobMaker, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any]
) -> None:
    fields = {**fields, "validation_file": make_job().training_file if "eval_steps" in fields else None, "save_steps": 3}
    without, beside, asked = (make_job(name, **fields) for name in ("without", "beside", "asked"))
    quiet = run(without)
    beside = beside.model_copy(update={"probes": ProbePlan.model_validate(plan([probe("probe-1", QUESTION, FACTS[2][1])]))})
    asked = asked.model_copy(update={"probes": ProbePlan.model_validate(plan())})
    loud = run(beside)
    with monkeypatch.context() as patched:
        at_step(patched, 4, lambda: wish(asked, questions=[probe("probe_x", "Who are you?", origin="asked")]))
        busy = run(asked)
    assert len(answers(loud, "live")) >= 12
    assert [answer["probe_id"] for answer in answers(busy, "live")].count("probe_x") == 1
    assert losses(loud) == losses(busy) == losses(quiet)
    assert weights(beside) == weights(asked) == weights(without)
    for event in ("run-evaluated", "checkpoint-saved"):
        kept = ("step", "loss", "train_loss", "evaluation")
        figures = [[{key: one.get(key) for key in kept} for one in of_type(events, event)] for events in (quiet, loud, busy)]
        assert figures[0] == figures[1] == figures[2]


def test_a_run_is_asked_rows_of_its_validation_file_something_off_its_subject_and_something_to_refuse(make_job: JobMaker) -> None:
    file = str(Path(make_job().training_file).with_name("valid.jsonl"))
    events = run(make_job(validation_file=file, probes=plan([probe("probe-1", QUESTION)])))
    added = [event["probe"] for event in of_type(events, "probe-added")]
    assert [one["origin"] for one in added] == ["validation", "validation", "validation", "off_domain", "should_refuse"]
    assert len({one["id"] for one in added} | {"probe-1"}) == 6
    rows = [json.loads(line)["messages"] for line in Path(file).read_text().splitlines()]
    for one in added[:3]:
        assert {"role": "assistant", "content": one["reference"]} in [row[-1] for row in rows]
    assert {answer["probe_id"] for answer in answers(events, "base")} == {answer["probe_id"] for answer in answers(events, "live")}
    assert len({answer["probe_id"] for answer in answers(events, "live")}) == 6


def test_there_are_never_more_than_eight(make_job: JobMaker) -> None:
    chosen = [probe(f"probe-{number}", f"Is it {number}?") for number in range(1, 7)]
    events = run(make_job(probes=plan(chosen)))
    assert [event["probe"]["origin"] for event in of_type(events, "probe-added")] == ["training", "training"]


def test_the_base_answers_without_the_adapter_and_the_checkpoint_as_the_weights_that_were_saved(
    make_job: JobMaker, model_dir: Path
) -> None:
    job = make_job(save_steps=5, learning_rate=5e-2, probes=plan([probe("probe-1", QUESTION, FACTS[2][1])], automatic=False))
    events = run(job)
    saved = answers(events, "checkpoint")
    assert saved
    assert {answer["step"] for answer in saved} <= {5, 10}
    base = load_base(model_dir)
    end_ids = {2, 0, 1}
    from worker.examples import ExampleMaker

    asked, reference = ExampleMaker(base.tokenizer, 128).make_prompt([{"role": "user", "content": QUESTION}], FACTS[2][1])

    def says(model: Any) -> tuple[str, float]:
        with torch.no_grad():
            said = model.generate(torch.tensor([asked]), max_new_tokens=12, do_sample=False, eos_token_id=sorted(end_ids), pad_token_id=0)
            labels = torch.tensor([[-100] * len(asked) + reference])
            loss = model(torch.tensor([asked + reference]), labels=labels).loss
        text = base.tokenizer.decode(said[0, len(asked) :], skip_special_tokens=True)
        return str(text), float(loss)

    (plain,) = answers(events, "base")
    assert (plain["text"], plain["reference_loss"]) == (says(base.model)[0], pytest.approx(says(base.model)[1], rel=1e-4))
    last = saved[-1]
    folder = Path(job.output_dir) / "checkpoints" / f"step-{last['step']}"
    text, loss = says(PeftModel.from_pretrained(base.model, str(folder)).eval())
    assert (last["text"], last["reference_loss"]) == (text, pytest.approx(loss, rel=1e-4))


def test_what_is_asked_in_mid_step_is_answered_by_the_weights_of_the_last_one_token_by_token(
    make_job: JobMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(probes=plan(budget_share=0.0, automatic=False))
    at_step(monkeypatch, 4, lambda: wish(job, questions=[probe("probe_x", "Who are you?", origin="asked"), probe("probe_y", QUESTION)]))
    events = run(job)
    live = answers(events, "live")
    assert [(answer["probe_id"], answer["step"]) for answer in live] == [("probe_x", 3), ("probe_y", 3)]
    assert live[0]["waited_seconds"] > 1000  # asked in 1970
    told = [delta for delta in deltas(job) if delta.probe_id == "probe_x"]
    assert "".join(delta.text for delta in told) == live[0]["text"]
    assert [delta.done for delta in told] == [False] * (len(told) - 1) + [True]
    told_before = [event["step"] for event in of_type(events[: events.index(live[0])], "run-step")]
    assert told_before == [1, 2, 3]


def test_the_seconds_of_a_step_are_without_what_was_answered_in_the_middle_of_it(
    make_job: JobMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(probes=plan(budget_share=0.0, automatic=False))
    real = Talk.advance

    def slow(self: Talk) -> Any:
        time.sleep(0.5)
        return real(self)

    monkeypatch.setattr(Talk, "advance", slow)
    at_step(monkeypatch, 4, lambda: wish(job, questions=[probe("probe_x", "Who are you?", origin="asked")]))
    events = run(job)
    [answer] = answers(events, "live")
    assert answer["step"] == 3
    assert of_type(events, "run-step")[3]["step_seconds"] < 0.5


def test_a_question_that_comes_while_others_are_answered_does_not_wait_for_them(
    make_job: JobMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(probes=plan([probe("probe-1", QUESTION)], automatic=False))
    real = Talk.advance

    def interrupt(self: Talk) -> Any:
        if self.lane == "base" and len(self.pass_seconds) == 1:
            wish(job, questions=[probe("probe_x", "Who are you?", origin="asked")])
        return real(self)

    monkeypatch.setattr(Talk, "advance", interrupt)
    order = [(answer["probe_id"], answer["lane"]) for answer in of_type(run(job), "probe-answered")]
    assert order.index(("probe_x", "live")) < order.index(("probe-1", "base"))


def test_a_pinned_probe_may_come_and_go(make_job: JobMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    job = make_job(n_epochs=6, probes=plan([probe("probe-1", QUESTION)], automatic=False))
    late = probe("probe_late", "Does it whistle?")
    at_step(monkeypatch, 3, lambda: wish(job, pinned=[late]))
    at_step(monkeypatch, 15, lambda: wish(job, pinned=[late], removed=["probe-1"]))
    events = run(job)
    steps = {one: [answer["step"] for answer in answers(events, "live") if answer["probe_id"] == one] for one in ("probe-1", "probe_late")}
    # It is asked at once, and that is in the middle of a step.
    assert steps["probe_late"][0] == 2
    assert max(steps["probe-1"]) <= 15 < max(steps["probe_late"])
    assert [answer["probe_id"] for answer in answers(events, "base")] == ["probe-1", "probe_late"]


def test_a_probe_that_the_model_cannot_be_asked_is_taken_off_with_the_reason(make_job: JobMaker) -> None:
    events = run(make_job(probes=plan([probe("probe-1", "Why? " * 200), probe("probe-2", QUESTION)], automatic=False)))
    (removed,) = of_type(events, "probe-removed")
    assert removed["probe_id"] == "probe-1"
    assert "the limit is 128" in removed["reason"]
    assert {answer["probe_id"] for answer in answers(events, "live")} == {"probe-2"}


def test_probes_that_fail_end_and_the_run_goes_on_as_if_they_had_never_been(make_job: JobMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = make_job("plain")
    run(plain)
    job = make_job("failing", probes=plan())

    def fail(self: Talk) -> Any:
        _ = (torch.rand(3), random.random(), np.random.rand())
        raise RuntimeError("no memory for this")

    monkeypatch.setattr(Talk, "advance", fail)
    events = run(job)
    (warning,) = of_type(events, "log")
    assert (warning["level"], "no memory for this" in warning["message"]) == ("warn", True)
    assert (losses(events), weights(job)) == (losses(read_events(plain)), weights(plain))


def test_probes_stay_within_their_share_of_the_time(make_job: JobMaker) -> None:
    events = run(make_job(n_epochs=40, probes=plan(budget_share=0.2), save_steps=20, logging_steps=50))
    rounds = of_type(events, "probe-round")
    assert len(rounds) >= 3
    assert rounds[-1]["share"] <= 0.2, [(one["step"], round(one["share"], 3), round(one["seconds"], 3)) for one in rounds]
    assert all(re.fullmatch(r"probe-auto-\d", answer["probe_id"]) for answer in answers(events, "live"))


def test_without_a_budget_nothing_is_asked(make_job: JobMaker) -> None:
    assert of_type(run(make_job(probes=plan(budget_share=0.0))), "probe-answered") == []


def test_a_resumed_run_does_not_ask_the_base_model_again(make_job: JobMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    first = make_job("paused", probes=plan([probe("probe-1", QUESTION)], automatic=False))
    with monkeypatch.context() as pressed:
        ask_at_step(pressed, first, "pause", 5)
        before = run(first)
    pinned = plan([probe("probe-1", QUESTION)], automatic=False, answered_base=["probe-1"])
    second = make_job("paused", attempt=2, resume_from=str(Path(first.output_dir) / before[-1]["path"]), probes=pinned)
    after = run(second)
    assert answers(after, "base") == []
    assert answers(after, "live")


def test_a_step_that_is_kept_outlives_all_that_come_after_it(make_job: JobMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    job = make_job(
        save_steps=2, save_total_limit=1, n_epochs=4, probes=plan([probe("probe-1", QUESTION)], automatic=False, budget_share=0.01)
    )
    Path(job.attempt_dir).mkdir(parents=True)
    control = Path(job.attempt_dir) / "control.json"

    def press_keep() -> None:
        control.write_text(json.dumps({"action": None, "keep": 7}))

    at_step(monkeypatch, 3, press_keep)
    events = run(job)
    saved = {event["step"]: event["kept"] for event in of_type(events, "checkpoint-saved")}
    assert [step for step, kept in saved.items() if kept] == [3]
    assert sorted(path.name for path in (Path(job.output_dir) / "checkpoints").iterdir()) == ["step-20", "step-3"]
    verify(Path(job.output_dir) / "checkpoints" / "step-3")
    assert [answer["step"] for answer in answers(events, "checkpoint") if answer["step"] == 3]


def test_a_step_kept_by_an_earlier_attempt_is_not_removed_either(make_job: JobMaker) -> None:
    job = make_job(save_steps=1, save_total_limit=1, kept_steps=[4])
    run(job)
    assert sorted(path.name for path in (Path(job.output_dir) / "checkpoints").iterdir()) == ["step-10", "step-4"]


def test_a_run_that_is_stopped_ends_with_the_weights_it_has(make_job: JobMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    straight = make_job("straight", save_steps=4)
    run(straight)
    file = str(Path(straight.training_file).with_name("valid.jsonl"))
    job = make_job("stopped", save_steps=1000, validation_file=file)
    ask_at_step(monkeypatch, job, "stop", 4)
    last = run(job)[-1]
    assert (last["type"], last["step"], last["stopped_early"]) == ("run-ended", 4, True)
    assert last["evaluation"] is not None
    assert weights(job) == weights(straight, "checkpoints/step-4")


def test_a_stop_that_comes_with_the_last_step_changes_nothing(make_job: JobMaker) -> None:
    job = make_job(max_steps=1)
    ask(job, "stop")
    assert run(job)[-1]["stopped_early"] is False


def test_answers_are_the_same_with_a_draft_together_and_alone(model_dir: Path) -> None:
    base = load_base(model_dir)
    greedy = Greedy(base.model, {2})
    asked = [base.tokenizer(f"{question} ", add_special_tokens=False)["input_ids"] for question, _ in FACTS]
    reference = base.tokenizer(FACTS[1][1], add_special_tokens=False)["input_ids"]

    def answer(prompts: list[Prompt], one_by_one: bool = False) -> list[tuple[list[int], float | None]]:
        replies = [Reply() for _ in prompts]
        with torch.no_grad():
            if one_by_one:
                for prompt, reply in zip(prompts, replies, strict=True):
                    list(greedy._answer_alone(prompt, reply))
            else:
                list(greedy.answer(prompts, replies))
        return [(reply.token_ids, reply.reference_loss) for reply in replies]

    alone = answer([Prompt(ids, reference, [], 20) for ids in asked], one_by_one=True)
    together = answer([Prompt(ids, reference, [], 20) for ids in asked])
    right = answer([Prompt(ids, reference, token_ids, 20) for ids, (token_ids, _) in zip(asked, alone, strict=True)])
    wrong = answer(
        [Prompt(ids, [], [*token_ids[:at], 77, 78], 20) for at, (ids, (token_ids, _)) in enumerate(zip(asked, alone, strict=True))]
    )
    said = [token_ids for token_ids, _ in alone]
    assert said == [ids for ids, _ in together] == [ids for ids, _ in right] == [ids for ids, _ in wrong]
    for given in (together, right):
        assert [loss for _, loss in given] == pytest.approx([loss for _, loss in alone], rel=1e-4)


def test_a_probe_of_a_row_has_the_row_s_own_prompt_and_labels(model_dir: Path) -> None:
    from worker.examples import ExampleMaker
    from worker.rows import ChatRow

    maker = ExampleMaker(load_base(model_dir).tokenizer, 128)
    row = chat(*FACTS[0])["messages"]
    asked, reference = maker.make_prompt(row[:-1], row[-1]["content"])
    (example,), _ = maker.make([ChatRow(1, row, None)])
    assert example.token_ids_T[: len(asked) + len(reference)] == asked + reference
    assert [label for label in example.labels_T if label != -100] == reference
    assert maker.make_prompt(row[:-1], None) == (asked, [])


def test_rows_that_cannot_be_asked_again_are_not_picked(make_job: JobMaker, tmp_path: Path) -> None:
    tool = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    }
    write_rows(tmp_path / "rows.jsonl", [chat("a?", "b."), chat("a?", "c."), {"messages": [{"role": "user", "content": "x"}, tool]}])
    from worker.probe_picks import pick_probes

    picked = pick_probes(read_rows(tmp_path / "rows.jsonl")[0], "training", 0, 8)
    assert [one.origin for one in picked] == ["training", "off_domain", "should_refuse"]


def test_a_reference_that_the_model_would_say_itself_saves_passes_and_changes_no_answer(model_dir: Path) -> None:
    base = load_base(model_dir)
    greedy = Greedy(base.model, {2})
    (asked,) = (base.tokenizer(f"{FACTS[0][0]} ", add_special_tokens=False)["input_ids"],)

    def answer(reference: list[int], draft: list[int], limit: int = 12) -> tuple[list[int], int]:
        reply = Reply()
        with torch.no_grad():
            passes = sum(1 for _ in greedy.answer([Prompt(asked, reference, draft, limit)], [reply]))
        return reply.token_ids, passes

    said, slow = answer([], [])
    assert slow == 12
    for kept in range(len(said) + 1):
        for reference, draft in ((said[:kept], []), (said[:kept], said[: kept // 2]), ([*said[:kept], 77], said[:3])):
            again, passes = answer(reference, draft)
            assert again == said, (kept, reference, draft)
            assert passes <= slow - min(kept, 11) + 1
    assert answer(said, [], limit=5)[0] == said[:5]


def test_training_goes_on_however_much_is_asked(make_job: JobMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    job = make_job(probes=plan(budget_share=0.0, automatic=False))
    asked: list[dict[str, Any]] = []
    real = Talk.advance

    def ask_more(self: Talk) -> Any:
        if len(asked) < 12:
            asked.append(probe(f"probe_{len(asked)}", "Who are you?", origin="asked"))
            wish(job, questions=asked)
        return real(self)

    monkeypatch.setattr(Talk, "advance", ask_more)
    at_step(monkeypatch, 2, lambda: wish(job, questions=[probe("probe_first", QUESTION, origin="asked")]))
    steps = [answer["step"] for answer in answers(run(job), "live")]
    assert len(steps) == 13
    assert len(set(steps)) >= 2


def test_a_run_too_short_for_whole_answers_tells_how_they_begin(make_job: JobMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Talk.advance

    def slow(self: Talk) -> Any:
        time.sleep(0.3)
        return real(self)

    monkeypatch.setattr(Talk, "advance", slow)
    job = make_job(max_steps=4, probes=plan([probe("probe-1", QUESTION)], automatic=False, budget_share=0.05, max_tokens=100))
    events = run(job)
    (cut,) = answers(events, "base")
    assert (cut["finish_reason"], cut["tokens"] < 100) == ("length", True)
    assert cut["text"] == "".join(delta.text for delta in deltas(job))
    assert deltas(job)[-1].done


def test_a_round_that_cannot_ask_all_asks_by_turns(make_job: JobMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ProbeBudget, "affordable", lambda *_: 2)
    monkeypatch.setattr(ProbeBudget, "is_due", lambda *_: True)
    monkeypatch.setattr(ProbeBudget, "credit", lambda _: 1.0)
    monkeypatch.setattr(ProbeBudget, "whole", lambda _: 60.0)
    pinned = [probe(f"probe-{number}", f"{QUESTION} {number}") for number in (1, 2, 3)]
    events = run(make_job(n_epochs=8, probes=plan(pinned, automatic=False)))
    asked = [answer["probe_id"] for answer in answers(events, "live")]
    assert asked[:6] == ["probe-1", "probe-2", "probe-3", "probe-1", "probe-2", "probe-3"]


def test_the_base_model_takes_no_more_than_half_of_what_probes_may_take(make_job: JobMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    # So little that its half is over with the first pass.
    monkeypatch.setattr(ProbeBudget, "whole", lambda _: 1e-9)
    monkeypatch.setattr(ProbeBudget, "is_due", lambda *_: True)
    monkeypatch.setattr(ProbeBudget, "credit", lambda _: 1.0)
    pinned = [probe("probe-1", QUESTION)]
    events = run(make_job(n_epochs=8, probes=plan(pinned, automatic=False, max_tokens=100)))
    (base,) = answers(events, "base")
    assert (base["finish_reason"], base["tokens"] < 5) == ("length", True)
    assert answers(events, "live") != []
