"""Tests of graders.py: placeholders, judges and formulas; grpo_test.py has what single rules say."""

from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import TypeAdapter

from worker.contract import RewardFormula
from worker.fill_template import Sample, Unfillable, fill_template
from worker.graders import missing, rewards, templates

ROW = {"messages": [{"role": "user", "content": "Who?"}], "answer": {"name": "Pell", "age": 7}, "tags": ["a", "b"]}
RIGHT = {"type": "string_check", "operation": "eq", "input": "{{sample.output_text}}", "reference": "{{item.answer.name}}"}
JUDGE = {
    "type": "score_model", "model": "tiny", "input": [{"role": "user", "content": "Rate {{sample.output_text}} for {{item.tags}}"}],
    "lowest": 0.0, "highest": 5.0, "max_completion_tokens": 8,
}  # fmt: skip


def formula(calculate_output: str | None, **rules: dict[str, Any]) -> RewardFormula:
    return TypeAdapter(RewardFormula).validate_python({"rules": rules, "calculate_output": calculate_output})


def nobody(_chats: list[list[dict[str, str]]], _most: int) -> list[str]:
    raise AssertionError("there is no judge to ask")


def no_code(_source: str, _samples: Sequence[Sample]) -> list[float | None]:
    raise AssertionError("there is no code to run")


@pytest.mark.parametrize(
    ("template", "wanted"),
    [
        ("{{ sample.output_text }}!", '{"n": [3]}!'),
        ("{{item.answer.name}} is {{item.answer.age}}", "Pell is 7"),
        ("{{item.tags[1]}}{{item.tags}}", 'b["a","b"]'),
        ("{{sample.output_json.n[0]}}", "3"),
    ],
)
def test_placeholders_read_the_answer_and_the_row(template: str, wanted: str) -> None:
    assert fill_template(template, Sample('{"n": [3]}', ROW)) == wanted


def test_what_is_filled_in_is_not_read_again() -> None:
    assert fill_template("{{sample.output_text}}", Sample("{{item.answer.name}}", ROW)) == "{{item.answer.name}}"


def test_a_placeholder_that_leads_nowhere_is_named() -> None:
    with pytest.raises(Unfillable, match=r'\{\{item.answer.nick\}\}: there is no "nick"'):
        fill_template("{{item.answer.nick}}", Sample("", ROW))
    texts = templates([], formula(None, it={**RIGHT, "reference": "{{item.nothing}}"}))
    assert missing(texts, ROW) == '{{item.nothing}}: there is no "nothing"'
    assert missing(templates([], formula(None, it=RIGHT)), ROW) is None


def test_a_single_rule_is_the_reward() -> None:
    assert rewards([], formula(None, it=RIGHT), [Sample("Pell", ROW), Sample("Wick", ROW)], nobody, no_code) == [1.0, 0.0]


def test_a_judge_is_asked_for_all_answers_at_once_and_kept_within_its_range() -> None:
    asked: list[list[dict[str, str]]] = []

    def judge(chats: list[list[dict[str, str]]], most: int) -> list[str]:
        asked.extend(chats)
        assert most == 8
        return ["It is a 3.", '{"result": 9}', "I would rather not say."]

    said = rewards(
        [], formula("right + judge / 10", right=RIGHT, judge=JUDGE), [Sample(text, ROW) for text in ("Pell", "b", "c")], judge, no_code
    )
    assert said == [pytest.approx(1.3), pytest.approx(0.5), None]
    assert asked[0] == [{"role": "user", "content": 'Rate Pell for ["a","b"]'}]


def test_an_answer_that_is_not_the_json_it_should_be_has_no_reward() -> None:
    rule = {**RIGHT, "input": "{{sample.output_json.name}}"}
    assert rewards([], formula(None, it=rule), [Sample('{"name": "Pell"}', ROW), Sample("Pell", ROW)], nobody, no_code) == [1.0, None]


def test_a_formula_that_comes_to_no_number_gives_no_reward() -> None:
    assert rewards([], formula("1 / it", it=RIGHT), [Sample("Pell", ROW), Sample("Wick", ROW)], nobody, no_code) == [1.0, None]


def test_code_grades_all_answers_at_once_and_stands_in_formulas_beside_rules() -> None:
    def run(source: str, samples: Sequence[Sample]) -> list[float | None]:
        assert source == "…"
        return [None if sample.text == "c" else 0.5 for sample in samples]

    graded = formula("right + code", right=RIGHT, code={"type": "python", "source": "…"})
    assert rewards([], graded, [Sample(text, ROW) for text in ("Pell", "b", "c")], nobody, run) == [1.5, 0.5, None]
    assert templates([], formula(None, code={"type": "python", "source": "…"})) == []
