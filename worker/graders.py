"""Rewards for what the model says: by rules that anybody can check, the base model, code in a sandbox, or a formula over these."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from worker.contract import Grader, PythonRule, RewardFormula, Rule, ScoreModelRule, StringCheckGrader, StringCheckRule
from worker.fill_template import Sample, Unfillable, fill_template, unfillable
from worker.formula import NoNumber, evaluate

# What a judge says to each of several chats, in at most so many tokens.
Ask = Callable[[list[list[dict[str, str]]], int], list[str]]
# What code says of each of several answers; None where it says nothing.
RunCode = Callable[[str, Sequence[Sample]], list[float | None]]


def reward(graders: Sequence[Grader], sample: Sample) -> float:
    """The weighted mean, from 0 to 1, of what the graders say of an answer. Raises Unfillable."""
    total = sum(grader.weight for grader in graders)
    return sum(grader.weight * _check(grader, sample) for grader in graders) / total


def rewards(
    graders: Sequence[Grader], formula: RewardFormula | None, samples: Sequence[Sample], ask: Ask, run_code: RunCode
) -> list[float | None]:
    """A reward for each answer: of the formula where there is one, else of the graders.

    None where none can be had of it: it is not the JSON that a template reads, the judge says no number, the code fails, or the formula
    comes to none.
    """
    if formula is None:
        return [_or_none(lambda sample=sample: reward(graders, sample)) for sample in samples]
    said = {name: _grade_all(rule, samples, ask, run_code) for name, rule in formula.rules.items()}
    return [_combine(formula, {name: values[at] for name, values in said.items()}) for at in range(len(samples))]


def templates(graders: Sequence[Grader], formula: RewardFormula | None) -> list[str]:
    """Every text of theirs that may hold placeholders."""
    rules: Sequence[Grader | Rule] = graders if formula is None else list(formula.rules.values())
    found: list[str] = []
    for rule in rules:
        if isinstance(rule, PythonRule):
            continue
        found += [message.content for message in rule.input] if isinstance(rule, ScoreModelRule) else [rule.input, rule.reference]
    return found


def missing(texts: Sequence[str], item: Mapping[str, Any]) -> str | None:
    """What the templates ask of a row that it does not have; None where it has it all."""
    return next((problem for text in texts if (problem := unfillable(text, item)) is not None), None)


def _grade_all(rule: Rule, samples: Sequence[Sample], ask: Ask, run_code: RunCode) -> list[float | None]:
    if isinstance(rule, PythonRule):
        return run_code(rule.source, samples)
    if not isinstance(rule, ScoreModelRule):
        return [_or_none(lambda sample=sample: _check(rule, sample)) for sample in samples]
    asked: list[tuple[int, list[dict[str, str]]]] = []
    for at, sample in enumerate(samples):
        try:
            asked.append((at, [{"role": part.role, "content": fill_template(part.content, sample)} for part in rule.input]))
        except Unfillable:
            continue
    scores: list[float | None] = [None] * len(samples)
    answers = ask([chat for _, chat in asked], rule.max_completion_tokens) if asked else []
    for (at, _), text in zip(asked, answers, strict=True):
        score = _score(text)
        scores[at] = None if score is None else min(max(score, rule.lowest), rule.highest)
    return scores


def _combine(formula: RewardFormula, values: dict[str, float | None]) -> float | None:
    known = {name: value for name, value in values.items() if value is not None}
    if len(known) < len(values):
        return None
    if formula.calculate_output is None:
        return next(iter(known.values()))
    try:
        return evaluate(formula.calculate_output, known)
    except NoNumber:
        return None


def _or_none(grade: Callable[[], float]) -> float | None:
    try:
        return grade()
    except Unfillable:
        return None


def _score(text: str) -> float | None:
    """`{"result": 0.5}` as OpenAI's judges say it, or the first number."""
    named = re.search(r'"(?:result|score)"\s*:\s*(-?\d+(?:\.\d+)?)', text)
    found = named[1] if named else (first[0] if (first := re.search(r"-?\d+(?:\.\d+)?", text)) else None)
    return None if found is None else float(found)


def _check(grader: Any, sample: Sample) -> float:
    said, wanted = fill_template(grader.input, sample), fill_template(grader.reference, sample)
    if isinstance(grader, StringCheckGrader | StringCheckRule):
        return float(_CHECKS[grader.operation](said, wanted))
    metric: str = grader.evaluation_metric
    if metric == "fuzzy_match":
        # The normalised indel similarity that RapidFuzz calls ratio, which is OpenAI's fuzzy match.
        return 2 * _common(said, wanted) / max(len(said) + len(wanted), 1)
    left, right = said.lower().split(), wanted.lower().split()
    if metric == "rouge_l":
        return _f1(_common(left, right), len(left), len(right))
    return _rouge(left, right, int(metric.removeprefix("rouge_")))


_CHECKS: dict[str, Callable[[str, str], bool]] = {
    "eq": lambda said, wanted: said == wanted,
    "ne": lambda said, wanted: said != wanted,
    "like": lambda said, wanted: wanted in said,
    "ilike": lambda said, wanted: wanted.lower() in said.lower(),
}


def _rouge(left: list[str], right: list[str], size: int) -> float:
    """Lin 2004: the F1 of runs of so many words that both have."""
    grams = [Counter(tuple(words[at : at + size]) for at in range(len(words) - size + 1)) for words in (left, right)]
    return _f1(sum((grams[0] & grams[1]).values()), sum(grams[0].values()), sum(grams[1].values()))


def _f1(common: int, left: int, right: int) -> float:
    return 2 * common / (left + right) if left + right > 0 else 1.0


def _common(left: Sequence[str], right: Sequence[str]) -> int:
    """Length of the longest common subsequence."""
    row = [0] * (len(right) + 1)
    for a in left:
        before = 0
        for at, b in enumerate(right, start=1):
            before, row[at] = row[at], before + 1 if a == b else max(row[at], row[at - 1])
    return row[-1]
