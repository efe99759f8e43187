"""What the platform renders and tokenises for a chat is what transformers makes of it: platform/inference/chat-cases.json says what.

`python -m worker.chat_cases_test MODEL_DIR` writes what the cases should come to, with the tokenizer of the demo model.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

ROOT = Path(__file__).parent.parent
CASES = ROOT / "platform" / "inference" / "chat-cases.json"
DEMO_MODEL = Path(os.environ.get("TUNELOOP_TEST_DATA", ROOT / ".tuneloop"), "models", "smollm2-135m-instruct", "model")


def rendered(case: dict[str, Any], model: Path) -> dict[str, Any]:
    """Text and token ids of one case; `template` null is the model's own."""
    tokenizer = AutoTokenizer.from_pretrained(model, trust_remote_code=False)
    options: dict[str, Any] = {"tools": case["tools"], "chat_template": case["template"], "add_generation_prompt": True}
    text = tokenizer.apply_chat_template(case["messages"], tokenize=False, **options)
    return {"text": text, "token_ids": tokenizer(text, add_special_tokens=False)["input_ids"]}


@pytest.mark.parametrize("case", json.loads(CASES.read_bytes()), ids=lambda case: case["name"])
def test_the_cases_are_what_transformers_renders(case: dict[str, Any]) -> None:
    assert rendered(case, DEMO_MODEL) == {"text": case["text"], "token_ids": case["token_ids"]}


if __name__ == "__main__":
    cases = [case | rendered(case, Path(sys.argv[1])) for case in json.loads(CASES.read_bytes())]
    CASES.write_text(json.dumps(cases, indent=1, ensure_ascii=False) + "\n")
