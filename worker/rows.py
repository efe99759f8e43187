"""Lines of a training file to chat messages; what cannot be one is named with its row and reason."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from worker.contract import RowProblem

ROLES = ("system", "developer", "user", "assistant", "tool")


@dataclass(frozen=True)
class ChatRow:
    """One training example. `row` counts from 1, as the lines of the file do."""

    row: int
    messages: list[dict[str, Any]]
    tools: list[Any] | None
    # Plain text to go on with, instead of messages.
    text: str | None = None


@dataclass(frozen=True)
class GradedRow(ChatRow):
    """A question, perhaps with its answer, and the whole row that it stands in: what graders read."""

    item: Mapping[str, Any] = field(default_factory=dict)


class RowRefused(Exception):
    """Why one row cannot be trained on."""


Row = TypeVar("Row")


def parse_chat(row: int, value: dict[str, Any]) -> ChatRow:
    """A line as a chat, or as plain text. Raises RowRefused."""
    if "text" in value and "messages" not in value:
        return ChatRow(row, [], None, _parse_text(value["text"]))
    parsed = parse_messages("messages", value.get("messages"))
    check_order([message["role"] for message in parsed])
    return ChatRow(row, parsed, parse_tools(value))


def iterate_rows(path: Path, parse: Callable[[int, dict[str, Any]], Row]) -> Iterator[Row | RowProblem]:
    """One row after the other, or what is wrong with it; one line is in memory at a time."""
    with path.open("rb") as lines:
        for row, line in enumerate(lines, start=1):
            line = line.removeprefix(b"\xef\xbb\xbf") if row == 1 else line
            if not line.strip():
                continue
            try:
                yield parse(row, _parse_line(line.removesuffix(b"\n")))
            except RowRefused as error:
                yield RowProblem(row=row, reason=str(error))


def draw_evenly(sizes: Sequence[int], most: int) -> list[int]:
    """The places of at most so many, in order: evenly spaced ones, and the largest."""
    if len(sizes) <= most:
        return list(range(len(sizes)))
    largest = max(range(len(sizes)), key=lambda at: sizes[at])
    places = {largest, *(at * len(sizes) // (most - 1) for at in range(most - 1))}
    return sorted(places)


def size_of(chat: ChatRow) -> int:
    """In characters, about."""
    return len(chat.text or repr(chat.messages))


def _parse_line(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line.decode("utf-8"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise RowRefused(f"not UTF-8 text: byte {error.start + 1} of the line") from None
    except json.JSONDecodeError as error:
        raise RowRefused(f"broken JSON: {error.msg} at character {error.colno}") from None
    except RecursionError:
        raise RowRefused("broken JSON: nested too deeply") from None
    if not isinstance(value, dict):
        raise RowRefused('not a JSON object with "messages"')
    if "invalid" in value and "messages" not in value:
        raise RowRefused(str(value["invalid"].get("reason")) if isinstance(value["invalid"], dict) else '"messages" is missing')
    return value


def parse_messages(name: str, messages: Any) -> list[dict[str, Any]]:
    """The value of a key that holds messages, as chat templates expect them. Raises RowRefused."""
    if not isinstance(messages, list) or not messages:
        raise RowRefused(f'"{name}" is missing, empty or not a list')
    return [_parse_message(index, message) for index, message in enumerate(messages, start=1)]


def parse_tools(value: dict[str, Any]) -> list[Any] | None:
    """The functions that the assistant may call, where there are any. Raises RowRefused."""
    tools = value.get("tools")
    if tools is not None and not isinstance(tools, list):
        raise RowRefused('"tools" is not a list')
    return tools


def _parse_text(text: Any) -> str:
    if not isinstance(text, str) or not text.strip():
        raise RowRefused('"text" is empty or not a text')
    return text


def _refuse_constant(name: str) -> NoReturn:
    raise RowRefused(f"broken JSON: {name} is not a JSON value")


def _parse_message(index: int, message: Any) -> dict[str, Any]:
    """One message as chat templates expect it: role, content as one string, and what else it carries."""
    if not isinstance(message, dict):
        raise RowRefused(f"message {index} is not an object")
    role = message.get("role")
    if role not in ROLES:
        raise RowRefused(f"message {index} has the role {json.dumps(role)}; roles are {', '.join(ROLES)}")
    weight = message.get("weight")
    if weight is not None and (role != "assistant" or isinstance(weight, bool) or weight not in (0, 1)):
        raise RowRefused(f'message {index}: "weight" is 0 or 1, on assistant messages only')
    content = _plain_text(index, message.get("content"))
    if content is None and not (role == "assistant" and message.get("tool_calls")):
        raise RowRefused(f'message {index} ({role}) has no "content"')
    if role == "assistant" and content == "" and not message.get("tool_calls"):
        raise RowRefused(f"message {index} (assistant) is empty")
    return {**message, "role": role, "content": content}


def _plain_text(index: int, content: Any) -> str | None:
    """The text of a message, given as one string or as OpenAI's list of text parts."""
    if content is None or isinstance(content, str):
        return content
    if isinstance(content, list):
        texts = [part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None for part in content]
        if texts and all(isinstance(text, str) for text in texts):
            return "".join(str(text) for text in texts)
    raise RowRefused(f'message {index}: "content" is neither text nor a list of text parts')


def check_order(roles: list[str]) -> None:
    """System first, then the user, and the assistant last; no two assistant messages in a row."""
    turns = roles[1:] if roles[0] in ("system", "developer") else roles
    if "assistant" not in roles:
        raise RowRefused("there is no assistant message, so there is nothing to learn")
    for role in ("system", "developer"):
        if role in turns:
            raise RowRefused(f"a {role} message stands after the first message")
    if turns[0] != "user":
        raise RowRefused(f"the first message after the system message is from the {turns[0]}, not from the user")
    for before, role in pairwise(turns):
        if before == role == "assistant":
            raise RowRefused("two assistant messages follow each other")
        if role == "tool" and before not in ("assistant", "tool"):
            raise RowRefused(f"a tool message follows a {before} message")
    if turns[-1] != "assistant":
        raise RowRefused(f"the last message is from the {turns[-1]}, not from the assistant")
