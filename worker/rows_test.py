"""Tests of rows.py."""

import json
from pathlib import Path
from typing import Any

import pytest

from worker.conftest import chat, write_rows
from worker.testing import read_rows

USER = {"role": "user", "content": "Hi"}
ASSISTANT = {"role": "assistant", "content": "Hello"}


def messages(*said: Any) -> dict[str, Any]:
    return {"messages": list(said)}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b'{"messages": [', "broken JSON"),
        (b'{"messages": [{"role": "user", "content": "\xff"}]}', "not UTF-8"),
        (b'{"messages": NaN}', "NaN is not a JSON value"),
        (b"[" * 100_000, "broken JSON"),
        ([1, 2], "not a JSON object"),
        ({"prompt": "Hi", "completion": "Hello"}, '"messages" is missing'),
        (messages(), '"messages" is missing, empty'),
        (messages("Hi"), "message 1 is not an object"),
        (messages(USER, {"role": "model", "content": "Hello"}), 'message 2 has the role "model"'),
        (messages({"role": "user"}, ASSISTANT), 'message 1 (user) has no "content"'),
        (messages({"role": "user", "content": 5}, ASSISTANT), "neither text nor a list"),
        (messages({"role": "user", "content": [{"type": "image_url"}]}, ASSISTANT), "neither text nor a list"),
        (messages(USER, {"role": "assistant", "content": ""}), "message 2 (assistant) is empty"),
        (messages(USER, {**ASSISTANT, "weight": 2}), '"weight" is 0 or 1'),
        (messages({**USER, "weight": 1}, ASSISTANT), '"weight" is 0 or 1'),
        (messages(USER), "no assistant message"),
        (messages(ASSISTANT), "first message after the system message is from the assistant"),
        (messages(USER, ASSISTANT, {"role": "system", "content": "Be kind"}, USER, ASSISTANT), "system message stands after"),
        (messages(USER, ASSISTANT, ASSISTANT), "two assistant messages follow"),
        (messages(USER, {"role": "tool", "content": "4"}, ASSISTANT), "a tool message follows a user"),
        (messages(USER, ASSISTANT, USER), "last message is from the user"),
        ({**messages(USER, ASSISTANT), "tools": "none"}, '"tools" is not a list'),
    ],
)
def test_a_bad_row_is_named_with_its_number_and_reason(tmp_path: Path, row: Any, reason: str) -> None:
    rows, problems = read_rows(write_rows(tmp_path / "rows.jsonl", [chat("a", "b"), row, chat("c", "d")]))
    assert [good.row for good in rows] == [1, 3]
    assert [problem.row for problem in problems] == [2]
    assert reason in problems[0].reason


def test_all_bad_rows_are_found_at_once(tmp_path: Path) -> None:
    rows, problems = read_rows(write_rows(tmp_path / "rows.jsonl", [b"{", chat("a", "b"), messages(USER), b"x"]))
    assert len(rows) == 1
    assert [problem.row for problem in problems] == [1, 3, 4]


def test_rows_keep_the_number_of_their_line_when_lines_are_blank(tmp_path: Path) -> None:
    rows, problems = read_rows(write_rows(tmp_path / "rows.jsonl", [b"", chat("a", "b"), b"  ", b"oops"]))
    assert [row.row for row in rows] == [2]
    assert [problem.row for problem in problems] == [4]


def test_a_byte_order_mark_and_windows_line_ends_are_no_problem(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(chat("a", "b")).encode() + b"\r\n" + json.dumps(chat("c", "d")).encode())
    rows, problems = read_rows(path)
    assert len(rows) == 2
    assert problems == []


def test_text_parts_become_one_text(tmp_path: Path) -> None:
    parts = [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}]
    rows, _ = read_rows(write_rows(tmp_path / "rows.jsonl", [messages(USER, {"role": "assistant", "content": parts})]))
    assert rows[0].messages[1]["content"] == "Hello"


def test_plain_text_is_a_row_and_what_was_refused_before_keeps_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    write_rows(path, [{"text": "Once upon a time"}, {"text": " "}, {"invalid": {"reason": "output: is missing", "raw": "{}"}}])
    rows, problems = read_rows(path)
    assert [(row.text, row.messages) for row in rows] == [("Once upon a time", [])]
    assert [(problem.row, problem.reason) for problem in problems] == [(2, '"text" is empty or not a text'), (3, "output: is missing")]
