"""Prompt dropout leaves words of the question out, and nothing else."""

from transformers import PreTrainedTokenizerBase

from worker.examples import IGNORED, ExampleMaker
from worker.prompt_dropout import PromptDropout
from worker.rows import ChatRow

QUESTION = "At what hour does the library open in the morning on a working day"


def dropout(tokenizer: PreTrainedTokenizerBase, share: float, seed: int = 7) -> PromptDropout:
    messages = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": "It opens at half past nine."}]
    rows = [ChatRow(1, messages, None)]
    maker = ExampleMaker(tokenizer, 512)
    examples, problems = maker.make(rows)
    assert not problems
    return PromptDropout(rows, examples, maker, share, seed)


def test_what_the_assistant_says_stays_whole(tokenizer: PreTrainedTokenizerBase) -> None:
    vary = dropout(tokenizer, 0.5)
    said = {tuple(label for label in vary(0, epoch).labels_T if label != IGNORED) for epoch in range(20)}
    assert len(said) == 1


def test_words_are_drawn_anew_each_epoch_and_some_epochs_see_the_whole_question(tokenizer: PreTrainedTokenizerBase) -> None:
    vary = dropout(tokenizer, 0.3)
    seen = [tuple(vary(0, epoch).token_ids_T) for epoch in range(40)]
    assert len(set(seen)) > 10
    longest = max(seen, key=len)
    assert 4 < seen.count(longest) < 24


def test_the_same_seed_epoch_and_place_give_the_same_words(tokenizer: PreTrainedTokenizerBase) -> None:
    assert [dropout(tokenizer, 0.3)(0, epoch) for epoch in range(9)] == [dropout(tokenizer, 0.3)(0, epoch) for epoch in range(9)]
    assert [dropout(tokenizer, 0.3, seed=8)(0, epoch) for epoch in range(9)] != [dropout(tokenizer, 0.3)(0, epoch) for epoch in range(9)]


def test_a_question_of_one_word_stays(tokenizer: PreTrainedTokenizerBase) -> None:
    rows = [ChatRow(1, [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}], None)]
    maker = ExampleMaker(tokenizer, 512)
    examples, _ = maker.make(rows)
    vary = PromptDropout(rows, examples, maker, 0.9, 1)
    assert all(vary(0, epoch).token_ids_T == examples[0].token_ids_T for epoch in range(20))
