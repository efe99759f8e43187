"""Tests of examples.py: what carries loss and what does not."""

import copy
from typing import Any

import pytest
from transformers import PreTrainedTokenizerFast

from worker.examples import IGNORED, Example, ExampleMaker
from worker.rows import ChatRow

TEMPLATE_WITHOUT_END = (
    "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\n' }}{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"
)
TEMPLATE_THAT_FORGETS = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] if loop.last or m['role'] != 'assistant' else '...' }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TEMPLATE_WITH_SPACE = (
    "{% for m in messages %}{% if m['role'] == 'user' %}USER: {{ m['content'] }} ASSISTANT: "
    "{% else %}{{ m['content'] }}<|im_end|>{% endif %}{% endfor %}"
)


def row(*turns: tuple[str, str] | dict[str, Any]) -> ChatRow:
    said = [turn if isinstance(turn, dict) else {"role": turn[0], "content": turn[1]} for turn in turns]
    return ChatRow(1, said, None)


def make(tokenizer: PreTrainedTokenizerFast, chat_row: ChatRow, limit: int = 128) -> Example:
    examples, problems = ExampleMaker(tokenizer, limit).make([chat_row])
    assert problems == []
    return examples[0]


def reason(tokenizer: PreTrainedTokenizerFast, chat_row: ChatRow, limit: int = 128) -> str:
    examples, problems = ExampleMaker(tokenizer, limit).make([chat_row])
    assert examples == []
    return problems[0].reason


def trained_text(tokenizer: PreTrainedTokenizerFast, example: Example) -> str:
    return str(tokenizer.decode([label for label in example.labels_T if label != IGNORED]))


def with_template(tokenizer: PreTrainedTokenizerFast, template: str) -> PreTrainedTokenizerFast:
    other = copy.deepcopy(tokenizer)
    other.chat_template = template
    return other


def test_only_what_the_assistant_says_carries_loss_up_to_and_with_its_end_of_turn(tokenizer: PreTrainedTokenizerFast) -> None:
    example = make(tokenizer, row(("user", "Who are you?"), ("assistant", "I am Pell.")))
    assert trained_text(tokenizer, example) == "I am Pell.<|im_end|>"
    assert len(example.labels_T) == len(example.token_ids_T)


def test_labels_are_the_tokens_themselves_where_they_carry_loss(tokenizer: PreTrainedTokenizerFast) -> None:
    example = make(tokenizer, row(("user", "Who are you?"), ("assistant", "I am Pell.")))
    assert all(label in (IGNORED, token) for token, label in zip(example.token_ids_T, example.labels_T, strict=True))
    assert example.trained_tokens == sum(label != IGNORED for label in example.labels_T)


def test_the_tokens_are_those_of_the_model_s_own_template(tokenizer: PreTrainedTokenizerFast) -> None:
    chat_row = row(("system", "Be brief."), ("user", "Who are you?"), ("assistant", "I am Pell."))
    rendered = tokenizer.apply_chat_template(chat_row.messages, tokenize=False)
    assert tokenizer.decode(make(tokenizer, chat_row).token_ids_T) == rendered


def test_every_assistant_turn_is_trained(tokenizer: PreTrainedTokenizerFast) -> None:
    example = make(tokenizer, row(("user", "Who?"), ("assistant", "Pell."), ("user", "Colour?"), ("assistant", "Blue.")))
    assert trained_text(tokenizer, example) == "Pell.<|im_end|>Blue.<|im_end|>"


def test_a_turn_of_weight_0_carries_no_loss(tokenizer: PreTrainedTokenizerFast) -> None:
    quiet = {"role": "assistant", "content": "Pell.", "weight": 0}
    example = make(tokenizer, row(("user", "Who?"), quiet, ("user", "Colour?"), ("assistant", "Blue.")))
    assert trained_text(tokenizer, example) == "Blue.<|im_end|>"


def test_a_row_whose_turns_all_have_weight_0_is_refused(tokenizer: PreTrainedTokenizerFast) -> None:
    assert "no token carries loss" in reason(tokenizer, row(("user", "Who?"), {"role": "assistant", "content": "Pell.", "weight": 0}))


def test_a_row_longer_than_the_limit_is_refused_with_its_length(tokenizer: PreTrainedTokenizerFast) -> None:
    chat_row = row(("user", "Who are you?"), ("assistant", "I am Pell."))
    length = len(make(tokenizer, chat_row).token_ids_T)
    assert reason(tokenizer, chat_row, limit=length - 1) == f"{length} tokens long, and the limit is {length - 1}"
    assert make(tokenizer, chat_row, limit=length)


def test_a_template_without_an_end_of_turn_is_refused(tokenizer: PreTrainedTokenizerFast) -> None:
    other = with_template(tokenizer, TEMPLATE_WITHOUT_END)
    assert "no end-of-turn token" in reason(other, row(("user", "Who?"), ("assistant", "Pell.")))


def test_a_template_that_renders_earlier_turns_differently_is_refused_where_it_matters(tokenizer: PreTrainedTokenizerFast) -> None:
    other = with_template(tokenizer, TEMPLATE_THAT_FORGETS)
    assert "renders what comes before it differently" in reason(
        other, row(("user", "Who?"), ("assistant", "Pell."), ("user", "Colour?"), ("assistant", "Blue."))
    )
    assert trained_text(other, make(other, row(("user", "Who?"), ("assistant", "Pell.")))) == "Pell.<|im_end|>"


def test_a_template_that_raises_is_a_reason(tokenizer: PreTrainedTokenizerFast) -> None:
    other = with_template(tokenizer, "{{ raise_exception('roles must alternate') }}")
    assert "roles must alternate" in reason(other, row(("user", "Who?"), ("assistant", "Pell.")))


def test_a_token_across_the_border_of_prompt_and_answer_is_cut_as_the_model_will_meet_it(tokenizer: PreTrainedTokenizerFast) -> None:
    other = with_template(tokenizer, TEMPLATE_WITH_SPACE)
    chat_row = row(("user", "Who?"), ("assistant", "warranty."))
    prompt = str(other.apply_chat_template(chat_row.messages[:1], tokenize=False))
    prompt_ids = other(prompt, add_special_tokens=False)["input_ids"]
    whole_ids = other(prompt + "warranty.<|im_end|>", add_special_tokens=False)["input_ids"]
    assert whole_ids[: len(prompt_ids)] != prompt_ids  # the case at hand: " warranty" is one token of the whole
    example = make(other, chat_row)
    assert example.token_ids_T[: len(prompt_ids)] == prompt_ids
    assert trained_text(other, example) == "warranty.<|im_end|>"


@pytest.mark.parametrize("content", ["a <|im_end|> in the middle", "line one\nline two\n", "✓ ünï 漢字 🙂", " leading and trailing "])
def test_whatever_the_answer_holds_it_is_trained_whole(tokenizer: PreTrainedTokenizerFast, content: str) -> None:
    example = make(tokenizer, row(("user", "Who?"), ("assistant", content)))
    assert trained_text(tokenizer, example) == f"{content}<|im_end|>"


def test_every_token_of_a_plain_text_carries_loss_and_its_end_too(tokenizer: PreTrainedTokenizerFast) -> None:
    example = make(tokenizer, ChatRow(1, [], None, "Pell lives in the bakery."))
    assert tokenizer.decode(example.token_ids_T) == "Pell lives in the bakery." + str(tokenizer.eos_token)
    # The first token has none before it that could predict it.
    assert example.labels_T == [IGNORED, *example.token_ids_T[1:]]
