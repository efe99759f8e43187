"""Formulas over the rewards of several graders: numbers, names, + - * / ^, brackets and a few functions. Nothing else is run.

The grammar is that of platform/core/formula.ts, which refuses what is no formula before a run is made.
"""

import math
import re
from collections.abc import Callable, Mapping

_FUNCTIONS: Mapping[str, Callable[[list[float]], float]] = {
    "min": min,
    "max": max,
    "abs": lambda values: abs(values[0]),
    "floor": lambda values: math.floor(values[0]),
    "ceil": lambda values: math.ceil(values[0]),
    "exp": lambda values: math.exp(values[0]),
    "sqrt": lambda values: math.sqrt(values[0]),
    "log": lambda values: math.log(values[0]),
}
_TOKEN = re.compile(r"\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+|[A-Za-z_]\w*|\S", re.ASCII)


class NoNumber(Exception):
    """Why a formula comes to no number."""


def evaluate(source: str, values: Mapping[str, float]) -> float:
    """The formula with these values for its names. Raises NoNumber for a division by zero and its like, and for what is no formula."""
    try:
        result = _Reader(source, values).read()
    except (ArithmeticError, ValueError, TypeError, RecursionError) as error:
        raise NoNumber(f"calculate_output: {error}") from error
    if isinstance(result, complex) or not math.isfinite(result):
        raise NoNumber(f"calculate_output: comes to {result}")
    return float(result)


class _Reader:
    def __init__(self, source: str, values: Mapping[str, float]) -> None:
        self._tokens = _TOKEN.findall(source)
        self._values = values
        self._at = 0

    def read(self) -> float:
        value = self._sum()
        if self._at < len(self._tokens):
            raise self._unexpected()
        return value

    def _sum(self) -> float:
        value = self._product()
        while True:
            if self._take("+"):
                value += self._product()
            elif self._take("-"):
                value -= self._product()
            else:
                return value

    def _product(self) -> float:
        value = self._signed()
        while True:
            if self._take("*"):
                value *= self._signed()
            elif self._take("/"):
                value /= self._signed()
            else:
                return value

    def _signed(self) -> float:
        """A sign binds less than a power: -2 ^ 2 is -4."""
        return -self._signed() if self._take("-") else self._power()

    def _power(self) -> float:
        base = self._atom()
        return base ** self._signed() if self._take("^") else base

    def _atom(self) -> float:
        if self._take("("):
            return self._closed(self._sum())
        if self._at == len(self._tokens):
            raise self._unexpected()
        token = self._tokens[self._at]
        self._at += 1
        if token[0].isdigit() or (token[0] == "." and len(token) > 1):
            return float(token)
        if token in _FUNCTIONS and self._take("("):
            return float(_FUNCTIONS[token](self._list()))
        if token in self._values:
            return float(self._values[token])
        raise NoNumber(f'calculate_output: there is no grader "{token}"')

    def _list(self) -> list[float]:
        values = [self._sum()]
        while self._take(","):
            values.append(self._sum())
        self._closed(0)
        return values

    def _closed(self, value: float) -> float:
        if not self._take(")"):
            raise self._unexpected()
        return value

    def _take(self, token: str) -> bool:
        if self._at == len(self._tokens) or self._tokens[self._at] != token:
            return False
        self._at += 1
        return True

    def _unexpected(self) -> NoNumber:
        ended = self._at == len(self._tokens)
        return NoNumber(f"calculate_output: {'ends too early' if ended else f'{self._tokens[self._at]!r} is not expected'}")
