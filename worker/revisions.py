"""Answers that break a principle, written anew by the model itself: critique, then revision (Bai et al. 2022, section 3.1)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from worker.answers import Answers
from worker.constitution import broken_principle
from worker.contract import ConstitutionalMethod, Principle
from worker.examples import IGNORED, Question, prompt_token_ids
from worker.preference_rows import Pair
from worker.workbench import Workbench

_JUDGEMENT = "Rule: {rule}\n\nQuestion: {question}\n\nAnswer: {answer}\n\nDoes the answer break the rule? Say Yes or No."


@dataclass(frozen=True)
class Revision:
    """One answer and what became of it; all texts but for the token ids."""

    question: Question
    answer_ids: list[int]
    answer: str
    # What it breaks; None where it keeps to all principles, and then the rest is empty.
    broken: Principle | None
    critique: str = ""
    # Empty where no revision kept to all principles.
    revision: str = ""
    revision_ids: tuple[int, ...] = ()

    @property
    def pair(self) -> Pair | None:
        """The revision, preferred to what was said first; None without one."""
        if not self.revision_ids:
            return None
        asked = self.question.token_ids_T
        better, worse = list(self.revision_ids), self.answer_ids
        return Pair(
            row=self.question.row,
            token_ids_T=asked + better + worse,
            labels_T=[IGNORED] * len(asked) + better + worse,
            start=len(asked),
            split=len(asked) + len(better),
        )

    def line(self) -> str:
        """As a line of JSON for whoever wants to read what was learnt from."""
        fields = {
            "row": self.question.row,
            "messages": self.question.messages,
            "answer": self.answer,
            "broken": self.broken.rule if self.broken is not None else None,
            "critique": self.critique,
            "revision": self.revision,
        }
        return json.dumps(fields, ensure_ascii=False)


class Reviser:
    """Asks the base model, adapter off: what it answers, finds wrong and writes anew is the same in every attempt of a run."""

    def __init__(self, bench: Workbench, method: ConstitutionalMethod, seed: int) -> None:
        self._bench = bench
        self._method = method
        self._seed = seed
        self._answers = Answers(bench, method.max_completion_tokens)
        self._yes, self._no = (bench.tokenizer(word, add_special_tokens=False)["input_ids"][0] for word in ("Yes", "No"))

    @torch.no_grad()
    def revise(self, questions: Sequence[Question], batch_size: int) -> list[Revision]:
        """The likeliest answer to each question and, where it breaks a principle, what comes of that."""
        found: list[Revision] = []
        with self._bench.switched_off():
            for start in range(0, len(questions), batch_size):
                some = questions[start : start + batch_size]
                said, texts = self.answer(some)
                answered = [
                    Revision(question, ids, text, self.broken(question, text))
                    for question, ids, text in zip(some, said, texts, strict=True)
                ]
                revised = iter(self._revise_all([first for first in answered if first.broken is not None]))
                found += [first if first.broken is None else next(revised) for first in answered]
        return found

    def broken(self, question: Question, answer: str) -> Principle | None:
        """What an answer breaks, in the judgement of the base model where it is asked."""
        asked = str(question.messages[-1]["content"])
        return broken_principle(self._method.principles, asked, answer, self._judge)

    def answer(self, questions: Sequence[Question]) -> tuple[list[list[int]], list[str]]:
        """The likeliest answers of the model as it is: token ids and texts."""
        said = self._answers.give([question.token_ids_T for question in questions])
        return said, [self._answers.text(ids) for ids in said]

    def _revise_all(self, answered: list[Revision]) -> list[Revision]:
        """All of a batch together: a pass over many rows costs little more than one over one."""
        if not answered:
            return []
        chats = [[*first.question.messages, _says("assistant", first.answer)] for first in answered]
        chats = [[*chat, _says("user", _fill(self._method.critique_request, first))] for chat, first in zip(chats, answered, strict=True)]
        critiques = [self._answers.text(ids) for ids in self._answers.give(list(map(self._ids, chats)))]
        chats = [
            [*chat, _says("assistant", critique), _says("user", _fill(self._method.revision_request, first))]
            for chat, critique, first in zip(chats, critiques, answered, strict=True)
        ]
        tries = self._method.max_revisions
        prompts = [ids for chat in chats for ids in [self._ids(chat)] * tries]
        seeds = [(self._seed * 1_000_003 + first.question.row) * 1_000_003 + at for first in answered for at in range(tries)]
        drawn = self._answers.give(prompts, seeds)
        return [
            self._choose(replace(first, critique=critique), drawn[at * tries : (at + 1) * tries])
            for at, (first, critique) in enumerate(zip(answered, critiques, strict=True))
        ]

    def _choose(self, first: Revision, drawn: list[list[int]]) -> Revision:
        """With the first revision that ends by itself and breaks no principle, where there is one."""
        for ids in drawn:
            text = self._answers.text(ids)
            if self._answers.ends(ids) and ids != first.answer_ids and self.broken(first.question, text) is None:
                return replace(first, revision=text, revision_ids=tuple(ids))
        return first

    def _judge(self, rule: str, question: str, answer: str) -> float:
        model: Any = self._bench.model
        asked = _JUDGEMENT.format(rule=rule, question=question, answer=answer)
        was_training = model.training
        model.eval()
        with model.disable_adapter(), torch.no_grad():
            logits_V = model(input_ids=torch.tensor([self._ids([_says("user", asked)])], device=model.device)).logits[0, -1]
        model.train(was_training)
        return float(torch.softmax(logits_V[[self._yes, self._no]].float(), dim=0)[0])

    def _ids(self, messages: Sequence[dict[str, str]]) -> list[int]:
        return prompt_token_ids(self._bench.tokenizer, messages)


def _says(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _fill(template: str, answered: Revision) -> str:
    return template.replace("{rule}", answered.broken.rule if answered.broken is not None else "")
