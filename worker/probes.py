"""The time machine: between two optimiser steps the model answers pinned probes and questions with its weights of the moment."""

import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

from transformers import PreTrainedTokenizerBase

from worker.contract import Probe, ProbePlan, TrainingJob
from worker.control import ProbeWishes
from worker.events import EventLog
from worker.examples import ExampleMaker
from worker.greedy import Greedy, Prompt
from worker.probe_budget import ProbeBudget
from worker.probe_picks import pick_probes
from worker.probe_stream import ProbeStream
from worker.probe_talk import Lane, Line, Talk
from worker.rows import ChatRow, RowRefused
from worker.undisturbed import precision_of, undisturbed
from worker.workbench import Workbench

_MOST_PINNED = 8
# Questions that came one after the other and are answered after the same step; those that came at once count as one.
_MOST_TALKS = 3
# The first pass reads the prompts; then so many are timed before the length of all answers is settled.
_TIMED_PASSES = 5
# Of what all probes may take, so much goes to the base model at most: the live one is to be heard too.
_BASE_SHARE = 0.5
# The base model is gone on with once so many of its passes can be paid for.
_SITTING_PASSES = 4
# What the first round is believed to take, as a share of what the base model took.
_FIRST_ROUND = 0.6
# Shorter answers say nothing.
_LEAST_TOKENS = 16


class Prober:
    """Answers without a trace in the training. Its own failures end it, never the run."""

    def __init__(self, job: TrainingJob, plan: ProbePlan, bench: Workbench, context_length: int, events: EventLog, began: float) -> None:
        self._plan = plan
        self._bench = bench
        self._events = events
        self._context_length = context_length
        self._tokenizer: PreTrainedTokenizerBase = bench.tokenizer
        self._maker = ExampleMaker(bench.tokenizer, context_length)
        self._greedy = Greedy(bench.base, self._maker.end_ids)
        self._wishes = ProbeWishes(Path(job.attempt_dir))
        self._stream = ProbeStream(Path(job.attempt_dir))
        self._budget = ProbeBudget(plan.budget_share, began)
        self._pinned = {probe.id: probe for probe in plan.pinned}
        self._known = set(self._pinned)
        self._drafts: dict[str, list[int]] = {}
        self._answered_base = set(plan.answered_base)
        self._base: Talk | None = None
        # Longest answer of a round in tokens; None until it is known what a token costs.
        self._round_tokens: int | None = None
        # What the last rounds took, or would have taken had they asked all.
        self._round_seconds: list[float] = []
        # Where the next round begins that asks only some.
        self._turn = 0
        self._steps = 0
        self._is_off = False

    @property
    def share(self) -> float:
        """Of the wall time of the attempt that probes took."""
        return self._budget.share()

    def start(self, rows: Sequence[ChatRow], validation: bool) -> None:
        """Picks what was not chosen, and says so."""

        def pick() -> None:
            origin = "validation" if validation else "training"
            for probe in pick_probes(rows, origin, len(self._pinned), _MOST_PINNED):
                self._pinned[probe.id] = probe
                self._known.add(probe.id)
                self._events.write("probe-added", probe=probe)

        if self._plan.automatic:
            self._guarded(pick)
        if not self._bench.has_base:
            message = "All weights are trained, so probes are answered by the model of the moment only: none says what the base model says."
            self._events.write("log", level="info", message=message)

    def answer_questions(self, step: int) -> None:
        """What was asked since the last look is answered now, by the weights as they are."""
        if not self._is_off and self._wishes.has_news():
            self._guarded(lambda: self._talk_on(step, None))

    def after_step(self, step: int, steps_left: int, steps_to_save: int, forced: bool = False) -> None:
        """Goes on with what the base model says, or asks the live one anew, as far as the budget allows.

        0 `steps_to_save`: a checkpoint was saved after this step, or it was the last; what the model says now is then what the
        checkpoint says. `forced` asks anew whatever it costs.
        """
        if self._is_off:
            return
        self._steps += 1
        self._budget.steps(self._steps, steps_left)
        if not self._pinned or self._plan.budget_share == 0:
            return
        if self._has_base_left() and self._budget.credit() > self._sitting_seconds():
            self._guarded(lambda: self._go_on_with_base(step))
        cost = max(self._round_seconds[-2:], default=self._budget.longest_round())
        total = len(self._pinned)
        count = total if forced else self._budget.affordable(total, cost)
        if forced or (not self._has_base_left() and self._budget.is_due(cost * count / total, steps_to_save)):
            self._guarded(lambda: self._round(step, steps_to_save == 0, count))
        if steps_left == 0 and self._base is not None:
            self._guarded(self._cut_base)

    def _has_base_left(self) -> bool:
        # Where all weights are trained the base model is gone with the first step.
        return self._bench.has_base and (self._base is not None or any(probe_id not in self._answered_base for probe_id in self._pinned))

    def _sitting_seconds(self) -> float:
        """What it takes to go on with the base model for some passes: beginning costs too, so it is not done for every single one."""
        passes = self._base.pass_seconds[1:] if self._base is not None else []
        return _SITTING_PASSES * sum(passes) / len(passes) if passes else 0.0

    def _go_on_with_base(self, step: int) -> None:
        """The base model's answers never change, so they are made bit by bit, beside the first steps."""
        if self._base is None:
            self._base = self._open([probe for probe in self._pinned.values() if probe.id not in self._answered_base], "base", 0)
        if self._base is None:
            return
        base, most = self._base, _BASE_SHARE * self._budget.whole()
        self._talk_on(step, base, lambda: self._budget.credit() > 0 and base.seconds < most)
        if base.is_over:
            self._answered_base |= {line.probe.id for line in base.lines}
            self._end_base(base)
        elif base.seconds >= most:
            self._cut_base()

    def _cut_base(self) -> None:
        """A run too short for whole answers tells how they begin."""
        if self._base is not None:
            # Those that were not begun will not be.
            self._answered_base |= {line.probe.id for line in self._base.lines}
            self._stream.write(self._base.cut())
            self._end_base(self._base)

    def _end_base(self, base: Talk) -> None:
        self._base = None
        # The live model is asked with guesses at hand, and often says them.
        self._round_seconds.append(_FIRST_ROUND * base.seconds)
        self._tell(base, "base")

    def _round(self, step: int, is_checkpoint: bool, count: int) -> None:
        """The live weights are asked so many of the pinned probes, by turns."""
        self._stream.shorten()
        pinned = list(self._pinned.values())
        start = self._turn % len(pinned) if count < len(pinned) else 0
        self._turn = start + count
        talk = self._open([*pinned, *pinned][start : start + count], "live", step)
        if talk is None:
            return
        self._talk_on(step, talk)
        self._round_seconds.append(talk.seconds * len(pinned) / count)
        self._tell(talk, "live")
        if is_checkpoint:
            self._tell(talk, "checkpoint")
        interval = self._budget.interval(max(self._round_seconds[-2:]) * count / len(pinned))
        self._events.write("probe-round", step=step, share=self.share, interval_steps=interval, seconds=talk.seconds)

    def _open(self, probes: Sequence[Probe], lane: Lane, step: int) -> Talk | None:
        """None when none of them can be asked."""
        limit = self._round_tokens or self._plan.max_tokens
        lines = [line for probe in probes if (line := self._line(probe, limit)) is not None]
        return Talk(self._greedy, self._tokenizer, lines, lane, step) if lines else None

    def _line(self, probe: Probe, limit: int, asked_at: float | None = None) -> Line | None:
        """None when the model cannot be asked this: it is taken off the list, with the reason."""
        messages = [message.model_dump() for message in probe.messages]
        try:
            asked, reference = self._maker.make_prompt(messages, probe.reference)
        except RowRefused as error:
            self._pinned.pop(probe.id, None)
            self._events.write("probe-removed", probe_id=probe.id, reason=str(error))
            return None
        draft = self._drafts.get(probe.id, []) if asked_at is None else []
        return Line(probe, Prompt(asked, reference, draft[:limit], min(limit, self._context_length - len(asked))), asked_at)

    def _talk_on(self, step: int, talk: Talk | None, may_go_on: Callable[[], bool] = lambda: True) -> None:
        """Advances a talk to its end, or as long as it may; what somebody asks meanwhile comes first.

        The newest question gets its first token at once. Those that come later than a few wait for the next step, so that training
        goes on however much is asked.
        """
        questions: list[Talk] = []
        opened = 0
        while True:
            asked = self._read_wishes(step) if opened < _MOST_TALKS else None
            if asked is not None:
                opened += 1
                questions.insert(0, asked)
            if questions:
                question = questions.pop(0)
                self._advance(question)
                if question.is_over:
                    self._tell(question, "live")
                else:
                    questions.append(question)
            elif talk is None or talk.is_over or not may_go_on():
                return
            else:
                self._advance(talk)
                self._settle_length(talk)

    def _read_wishes(self, step: int) -> Talk | None:
        """Takes in what has been added and removed since the last look; returns what is to be answered at once."""
        wishes = self._wishes.read()
        if wishes is None:
            return None
        for probe_id in wishes.removed:
            self._pinned.pop(probe_id, None)
        asked = [(question.probe, question.asked_at) for question in wishes.questions if question.probe.id not in self._known]
        for probe in wishes.pinned:
            if probe.id not in self._known and probe.id not in wishes.removed:
                self._pinned[probe.id] = probe
                asked.append((probe, time.time()))
        self._known |= {probe.id for probe, _ in asked}
        lines = [line for probe, at in asked if (line := self._line(probe, self._plan.max_tokens, at)) is not None]
        return Talk(self._greedy, self._tokenizer, lines, "live", step) if lines else None

    def _advance(self, talk: Talk) -> None:
        began = time.monotonic()
        try:
            with self._bench.switched_off() if talk.lane == "base" else nullcontext():
                self._stream.write(talk.advance())
        finally:
            self._budget.spend(time.monotonic() - began)

    def _settle_length(self, talk: Talk) -> None:
        """Rounds are kept short enough that some fit into the run; what a token costs is known after a few."""
        if self._round_tokens is not None or len(talk.pass_seconds) < _TIMED_PASSES:
            return
        first, *rest = talk.pass_seconds
        fitting = (self._budget.longest_round() - first) / (sum(rest) / len(rest))
        self._round_tokens = max(min(_LEAST_TOKENS, self._plan.max_tokens), min(int(fitting), self._plan.max_tokens))
        for line in talk.lines:
            line.prompt.limit = min(line.prompt.limit, self._round_tokens)

    def _tell(self, talk: Talk, lane: Lane) -> None:
        """Whole answers become events, and what the next round begins with."""
        for line, answer in zip(talk.lines, talk.answers(lane), strict=True):
            self._events.write("probe-answered", **answer.model_dump())
            if line.probe.id in self._pinned:
                self._drafts[line.probe.id] = line.reply.token_ids

    def _guarded(self, action: Callable[[], None]) -> None:
        """Whatever goes wrong here is told, and ends the probes of this attempt; the run goes on as if they had never been."""
        began, counted = time.monotonic(), self._budget.spent
        try:
            with undisturbed(self._bench.model), precision_of(self._bench):
                action()
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            self._is_off = True
            self._base = None
            message = f"Probes are not answered any more in this attempt, the run goes on: {type(error).__name__}: {error}"
            self._events.write("log", level="warn", message=message)
        finally:
            self._budget.spend(time.monotonic() - began - (self._budget.spent - counted))
