"""Whether an answer breaks a principle: by its words, by a grader, or in the judgement of the model itself."""

from collections.abc import Callable, Sequence

from worker.contract import GraderCheck, LengthCheck, ModelCheck, PhrasesCheck, Principle
from worker.fill_template import Sample
from worker.graders import reward

# Probability, from 0 to 1, that the model sees this rule broken by an answer to a question.
Judge = Callable[[str, str, str], float]


def broken_principle(principles: Sequence[Principle], question: str, answer: str, judge: Judge) -> Principle | None:
    """The first principle that an answer breaks; None where it keeps to all."""
    return next((principle for principle in principles if breaks(principle, question, answer, judge)), None)


def breaks(principle: Principle, question: str, answer: str, judge: Judge) -> bool:
    """An answer that says nothing breaks every principle: silence is not what it asks for."""
    check = principle.violation
    if not answer.strip():
        return True
    match check:
        case PhrasesCheck():
            said = answer.casefold()
            found = any(phrase.casefold() in said for phrase in check.phrases)
            return found == (check.broken_when == "present")
        case LengthCheck():
            return len(answer.split()) > check.most_words
        case GraderCheck():
            return reward([check.grader], Sample(answer, {"reference": ""})) < check.below
        case ModelCheck():
            return judge(principle.rule, question, answer) > check.threshold
