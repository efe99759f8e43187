"""What runs inside the sandbox: code of a grader, and the answers that it is to grade. Stands alone: any Python from 3.8 on runs it.

Reads JSON lines: first {"source"}, then {"sample", "item"} for each answer. Writes one for each: {"ready"}, then {"score"} or {"error"}.
"""

from __future__ import annotations

import json
import math
import os
import signal
import sys
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any

# Of one answer, in seconds.
LIMIT = 5
MEMORY = 2 * 1024**3


class TooSlow(BaseException):
    """Not an Exception, so that a grader which catches all of those is ended too."""


def main() -> None:
    """Grades until nothing more is asked."""
    told = os.fdopen(os.dup(1), "w")
    # What a grader prints is not a score.
    os.dup2(2, 1)

    def say(**fields: Any) -> None:
        told.write(json.dumps(fields) + "\n")
        told.flush()

    limit_memory()
    signal.signal(signal.SIGALRM, too_slow)
    try:
        grade = limited(lambda: load(json.loads(sys.stdin.readline())["source"]))
    except BaseException as error:
        say(error=describe(error))
        return
    say(ready=True)
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            score = limited(partial(score_of, grade, asked["sample"], asked["item"]))
        except BaseException as error:
            say(error=describe(error))
        else:
            say(score=score)


def limit_memory() -> None:
    """As OpenAI limits it; where the system knows no limits the sandbox has to."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    except (ImportError, ValueError, OSError):
        pass


def load(source: str) -> Any:
    """The function that grades."""
    scope: dict[str, Any] = {"__name__": "grader"}
    exec(compile(source, "grader.py", "exec"), scope)
    if not callable(scope.get("grade")):
        raise NameError("there is no function grade(sample, item)")
    return scope["grade"]


def score_of(grade: Any, sample: Any, item: Any) -> float:
    """What the function says, if that is a number."""
    score = float(grade(sample, item))
    if not math.isfinite(score):
        raise ValueError(f"the score is {score}")
    return score


def limited(action: Callable[[], Any]) -> Any:
    """What it returns, unless it takes longer than one answer may."""
    signal.setitimer(signal.ITIMER_REAL, LIMIT)
    try:
        return action()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def too_slow(_number: int, _frame: object) -> None:
    """Ends what is being graded."""
    raise TooSlow(f"it took longer than {LIMIT} s")


def describe(error: BaseException) -> str:
    """In one line, with the line of the grader."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "grader.py"]
    if isinstance(error, SyntaxError) and error.filename == "grader.py":
        lines.append(error.lineno)
    place = f"line {lines[-1]}: " if lines else ""
    return f"{place}{type(error).__name__}: {str(error)[:500]}"


main()
