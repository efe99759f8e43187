"""Which rows a method learns from: how a line is read, what is computed of it, and what of it a probe may ask."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from worker.contract import RowProblem
from worker.examples import Example, ExampleMaker, Graded
from worker.preference_rows import LabelledRow, PreferenceRow, make_labelled, make_pair, parse_labelled, parse_preference
from worker.rows import ChatRow, GradedRow, RowRefused, iterate_rows, parse_chat, parse_messages, parse_tools
from worker.shelf import Shelf


@dataclass(frozen=True)
class RowKind:
    """How rows of one kind become examples; a line may be more than one row."""

    parse: Callable[[int, dict[str, Any]], Sequence[Any]]
    # Raises RowRefused.
    make: Callable[[ExampleMaker, Any], Example]
    # The row as a chat whose answer is a good one.
    chat: Callable[[Any], ChatRow]

    def read(self, path: Path, folder: Path | None = None) -> tuple[Sequence[Any], list[RowProblem]]:
        """All rows that are well-formed, on a shelf in this folder, and a problem for each line that is not."""
        found: Shelf[Any] = Shelf(folder=folder)
        problems: list[RowProblem] = []
        for read in iterate_rows(path, self.parse):
            if isinstance(read, RowProblem):
                problems.append(read)
                continue
            for row in read:
                found.append(row)
        return found, problems

    def make_all(self, maker: ExampleMaker, rows: Sequence[Any], folder: Path | None = None) -> tuple[Sequence[Example], list[RowProblem]]:
        """An example for each row that can be trained on, on a shelf in this folder, and a problem for each that cannot."""
        examples: Shelf[Example] = Shelf(folder=folder)
        problems: list[RowProblem] = []
        for row in rows:
            try:
                examples.append(self.make(maker, row))
            except RowRefused as error:
                problems.append(RowProblem(row=row.row, reason=str(error)))
        return examples, problems


def _make_chat(maker: ExampleMaker, row: ChatRow) -> Example:
    made, problems = maker.make([row])
    if problems:
        raise RowRefused(problems[0].reason)
    return made[0]


def _preferred_chat(row: PreferenceRow) -> ChatRow:
    return ChatRow(row.row, row.prompt + row.preferred, row.tools)


def _labelled_chat(row: LabelledRow) -> ChatRow:
    return ChatRow(row.row, row.prompt + row.answer, row.tools)


def _parse_graded(row: int, value: dict[str, Any]) -> list[GradedRow]:
    """A prompt alone, or a chat whose last answer is what others are held against."""
    messages = value.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    if "prompt" in value or (isinstance(last, dict) and last.get("role") in ("user", "tool")):
        chat = _parse_question(row, value)[0]
        return [GradedRow(row, chat.messages, chat.tools, None, value)]
    chat = parse_chat(row, value)
    if not chat.messages or chat.messages[-1].get("weight") == 0:
        raise RowRefused("there is no answer of the assistant to hold others against")
    return [GradedRow(row, chat.messages, chat.tools, None, value)]


def _make_graded(maker: ExampleMaker, row: GradedRow) -> Graded:
    """The answer of the row is its reference, where it names no other."""
    if row.messages[-1]["role"] != "assistant":
        asked = maker.make_question(row)
        return Graded(asked.row, asked.token_ids_T, asked.labels_T, row.item)
    made = _make_chat(maker, row)
    return Graded(made.row, made.token_ids_T, made.labels_T, {"reference": maker.last_answer(made), **row.item})


def _parse_question(row: int, value: dict[str, Any]) -> list[ChatRow]:
    """A prompt alone, or a chat whose last answer is left out."""
    name = "prompt" if "prompt" in value else "messages"
    messages = parse_messages(name, value.get(name))
    if messages[-1]["role"] == "assistant":
        messages = messages[:-1]
    if not messages or messages[-1]["role"] not in ("user", "tool"):
        raise RowRefused(f'"{name}" does not end with a question of the user')
    return [ChatRow(row, messages, parse_tools(value))]


_CHATS = RowKind(lambda row, value: [parse_chat(row, value)], _make_chat, lambda row: row)
_GRADED = RowKind(_parse_graded, _make_graded, lambda row: row)
_QUESTIONS = RowKind(_parse_question, lambda maker, row: maker.make_question(row), lambda row: row)
_PAIRS = RowKind(lambda row, value: [parse_preference(row, value)], make_pair, _preferred_chat)
_LABELLED = RowKind(parse_labelled, make_labelled, _labelled_chat)

ROW_KINDS: Mapping[str, RowKind] = {
    "supervised": _CHATS,
    "dpo": _PAIRS,
    "orpo": _PAIRS,
    "simpo": _PAIRS,
    "kto": _LABELLED,
    "grpo": _GRADED,
    "reward": _PAIRS,
    "ppo": _QUESTIONS,
    "constitutional": _QUESTIONS,
}
