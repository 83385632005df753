"""Special and unknown tokens: which tokens stand for text, and what a tokenizer knows of it."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

from engram.words.punctuation import has_letters

#: A byte of a character that has no token of its own; some tokenizers mark these as special.
_BYTE = re.compile("<0x[0-9A-F]{2}>")


def special_tokens(tokenizer: Any) -> dict[int, str]:
    """Return the special tokens by id, without those that stand for text.

    These are bytes of rare characters (``<0x56>``) and punctuation ("!" as padding).
    """
    added = getattr(tokenizer, "added_tokens_decoder", {})
    special = {number: token.content for number, token in added.items() if token.special}
    special |= dict(
        zip(
            getattr(tokenizer, "all_special_ids", []),
            getattr(tokenizer, "all_special_tokens", []),
            strict=True,
        )
    )
    unknown = unknown_token(tokenizer)
    if unknown is not None and (number := tokenizer.convert_tokens_to_ids(unknown)) is not None:
        special[number] = unknown
    return {
        number: token
        for number, token in special.items()
        if token == unknown or (has_letters(token) and not _BYTE.fullmatch(token))
    }


def unknown_token(tokenizer: Any) -> str | None:
    """Return a tokenizer's unknown token, or None where it has none.

    That of the tokenizers library counts first: transformers need not know of it.
    """
    return getattr(
        getattr(getattr(tokenizer, "backend_tokenizer", None), "model", None), "unk_token", None
    ) or getattr(tokenizer, "unk_token", None)


def says_something(tokenizer: Any, token: int, covered: str) -> bool:
    """Tell whether a token stands for a letter or a digit of the text that it covers.

    The comma of "10,000" does not; nor does the mark for a word's beginning ("▁"), whose offsets
    are those of the first letter.
    """
    return has_letters(covered) and bool(
        str(tokenizer.convert_ids_to_tokens(int(token))).strip("▁ ")
    )


def is_known(
    tokenizer: Any,
    text: str,
    ids: Sequence[int],
    offsets: Sequence[tuple[int, int]],
    special: Collection[int],
) -> bool:
    """Tell whether a tokenizer knows anything of a text.

    One of its tokens, none of the special ones, then holds a letter or a digit of it.

    A text without letters and digits is known.
    """
    tokens = zip(ids, offsets, strict=True)
    return not has_letters(text) or any(
        token not in special and says_something(tokenizer, token, text[slice(*offset)])
        for token, offset in tokens
    )
