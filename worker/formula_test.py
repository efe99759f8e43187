"""Tests of formula.py: it comes to what platform/core/formula.ts comes to, which reads the same cases."""

import json
from pathlib import Path

import pytest

from worker.formula import NoNumber, evaluate

CASES = json.loads((Path(__file__).parent.parent / "platform" / "core" / "formula-cases.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=[case["source"] for case in CASES])
def test_a_formula_comes_to_what_it_says(case: dict[str, float | str | None]) -> None:
    values = {"a": 1, "b": 0, "is": 0.5}
    if case["result"] is None:
        with pytest.raises(NoNumber):
            evaluate(str(case["source"]), values)
    else:
        assert evaluate(str(case["source"]), values) == pytest.approx(case["result"])
