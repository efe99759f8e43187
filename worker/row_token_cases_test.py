"""The platform counts tokens before a run, the worker during it: both keep to the cases in platform/data/row-token-cases.json.

`python -m worker.row_token_cases_test` writes what the cases should come to, after a change of the rows or of the rules.
"""

import json
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from worker.examples import ExampleMaker
from worker.testing import read_rows

CASES = Path(__file__).parent.parent / "platform" / "data" / "row-token-cases.json"


def test_the_worker_counts_the_tokens_of_every_case_as_the_platform_does(tmp_path: Path) -> None:
    for case in json.loads(CASES.read_bytes()):
        assert counts_of(case, tmp_path) == case["counts"], case["name"]


def counts_of(case: dict[str, Any], folder: Path) -> list[dict[str, int] | None]:
    """Total and trained tokens of each row; None for a row that is refused."""
    model = folder / case["name"]
    model.mkdir()
    for name, content in case["files"].items():
        (model / name).write_text(content if isinstance(content, str) else json.dumps(content))
    rows_file = folder / f"{case['name']}.jsonl"
    rows_file.write_text("".join(json.dumps(row) + "\n" for row in case["rows"]))
    rows, problems = read_rows(rows_file)
    assert problems == []
    maker = ExampleMaker(AutoTokenizer.from_pretrained(model, trust_remote_code=False), max_tokens=10_000)
    counts: list[dict[str, int] | None] = []
    for row in rows:
        examples, _ = maker.make([row])
        counts.append({"total": len(examples[0].token_ids_T), "trained": examples[0].trained_tokens} if examples else None)
    return counts


if __name__ == "__main__":
    from tempfile import TemporaryDirectory

    cases = json.loads(CASES.read_bytes())
    with TemporaryDirectory() as folder:
        for case in cases:
            case["counts"] = counts_of(case, Path(folder))
    CASES.write_text(json.dumps(cases, indent=1, ensure_ascii=False) + "\n")
