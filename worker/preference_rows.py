"""Rows that compare answers: which of two is preferred, or whether one is good; and what is computed of them."""

from dataclasses import dataclass
from typing import Any

from worker.examples import IGNORED, Example, ExampleMaker
from worker.rows import ChatRow, RowRefused, check_order, parse_messages, parse_tools

Messages = list[dict[str, Any]]


@dataclass(frozen=True)
class PreferenceRow:
    """A prompt and two answers to it, in OpenAI's form. `row` counts from 1, as the lines of the file do."""

    row: int
    prompt: Messages
    preferred: Messages
    rejected: Messages
    tools: list[Any] | None


@dataclass(frozen=True)
class LabelledRow:
    """A prompt, one answer to it, and whether the answer is a good one."""

    row: int
    prompt: Messages
    answer: Messages
    is_good: bool
    tools: list[Any] | None


@dataclass(frozen=True)
class Pair(Example):
    """A preference as one sequence: the prompt once, then both answers. T counts all three.

    What stands before `split` and after `start` follows the prompt as its preferred answer; what stands after `split` follows the
    prompt, too, as the rejected one. Positions and masks are made by pair_forward.py.
    """

    # First token that is not shared.
    start: int
    # First token of the rejected answer.
    split: int


@dataclass(frozen=True)
class Labelled(Example):
    """An answer whose label says whether it is a good one."""

    is_good: bool


def parse_preference(row: int, value: dict[str, Any]) -> PreferenceRow:
    """A line in OpenAI's form of a preference. Raises RowRefused."""
    _refuse_invalid(value)
    asked = value.get("input")
    if not isinstance(asked, dict):
        raise RowRefused('"input" is missing or not an object with "messages"')
    prompt = parse_messages("input.messages", asked.get("messages"))
    preferred = _parse_answer("preferred_output", value)
    rejected = _parse_answer("non_preferred_output", value)
    if preferred == rejected:
        raise RowRefused("both answers are the same, so neither is preferred")
    _check_order(prompt, preferred, rejected)
    return PreferenceRow(row, prompt, preferred, rejected, parse_tools(asked))


def parse_labelled(row: int, value: dict[str, Any]) -> list[LabelledRow]:
    """A line with one answer and its label; a preference is two of them. Raises RowRefused."""
    if "preferred_output" in value:
        pair = parse_preference(row, value)
        return [LabelledRow(row, pair.prompt, answer, answer is pair.preferred, pair.tools) for answer in (pair.preferred, pair.rejected)]
    _refuse_invalid(value)
    prompt = parse_messages("prompt", value.get("prompt"))
    answer = _parse_answer("completion", value)
    _check_order(prompt, answer)
    if not isinstance(value.get("label"), bool):
        raise RowRefused('"label" is neither true nor false')
    return [LabelledRow(row, prompt, answer, value["label"], parse_tools(value))]


def make_pair(maker: ExampleMaker, row: PreferenceRow) -> Pair:
    """Raises RowRefused, for what is wrong with either answer."""
    preferred = _make(maker, row, row.preferred, "preferred_output")
    rejected = _make(maker, row, row.rejected, "non_preferred_output")
    # At least one token stays before the first that carries loss: it predicts it.
    limit = min(_first_trained(preferred), _first_trained(rejected))
    start = next((at for at in range(limit) if preferred.token_ids_T[at] != rejected.token_ids_T[at]), limit)
    first, second = _end(preferred), _end(rejected)
    return Pair(
        row=row.row,
        token_ids_T=preferred.token_ids_T[:first] + rejected.token_ids_T[start:second],
        labels_T=preferred.labels_T[:first] + rejected.labels_T[start:second],
        start=start,
        split=first,
    )


def make_labelled(maker: ExampleMaker, row: LabelledRow) -> Labelled:
    """Raises RowRefused."""
    made = _make(maker, row, row.answer, "completion")
    end = _end(made)
    return Labelled(row.row, made.token_ids_T[:end], made.labels_T[:end], row.is_good)


def _make(maker: ExampleMaker, row: PreferenceRow | LabelledRow, answer: Messages, name: str) -> Example:
    """Prompt and answer as one example, of which the answer alone carries loss."""
    prompt = [{**message, "weight": 0} if message["role"] == "assistant" else message for message in row.prompt]
    made, problems = maker.make([ChatRow(row.row, prompt + answer, row.tools)])
    if problems:
        raise RowRefused(f"{name}: {problems[0].reason}")
    return made[0]


def _first_trained(example: Example) -> int:
    return next(at for at, label in enumerate(example.labels_T) if label != IGNORED)


def _end(example: Example) -> int:
    """What follows the last token that carries loss changes nothing."""
    return max(at for at, label in enumerate(example.labels_T) if label != IGNORED) + 1


def _parse_answer(name: str, value: dict[str, Any]) -> Messages:
    answer = parse_messages(name, value.get(name))
    if answer[0]["role"] != "assistant" or answer[-1]["role"] != "assistant":
        raise RowRefused(f'"{name}" does not begin and end with a message of the assistant')
    if all(message.get("weight") == 0 for message in answer if message["role"] == "assistant"):
        raise RowRefused(f'"{name}": every message has weight 0, so there is nothing to learn')
    return answer


def _check_order(prompt: Messages, *answers: Messages) -> None:
    if prompt[-1]["role"] not in ("user", "tool"):
        raise RowRefused(f"the last message before the answers is from the {prompt[-1]['role']}, not from the user")
    for answer in answers:
        check_order([message["role"] for message in prompt + answer])


def _refuse_invalid(value: dict[str, Any]) -> None:
    invalid = value.get("invalid")
    if isinstance(invalid, dict):
        raise RowRefused(str(invalid.get("reason")))
