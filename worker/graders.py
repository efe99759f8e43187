"""Rewards from 0 to 1 for what the model says, by rules that anybody can check."""

from collections import Counter
from collections.abc import Sequence

from worker.contract import Grader, StringCheckGrader


def reward(graders: Sequence[Grader], answer: str, reference: str) -> float:
    """The weighted mean of what the graders say of an answer."""
    total = sum(grader.weight for grader in graders)
    return sum(grader.weight * _grade(grader, answer, reference) for grader in graders) / total


def _grade(grader: Grader, answer: str, reference: str) -> float:
    said, wanted = (_fill(text, answer, reference) for text in (grader.input, grader.reference))
    if isinstance(grader, StringCheckGrader):
        return float(_CHECKS[grader.operation](said, wanted))
    if grader.evaluation_metric == "fuzzy_match":
        # The normalised indel similarity that RapidFuzz calls ratio, which is OpenAI's fuzzy match.
        return 2 * _common(said, wanted) / max(len(said) + len(wanted), 1)
    left, right = said.lower().split(), wanted.lower().split()
    if grader.evaluation_metric == "rouge_l":
        return _f1(_common(left, right), len(left), len(right))
    size = 1 if grader.evaluation_metric == "rouge_1" else 2
    return _rouge(left, right, size)


_CHECKS = {
    "eq": lambda said, wanted: said == wanted,
    "ne": lambda said, wanted: said != wanted,
    "like": lambda said, wanted: wanted in said,
    "ilike": lambda said, wanted: wanted.lower() in said.lower(),
}


def _fill(template: str, answer: str, reference: str) -> str:
    """OpenAI's placeholders, with spaces within the braces or without. What is filled in is not read again."""
    pieces = template.replace("{{ ", "{{").replace(" }}", "}}").split("{{sample.output_text}}")
    return answer.join(piece.replace("{{item.reference}}", reference) for piece in pieces)


def _rouge(left: list[str], right: list[str], size: int) -> float:
    """Lin 2004: the F1 of words, or pairs of words, that both have."""
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
