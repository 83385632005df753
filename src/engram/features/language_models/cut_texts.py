"""Tokens of a text that is cut into pieces, where words stand without a space between them.

Tokenizers join letters into tokens across such words (the Chinese for "my" and the noun behind it),
and choose tokens by what follows. Cut there, a word's tokens are its own, and depend on no word
that comes later. A text with spaces between all its words is one piece.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

logger = logging.getLogger(__name__)

#: How vocabularies write the space before a word.
_SPACES = ("\u2581", "\u0120")
#: What a piece is put behind where a tokenizer would write a space before it; the first one that
#: stays a token of its own is taken.
_BEFORE = ("\n", "\u3001", "-")


class Tokens(NamedTuple):
    """Tokens of a part of a text.

    Attributes
    ----------
    ids : array of shape (n_tokens, )
    offsets : array of shape (n_tokens, 2)
        Begin and end of each token in the whole text.
    """

    ids: np.ndarray
    offsets: np.ndarray


def in_pieces(text: str, cuts: Sequence[int] | np.ndarray, tokenizer: Any) -> list[Tokens]:
    """Return the tokens of each piece of a text.

    Parameters
    ----------
    text : str
    cuts : sequence of int
        Where pieces begin, apart from the first; rising.
    tokenizer : transformers.PreTrainedTokenizerFast
    """
    begins = [0, *map(int, cuts)]
    pieces = [text[begin:end] for begin, end in zip(begins, [*begins[1:], len(text)], strict=True)]
    found = [_tokens(one) for one in _called(pieces, tokenizer)]
    spaced = [
        number
        for number, tokens in enumerate(found)
        if number and _begins_with_space(tokens, tokenizer)
    ]
    for before in _BEFORE:
        spaced = _without_space(found, spaced, pieces, before, tokenizer)
    if spaced:
        logger.warning(
            "the tokenizer (%s) writes a space before %d of %d pieces of the text that have none, "
            "such as '%s'",
            *(type(tokenizer).__name__, len(spaced), len(pieces), pieces[spaced[0]][:20]),
        )
    return [Tokens(one.ids, one.offsets + begin) for one, begin in zip(found, begins, strict=True)]


def _without_space(
    found: list[Tokens], spaced: Sequence[int], pieces: Sequence[str], before: str, tokenizer: Any
) -> list[int]:
    """Replace the tokens of pieces that begin with a space; return those of which that failed."""
    if not spaced:
        return []
    left = []
    called = _called([before + pieces[number] for number in spaced], tokenizer)
    for number, tokens in zip(spaced, map(_tokens, called), strict=True):
        behind = int(np.searchsorted(np.maximum.accumulate(tokens.offsets[:, 1]), len(before) + 1))
        kept = Tokens(tokens.ids[behind:], tokens.offsets[behind:] - len(before))
        if len(kept.ids) and (kept.offsets >= 0).all() and not _begins_with_space(kept, tokenizer):
            found[number] = kept
        else:
            left.append(number)
    return left


def _called(texts: list[str], tokenizer: Any) -> list[tuple[Any, Any]]:
    """Return the ids and offsets of some texts."""
    encoded = tokenizer(
        texts if len(texts) > 1 else texts[0],
        add_special_tokens=False,
        return_offsets_mapping=True,
        split_special_tokens=True,
        verbose=False,
    )
    parts = encoded["input_ids"], encoded["offset_mapping"]
    return list(zip(*parts, strict=True)) if len(texts) > 1 else [parts]


def _tokens(one: tuple[Any, Any]) -> Tokens:
    ids, offsets = one
    return Tokens(np.asarray(ids, dtype=int), np.asarray(offsets, dtype=int).reshape(-1, 2))


def _begins_with_space(tokens: Tokens, tokenizer: Any) -> bool:
    """Tell whether the first token has a space that the text does not have."""
    if not len(tokens.ids):
        return False
    first = tokenizer.convert_ids_to_tokens(int(tokens.ids[0]))
    return isinstance(first, str) and first.startswith(_SPACES)
