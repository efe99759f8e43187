"""The bytes of each token: a token may be a piece of a character, which text cannot say."""

import re
from functools import cache
from typing import Any

from transformers import PreTrainedTokenizerBase

from worker.examples import end_token_ids

# A byte as a word of the last resort, in vocabularies of the kind of SentencePiece (Kudo and Richardson 2018).
_BYTE = re.compile(r"^<0x([0-9A-F]{2})>$")


@cache
def _byte_of_character() -> dict[str, int]:
    """GPT-2's alphabet (Radford et al. 2019): each byte has one printable character; those without their own come from U+0100 on."""
    alphabet: dict[str, int] = {}
    extra = 0x100
    for byte in range(256):
        if 0x21 <= byte <= 0x7E or (byte >= 0xA1 and byte != 0xAD):
            alphabet[chr(byte)] = byte
        else:
            alphabet[chr(extra)] = byte
            extra += 1
    return alphabet


class TokenBytes:
    """Of one tokenizer. Control tokens are spelt out."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer: Any = tokenizer
        self._verbatim: set[int] = set(tokenizer.added_tokens_decoder)
        self._control = end_token_ids(tokenizer)
        self._is_byte_level = "ByteLevel" in str(self._tokenizer.backend_tokenizer.decoder)

    def is_control(self, token_id: int) -> bool:
        """Whether it is no part of a text."""
        return token_id in self._control

    def __call__(self, token_id: int) -> bytes:
        """What the token adds to a text."""
        text = str(self._tokenizer.convert_ids_to_tokens(token_id))
        if token_id in self._verbatim:
            return text.encode()
        if self._is_byte_level:
            alphabet = _byte_of_character()
            # A character outside the alphabet: a token that was added as plain text.
            return bytes(alphabet[one] for one in text) if all(one in alphabet for one in text) else text.encode()
        byte = _BYTE.match(text)
        return bytes([int(byte[1], 16)]) if byte else text.replace("\u2581", " ").encode()
