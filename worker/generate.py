"""Serves tokens of any trained model, over stdin and stdout: requests take turns, one forward pass each."""

import os
import queue
import signal
import sys
import threading
import traceback
from collections import deque
from typing import Any

import psutil
import torch
from pydantic import TypeAdapter

from worker.contract import (
    CancelCommand,
    DetokenizeCommand,
    DoneAnswer,
    FailedAnswer,
    GenerateCommand,
    LoadCommand,
    LoadedAnswer,
    ServingAnswer,
    ServingCommand,
    ServingLoad,
    StatusAnswer,
    StatusCommand,
    TextAnswer,
    TokenizeCommand,
    TokensAnswer,
    UnloadCommand,
)
from worker.failures import explain
from worker.served_answer import ServedAnswer
from worker.served_versions import Served, ServedVersions

_COMMAND: TypeAdapter[Any] = TypeAdapter(ServingCommand)
_ANSWER: TypeAdapter[Any] = TypeAdapter(ServingAnswer)


class Refused(Exception):
    """A command that cannot be done, with a code of the contract."""

    def __init__(self, code: Any, message: str) -> None:
        super().__init__(message)
        self.code = code


def generate(slots: int, waiting: int, versions: int, context: int | None, threads: int) -> int:
    """Serves until stdin ends; returns the exit code."""
    torch.set_num_threads(threads)
    # Whoever started it decides when it ends; a terminal tells both.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    # What a library prints is no line of ours.
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

    def read() -> None:
        for line in sys.stdin.buffer:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, name="reading", daemon=True).start()
    Generation(slots, waiting, ServedVersions(versions, context), lambda line: out.write(line)).run(lines)
    return 0


class Generation:
    """Takes commands between two forward passes, so that one that cancels is heard within a pass."""

    def __init__(self, slots: int, waiting: int, versions: ServedVersions, write: Any) -> None:
        self._slots = slots
        self._most_waiting = waiting
        self._versions = versions
        self._write = write
        self._active: deque[ServedAnswer] = deque()
        self._waiting: deque[GenerateCommand] = deque()
        # Versions that were unloaded while they answered: the ids of whoever waits for that.
        self._leaving: list[tuple[int, list[Served]]] = []
        self._generated = 0

    def run(self, lines: "queue.SimpleQueue[bytes | None]") -> None:
        """Until the lines end."""
        while True:
            try:
                line = lines.get(block=not self._active and not self._waiting)
            except queue.Empty:
                self._step()
                continue
            if line is None:
                return
            self._take(_COMMAND.validate_json(line))

    def _take(self, command: Any) -> None:
        match command:
            case CancelCommand():
                self._active = deque(answer for answer in self._active if answer.id != command.id)
                self._waiting = deque(waiting for waiting in self._waiting if waiting.id != command.id)
                self._settle()
            case GenerateCommand():
                if len(self._active) + len(self._waiting) >= self._slots + self._most_waiting:
                    message = f"{self._most_waiting} requests are waiting already; try again soon, or raise TUNELOOP_ENGINE_QUEUE"
                    self._tell(FailedAnswer(type="failed", id=command.id, code="rate_limit_exceeded", message=message))
                else:
                    self._waiting.append(command)
            case UnloadCommand():
                self._leaving.append((command.id, self._versions.drop(command.version_id)))
                self._settle()
            case _:
                self._guarded(command.id, lambda: self._tell(self._answer(command)))

    def _answer(self, command: Any) -> Any:
        """What is known without a forward pass."""
        match command:
            case LoadCommand():
                served = self._versions.get(command.version, self._in_use())
                return LoadedAnswer(type="loaded", id=command.id, context_length=served.context_length)
            case TokenizeCommand():
                token_ids = _tokenize(self._versions.base(command.version).tokenizer, command.text, command.special)
                return TokensAnswer(type="tokens", id=command.id, token_ids=token_ids)
            case DetokenizeCommand():
                base = self._versions.base(command.version)
                _check_tokens(command.version.id, base.model.config, command.token_ids)
                text = base.tokenizer.decode(command.token_ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
                return TextAnswer(type="text", id=command.id, text=str(text))
            case StatusCommand():
                return self._status(command.id)

    def _status(self, command_id: int) -> StatusAnswer:
        return StatusAnswer(
            type="status",
            id=command_id,
            memory_bytes=psutil.Process().memory_info().rss,
            gpu_memory_bytes=torch.cuda.memory_allocated() if torch.cuda.is_available() else 0,
            active=len(self._active),
            waiting=len(self._waiting),
            generated_tokens=self._generated,
            versions=[ServingLoad(id=served.id, load_seconds=served.load_seconds) for served in self._versions.loaded],
        )

    def _step(self) -> None:
        """Begins what has room, then one pass of the request that has waited longest for one."""
        while self._waiting and len(self._active) < self._slots:
            command = self._waiting.popleft()
            self._guarded(command.id, lambda command=command: self._active.append(self._begin(command)))
        if not self._active:
            return
        answer = self._active.popleft()

        def advance() -> None:
            for told in answer.advance():
                self._generated += told.type == "token"
                self._tell(told)
            if not answer.is_over:
                self._active.append(answer)

        self._guarded(answer.id, advance)
        self._settle()

    def _begin(self, command: GenerateCommand) -> ServedAnswer:
        request = command.request
        served = self._versions.get(request.version, self._in_use())
        _check_tokens(served.id, served.model.config, request.prompt)
        if len(request.prompt) + min(1, request.max_tokens) > served.context_length:
            most = f'"{served.id}" reads at most {served.context_length} tokens, prompt and answer together'
            raise Refused("context_length_exceeded", f"{most}; the prompt alone has {len(request.prompt)}")
        return ServedAnswer(command.id, request, served)

    def _in_use(self) -> list[Served]:
        return [answer.served for answer in self._active]

    def _settle(self) -> None:
        """Tells those who wait until a version has gone."""
        in_use = self._in_use()
        gone = [each for each in self._leaving if not any(served in in_use for served in each[1])]
        self._leaving = [each for each in self._leaving if each not in gone]
        for command_id, _ in gone:
            self._tell(DoneAnswer(type="done", id=command_id))

    def _guarded(self, command_id: int, act: Any) -> None:
        """A failure is the answer of its command, and of no other."""
        try:
            act()
        except Refused as error:
            self._tell(FailedAnswer(type="failed", id=command_id, code=error.code, message=str(error)))
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            failure = explain(error, "the engine's log")
            self._tell(FailedAnswer(type="failed", id=command_id, code="engine_failed", message=failure.message))

    def _tell(self, answer: Any) -> None:
        self._write(_ANSWER.dump_json(answer) + b"\n")


def _tokenize(tokenizer: Any, text: str, special: str) -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=False, split_special_tokens=special == "plain")["input_ids"]
    if special != "special" or tokenizer.bos_token_id is None or ids[:1] == [tokenizer.bos_token_id]:
        return ids
    # Only some models begin their texts with a token of its own, and whoever wrote it already has begun.
    begun: list[int] = tokenizer(text)["input_ids"]
    return begun[: len(ids) + 1] if begun[:1] == [tokenizer.bos_token_id] else ids


def _check_tokens(version_id: str, config: Any, token_ids: list[int]) -> None:
    wrong = next((token for token in token_ids if token >= config.vocab_size), None)
    if wrong is not None:
        raise Refused("invalid_request", f'there is no token {wrong}; "{version_id}" has {config.vocab_size}, from 0 on')
