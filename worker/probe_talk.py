"""Answers that are made together, in one lane and after one step: a round of the pinned probes, or questions that came at once."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from transformers import PreTrainedTokenizerBase

from worker.contract import Probe, ProbeAnswer, ProbeDelta
from worker.greedy import Greedy, Prompt, Reply

Lane = Literal["base", "checkpoint", "live"]


@dataclass
class Line:
    """One probe and its answer so far. `asked_at` is Unix time, of a question that somebody waits for."""

    probe: Probe
    prompt: Prompt
    asked_at: float | None = None
    reply: Reply = field(default_factory=Reply)
    # What has been told of the answer, and whether that was all.
    told: str = ""
    is_told: bool = False
    waited_seconds: float | None = None


class Talk:
    """Advances by one forward pass at a time, and tells what each has added."""

    def __init__(self, greedy: Greedy, tokenizer: PreTrainedTokenizerBase, lines: Sequence[Line], lane: Lane, step: int) -> None:
        self.lines = list(lines)
        self.lane: Lane = lane
        self.step = step
        self.pass_seconds: list[float] = []
        self._first_token_seconds = 0.0
        self._tokenizer: Any = tokenizer
        self._end_ids = greedy.end_ids
        self._passes: Iterator[None] = greedy.answer([line.prompt for line in lines], [line.reply for line in lines])

    @property
    def is_over(self) -> bool:
        """Whether every answer is whole."""
        return all(line.reply.finish_reason is not None for line in self.lines)

    @property
    def seconds(self) -> float:
        """In forward passes so far."""
        return sum(self.pass_seconds)

    def advance(self) -> list[ProbeDelta]:
        """One forward pass; returns what it has added to the texts."""
        began = time.monotonic()
        next(self._passes, None)
        self.pass_seconds.append(time.monotonic() - began)
        if self._first_token_seconds == 0.0 and any(line.reply.token_ids for line in self.lines):
            self._first_token_seconds = self.seconds
        return [delta for line in self.lines if (delta := self._news(line)) is not None]

    def cut(self) -> list[ProbeDelta]:
        """Ends every answer where it is; one that has not begun is left out. Returns what was not told yet."""
        self.lines = [line for line in self.lines if line.reply.token_ids]
        for line in self.lines:
            line.reply.finish_reason = line.reply.finish_reason or "length"
        return [delta for line in self.lines if (delta := self._news(line)) is not None]

    def answers(self, lane: Lane) -> list[ProbeAnswer]:
        """The whole answers, as those of a lane."""
        return [
            ProbeAnswer(
                probe_id=line.probe.id,
                lane=lane,
                step=self.step,
                text=line.told,
                tokens=len(self._said(line)),
                finish_reason=line.reply.finish_reason or "length",
                reference_loss=line.reply.reference_loss,
                first_token_seconds=self._first_token_seconds,
                seconds=self.seconds,
                waited_seconds=line.waited_seconds,
            )
            for line in self.lines
        ]

    def _said(self, line: Line) -> list[int]:
        """Its tokens, without the one that ends it."""
        token_ids = line.reply.token_ids
        return token_ids[:-1] if token_ids and token_ids[-1] in self._end_ids else token_ids

    def _news(self, line: Line) -> ProbeDelta | None:
        """None when nothing has come to its text; a character whose bytes are not all there yet waits for the rest."""
        is_done = line.reply.finish_reason is not None
        if line.is_told or not line.reply.token_ids:
            return None
        if line.asked_at is not None and line.waited_seconds is None:
            line.waited_seconds = max(0.0, time.time() - line.asked_at)
        text = self._tokenizer.decode(self._said(line), skip_special_tokens=True)
        if not is_done:
            text = text.rstrip("\ufffd")
        added = text.removeprefix(line.told)
        if not is_done and (not added or not text.startswith(line.told)):
            return None
        line.told, line.is_told = text, is_done
        return ProbeDelta(
            probe_id=line.probe.id,
            lane=self.lane,
            step=self.step,
            text=added,
            state="answering",
            done=is_done,
            waited_seconds=line.waited_seconds,
        )
