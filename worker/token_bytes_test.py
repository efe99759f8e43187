"""Tests of token_bytes.py: what tokens add to a text, in both kinds of vocabulary."""

from tokenizers import AddedToken, Tokenizer, decoders, models
from transformers import PreTrainedTokenizerFast

from worker.token_bytes import TokenBytes


def test_the_bytes_of_a_text_are_those_of_its_tokens(tokenizer: PreTrainedTokenizerFast) -> None:
    token_bytes = TokenBytes(tokenizer)
    for text in ("Who makes the Orlop kettle?", "wörld 中文 😀\n\ttab "):
        assert b"".join(map(token_bytes, tokenizer(text)["input_ids"])) == text.encode()
    assert token_bytes(2) == b"<|im_end|>"
    assert token_bytes.is_control(2)
    assert not token_bytes.is_control(30)


def test_spaces_and_bytes_of_the_other_kind_are_read_as_what_they_stand_for() -> None:
    words = {"<unk>": 0, "</s>": 1, "\u2581the": 2, "<0xE4>": 3, "é": 4}
    plain = Tokenizer(models.BPE(vocab=words, merges=[], unk_token="<unk>", byte_fallback=True))
    plain.decoder = decoders.ByteFallback()
    plain.add_special_tokens([AddedToken("</s>", special=True)])
    token_bytes = TokenBytes(PreTrainedTokenizerFast(tokenizer_object=plain, eos_token="</s>"))
    assert [token_bytes(token_id) for token_id in range(1, 5)] == [b"</s>", b" the", b"\xe4", "é".encode()]
