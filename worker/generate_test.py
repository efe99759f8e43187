"""Tests of generate.py: a server, spoken to in lines."""

import json
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

import pytest

from worker import served_answer
from worker.contract import ServingRequest, ServingVersion
from worker.generate import Generation
from worker.served_versions import ServedVersions

REQUEST: dict[str, Any] = {
    "prompt": [1, 30, 31, 32], "max_tokens": 12, "temperature": 0, "top_p": 1, "top_k": None, "min_p": None, "seed": 7,
    "frequency_penalty": 0, "presence_penalty": 0, "logit_bias": {"2": -100, "1": -100, "0": -100}, "top_logprobs": None, "echo": False,
}  # fmt: skip


class Talk:
    """One server for all tests of this file, in a thread; platform/inference/engines/transformers.test.ts has it in its own process."""

    def __init__(self, model_dir: Path) -> None:
        self.version = {"id": "tiny", "model_dir": str(model_dir), "adapter_dir": None, "sha256": None}
        self.lines: SimpleQueue[bytes | None] = SimpleQueue()
        self._told: SimpleQueue[bytes] = SimpleQueue()
        self._next = 0
        generation = Generation(2, 2, ServedVersions(2, None), self._told.put)
        self.thread = Thread(target=lambda: generation.run(self.lines))
        self.thread.start()

    def say(self, command: str, **fields: Any) -> int:
        self._next += 1
        self.lines.put(json.dumps({"command": command, "id": self._next} | fields).encode() + b"\n")
        return self._next

    def generate(self, **fields: Any) -> int:
        return self.say("generate", request={**REQUEST, "version": self.version, **fields})

    def hear(self) -> dict[str, Any]:
        return json.loads(self._told.get(timeout=60))

    def ask(self, command: str, **fields: Any) -> dict[str, Any]:
        self.say(command, **fields)
        return self.hear()

    def status(self) -> dict[str, Any]:
        """Whatever was said before it is passed over."""
        self.say("status")
        while (line := self.hear())["type"] != "status":
            pass
        return line

    def answer(self, **fields: Any) -> list[int]:
        """Token ids of one request."""
        self.generate(**fields)
        told: list[int] = []
        while (line := self.hear())["type"] == "token":
            told.append(line["token"]["token_id"])
        assert line["type"] == "ended", line
        return told


@pytest.fixture(scope="module")
def talk(model_dir: Path) -> Iterator[Talk]:
    talk = Talk(model_dir)
    yield talk
    talk.lines.put(None)
    talk.thread.join()


def test_requests_take_turns_and_one_that_is_cancelled_is_heard_of_no_more(talk: Talk) -> None:
    first, second = talk.generate(max_tokens=100), talk.generate(max_tokens=3)
    told = [talk.hear() for _ in range(7)]
    assert {line["id"] for line in told[:4]} == {first, second}
    talk.say("cancel", id=first)
    status = talk.status()
    assert (status["active"], status["waiting"]) == (0, 0)


def test_one_request_more_than_may_wait_is_refused(talk: Talk) -> None:
    ids = [talk.generate(max_tokens=100) for _ in range(5)]
    refused = next(line for line in iter(talk.hear, None) if line["type"] == "failed")
    assert (refused["id"], refused["code"]) == (ids[-1], "rate_limit_exceeded")
    for request_id in ids:
        talk.say("cancel", id=request_id)
    assert talk.status()["active"] == 0


def test_bias_penalties_and_filters_decide_what_is_drawn(talk: Talk) -> None:
    plain = talk.answer()
    forced = talk.answer(logit_bias={"44": 100}, temperature=1.5, top_p=0.5)
    assert forced == [44] * 12
    free = talk.answer(logit_bias={"44": 12})
    held = talk.answer(logit_bias={"44": 12}, frequency_penalty=2, presence_penalty=2)
    assert held.count(44) < free.count(44)
    assert talk.answer(temperature=2, top_k=1) == plain
    assert talk.answer(temperature=2, min_p=1) == plain
    assert talk.answer(temperature=2, top_p=0) == plain
    assert talk.answer(temperature=2) != talk.answer(temperature=2, seed=8)


def test_a_long_prompt_is_read_in_pieces_to_the_same_answer(talk: Talk, monkeypatch: pytest.MonkeyPatch, model_dir: Path) -> None:
    versions = ServedVersions(1, None)
    request = ServingRequest.model_validate(
        {**REQUEST, "version": talk.version, "prompt": list(range(3, 40)), "echo": True, "top_logprobs": 1}
    )
    told: list[list[Any]] = []
    for size in (128, 5):
        monkeypatch.setattr(served_answer, "_READ_TOKENS", size)
        answer = served_answer.ServedAnswer(1, request, versions.get(ServingVersion.model_validate(talk.version), []))
        told.append([])
        while not answer.is_over:
            told[-1] += answer.advance()
    whole, pieces = told
    assert [line.token.token_id for line in whole[1:-1]] == [line.token.token_id for line in pieces[1:-1]]
    scores = [[token.logprob for token in lines[0].tokens] for lines in told]
    assert scores[0][0] is None
    assert scores[1][1:] == pytest.approx(scores[0][1:], abs=1e-4)


def test_what_cannot_be_answered_is_said_with_its_code(talk: Talk, tmp_path: Path) -> None:
    talk.generate(prompt=[1] * 128)
    assert talk.hear()["code"] == "context_length_exceeded"
    talk.generate(prompt=[100_000])
    assert talk.hear()["code"] == "invalid_request"
    missing = talk.ask("load", version={**talk.version, "adapter_dir": str(tmp_path), "id": "gone"})
    assert missing["code"] == "engine_failed"
    assert str(tmp_path) in missing["message"]
