"""OpenAI's placeholders in the texts of a grader: of the answer that is graded, and of the row that it answers."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_PLACEHOLDER = re.compile(r"\{\{([^{}]{0,200})\}\}")
_INDEX = re.compile(r"\[(\d+)\]")


@dataclass(frozen=True)
class Sample:
    """An answer of the model, and the row that it answers: what {{sample.…}} and {{item.…}} read."""

    text: str
    item: Mapping[str, Any]


class Unfillable(Exception):
    """A placeholder that leads nowhere."""


def fill_template(template: str, sample: Sample) -> str:
    """What is filled in is not read again. Raises Unfillable."""
    return _PLACEHOLDER.sub(lambda found: _text(_value(found[1].strip(), sample)), template)


def unfillable(template: str, item: Mapping[str, Any]) -> str | None:
    """Why a row does not have what a template asks of it; None where it has. The answer is not looked at."""
    for found in _PLACEHOLDER.finditer(template):
        path = found[1].strip()
        if path.split(".")[0] == "sample":
            continue
        try:
            _value(path, Sample("", item))
        except Unfillable as error:
            return str(error)
    return None


def _value(path: str, sample: Sample) -> Any:
    names = _INDEX.sub(r".\1", path).split(".")
    value: Any = {"sample": {"output_text": sample.text}, "item": sample.item}
    if names[:2] == ["sample", "output_json"]:
        value = {"sample": {"output_json": _json(path, sample.text)}}
    for name in names:
        if isinstance(value, list) and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        elif isinstance(value, Mapping) and name in value:
            value = value[name]
        else:
            raise Unfillable(f'{{{{{path}}}}}: there is no "{name}"')
    return value


def _json(path: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Unfillable(f"{{{{{path}}}}}: the answer is not JSON") from None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
