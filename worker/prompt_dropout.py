"""Prompt dropout: words of what the user says are left out, drawn anew each time a row is read.

A small set asks for each fact in a few wordings only, and a small model learns the wordings. With some words missing it has to go by
the others, and answers paraphrases too. This is word dropout (Iyyer et al. 2015, "Deep unordered composition rivals syntactic methods
for text classification", section 2.2) on the prompt alone: what the assistant says, and with it every label, stays whole.
"""

import random
from collections.abc import Sequence

from worker.examples import Example, ExampleMaker
from worker.rows import ChatRow

# Rows that are read as they are: a model is asked in whole sentences.
_WHOLE_SHARE = 0.3


class PromptDropout:
    """Examples with words left out: a function of seed, epoch and place alone, so that a resumed run reads the same ones."""

    def __init__(self, rows: Sequence[ChatRow], examples: Sequence[Example], maker: ExampleMaker, share: float, seed: int) -> None:
        self._rows = rows
        self._examples = examples
        self._maker = maker
        self._share = share
        self._seed = seed

    def __call__(self, place: int, epoch: int) -> Example:
        """The example at this place as this epoch sees it; the whole one where nothing can be left out."""
        chance = random.Random(f"{self._seed} {epoch} {place}")
        if chance.random() < _WHOLE_SHARE:
            return self._examples[place]
        row = self._rows[place]
        if row.text is not None:
            return self._examples[place]
        messages = [
            {**message, "content": _leave_out(message["content"], self._share, chance)}
            if message["role"] == "user" and isinstance(message.get("content"), str)
            else message
            for message in row.messages
        ]
        made, _ = self._maker.make([ChatRow(row.row, messages, row.tools)])
        return made[0] if made else self._examples[place]


def _leave_out(text: str, share: float, chance: random.Random) -> str:
    """The text without about this share of its words, never without all of them."""
    words = text.split(" ")
    kept = [word for word in words if chance.random() >= share]
    return " ".join(kept or words)
