"""Chat rows to token ids and labels: the loss mask is made here and nowhere else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

from worker.contract import RowProblem
from worker.rows import ChatRow, RowRefused

IGNORED = -100


@dataclass(frozen=True)
class Example:
    """A row as the trainer takes it. Both lists have length T; labels_T is the token itself where it carries loss, else -100."""

    row: int
    token_ids_T: list[int]
    labels_T: list[int]

    @property
    def trained_tokens(self) -> int:
        """How many tokens carry loss. The first has no token before it that could predict it."""
        return sum(label != IGNORED for label in self.labels_T[1:])


@dataclass(frozen=True)
class Question(Example):
    """What the model is asked, to answer by itself."""

    messages: list[dict[str, Any]]


@dataclass(frozen=True)
class Graded(Example):
    """A question, perhaps with its answer, which alone carries loss; and the row that it stands in, which graders read."""

    item: Mapping[str, Any]


@dataclass(frozen=True)
class _Rendered:
    """A row as text, and the spans [start, end) of it, in characters, that the assistant says."""

    text: str
    spans: list[tuple[int, int]]


class ExampleMaker:
    """Renders rows with the chat template of one model and masks all but the assistant's turns.

    A turn is what the template adds after its own generation prompt, up to and with the end-of-turn token: exactly what the
    model has to say when it is asked. This needs no {% generation %} markers in the template.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, max_tokens: int) -> None:
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens
        self._end_ids = end_token_ids(tokenizer)

    def make(self, rows: Sequence[ChatRow]) -> tuple[list[Example], list[RowProblem]]:
        """An example for each row that can be trained on, a problem for each that cannot."""
        examples: list[Example] = []
        problems: list[RowProblem] = []
        for row in rows:
            try:
                examples.append(self._make_one(row))
            except RowRefused as error:
                problems.append(RowProblem(row=row.row, reason=str(error)))
        return examples, problems

    @property
    def end_ids(self) -> set[int]:
        """Tokens that end a turn."""
        return self._end_ids

    def last_answer(self, example: Example) -> str:
        """What the row says last, as it is generated."""
        return str(self._tokenizer.decode(example.token_ids_T[answer_start(example) :], skip_special_tokens=True)).strip()

    def make_prompt(self, messages: list[dict[str, Any]], reference: str | None) -> tuple[list[int], list[int]]:
        """Token ids of what the model is asked, and of what it should say then, end of turn included; none without a reference.

        Raises RowRefused when the template refuses the messages, or when there is no room for an answer.
        """
        if reference is None:
            token_ids_T = self._ids(self._render(messages, None, add_generation_prompt=True))
            if len(token_ids_T) >= self._max_tokens:
                raise RowRefused(f"{len(token_ids_T)} tokens long, and the limit is {self._max_tokens} with the answer")
            return token_ids_T, []
        example = self._make_one(ChatRow(1, [*messages, {"role": "assistant", "content": reference}], None))
        end = max(at for at, label in enumerate(example.labels_T) if label != IGNORED) + 1
        start = max((at for at, label in enumerate(example.labels_T[:end]) if label == IGNORED), default=-1) + 1
        return example.token_ids_T[:start], example.token_ids_T[start:end]

    def make_question(self, row: ChatRow) -> Question:
        """What the model is asked; no token carries loss. Raises RowRefused as make_prompt does."""
        token_ids_T = self._ids(self._render(row.messages, row.tools, add_generation_prompt=True))
        if len(token_ids_T) >= self._max_tokens:
            raise RowRefused(f"{len(token_ids_T)} tokens long, and the limit is {self._max_tokens} with the answer")
        return Question(row.row, token_ids_T, [IGNORED] * len(token_ids_T), row.messages)

    def _make_one(self, row: ChatRow) -> Example:
        token_ids_T, trained_T = self._tokenize_text(row.text) if row.text is not None else self._tokenize(self._render_spans(row))
        if len(token_ids_T) > self._max_tokens:
            raise RowRefused(f"{len(token_ids_T)} tokens long, and the limit is {self._max_tokens}")
        labels_T = [token if trained else IGNORED for token, trained in zip(token_ids_T, trained_T, strict=True)]
        example = Example(row.row, token_ids_T, labels_T)
        if example.trained_tokens == 0:
            raise RowRefused("no token carries loss: every assistant message has weight 0 or renders to nothing")
        return example

    def _render_spans(self, row: ChatRow) -> _Rendered:
        """Renders the row up to each assistant turn and after it; each text must begin with the one before."""
        text = self._render(row.messages, row.tools)
        spans: list[tuple[int, int]] = []
        for index, message in enumerate(row.messages):
            if message["role"] != "assistant" or message.get("weight") == 0:
                continue
            prompt = self._render(row.messages[:index], row.tools, add_generation_prompt=True)
            said = text if index + 1 == len(row.messages) else self._render(row.messages[: index + 1], row.tools)
            if not said.startswith(prompt) or not text.startswith(said):
                raise RowRefused(
                    f"message {index + 1} (assistant): the chat template of the model renders what comes before it differently "
                    "once it is there, so what the assistant says cannot be told from its prompt"
                )
            spans.append((len(prompt), len(said)))
        return _Rendered(text, spans)

    def _render(self, messages: list[dict[str, Any]], tools: list[Any] | None, add_generation_prompt: bool = False) -> str:
        try:
            rendered = self._tokenizer.apply_chat_template(
                messages, tools=tools, tokenize=False, add_generation_prompt=add_generation_prompt
            )
        except (TemplateError, TypeError, KeyError, ValueError) as error:
            raise RowRefused(f"the chat template of the model refuses the messages: {error}") from error
        if not isinstance(rendered, str):
            raise TypeError(f"the chat template rendered to a {type(rendered).__name__}")
        return rendered

    def _tokenize_text(self, text: str) -> tuple[list[int], list[bool]]:
        """Plain text with what the tokenizer puts around any text, and the end of it: every token carries loss."""
        token_ids_T: list[int] = list(self._tokenizer(text)["input_ids"])
        end = self._tokenizer.eos_token_id
        if isinstance(end, int) and token_ids_T[-1:] != [end]:
            token_ids_T.append(end)
        return token_ids_T, [at > 0 for at in range(len(token_ids_T))]

    def _tokenize(self, rendered: _Rendered) -> tuple[list[int], list[bool]]:
        """Token ids of the whole text, and which of them carry loss."""
        cuts = [cut for span in rendered.spans for cut in span if cut < len(rendered.text)]
        token_ids_T, *beginnings = self._ids_of([rendered.text, *(rendered.text[:cut] for cut in cuts)])
        ids_until = {len(rendered.text): token_ids_T, **dict(zip(cuts, beginnings, strict=True))}
        prompts = [ids_until[start] for start, _ in rendered.spans]
        if all(token_ids_T[: len(prompt)] == prompt for prompt in prompts):
            turns = [
                (len(prompt), _common_prefix(token_ids_T, ids_until[end])) for prompt, (_, end) in zip(prompts, rendered.spans, strict=True)
            ]
        else:
            token_ids_T, turns = self._tokenize_apart(rendered)
        trained_T = [False] * len(token_ids_T)
        for start, end in turns:
            ends = [at for at in range(start, end) if token_ids_T[at] in self._end_ids]
            if start < end and not ends:
                raise RowRefused(
                    "the chat template of the model puts no end-of-turn token after an assistant message, "
                    "so the model would never learn to stop"
                )
            # What follows the end-of-turn token (a newline in many templates) is never generated.
            for at in range(start, ends[-1] + 1 if ends else start):
                trained_T[at] = True
        return token_ids_T, trained_T

    def _tokenize_apart(self, rendered: _Rendered) -> tuple[list[int], list[tuple[int, int]]]:
        """Token ids of the pieces between the starts of the assistant's turns, where a token of the whole straddles one.

        A model is asked with the tokens of the prompt alone, so this is what it meets when it answers. Also returns the turns as
        ranges of tokens.
        """
        cuts = [start for start, _ in rendered.spans] + [len(rendered.text)]
        token_ids_T = self._ids(rendered.text[: cuts[0]])
        turns: list[tuple[int, int]] = []
        for (start, end), cut in zip(rendered.spans, cuts[1:], strict=True):
            piece = self._ids(rendered.text[start:cut])
            said = _common_prefix(piece, self._ids(rendered.text[start:end]))
            turns.append((len(token_ids_T), len(token_ids_T) + said))
            token_ids_T += piece
        if self._tokenizer.decode(token_ids_T) != self._tokenizer.decode(self._ids(rendered.text)):
            raise RowRefused("a token of the model lies half in the prompt and half in what the assistant says")
        return token_ids_T, turns

    def _ids(self, text: str) -> list[int]:
        return self._ids_of([text])[0]

    def _ids_of(self, texts: list[str]) -> list[list[int]]:
        """One call for all: most of its time does not depend on how many they are."""
        return self._tokenizer(texts, add_special_tokens=False)["input_ids"]


def _common_prefix(left: list[int], right: list[int]) -> int:
    """How many tokens the two lists have in common before they differ."""
    for at, (a, b) in enumerate(zip(left, right, strict=False)):
        if a != b:
            return at
    return min(len(left), len(right))


def end_token_ids(tokenizer: PreTrainedTokenizerBase) -> set[int]:
    """Tokens that end a turn: the named parts, and those that the vocabulary marks as special without naming them."""
    return {*tokenizer.all_special_ids, *(token_id for token_id, token in tokenizer.added_tokens_decoder.items() if token.special)}


def prompt_token_ids(tokenizer: PreTrainedTokenizerBase, messages: Sequence[dict[str, str]]) -> list[int]:
    """What the model is asked with: the messages and the beginning of the answer, as training renders them."""
    rendered = tokenizer.apply_chat_template([dict(message) for message in messages], tokenize=False, add_generation_prompt=True)
    if not isinstance(rendered, str):
        raise TypeError(f"the chat template rendered to a {type(rendered).__name__}")
    return tokenizer(rendered, add_special_tokens=False)["input_ids"]


def answer_start(example: Example) -> int:
    """Where the last answer of the row begins: behind it all, where it has none."""
    end = max((at for at, label in enumerate(example.labels_T) if label != IGNORED), default=None)
    if end is None:
        return len(example.token_ids_T)
    return max(at for at in range(end) if example.labels_T[at] == IGNORED) + 1
