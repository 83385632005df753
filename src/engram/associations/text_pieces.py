"""Pieces of texts that can stand as insertions of their own.

Texts of sources are longer or shorter than the insertions that they are to stand for. A piece is
part of one text, in its words and order.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Container, Iterator
from dataclasses import dataclass

from engram.words.punctuation import bare, core, ends_sentence, has_letters

#: How much of a whole a piece is. `whole`: sentences, or what stands between two
#: marks; `phrase`: the beginning or the end of that, cut where a phrase may begin, or
#: several of a list; `cut`: any words in a row.
WHOLE, PHRASE, CUT = 0, 1, 2
_DASHES = frozenset("-\u2013\u2014")
_LONE_DASH = re.compile(r"\s+([-\u2013\u2014]+)\s+")
_HARD = frozenset(":;()[]\u2026")


@dataclass(frozen=True)
class Piece:
    """A part of a text.

    Attributes
    ----------
    text : str
    begin, end : int
        Which words of the text it is.
    wholeness : {WHOLE, PHRASE, CUT}
    """

    text: str
    begin: int
    end: int
    wholeness: int


def pieces(text: str, lengths: Collection[int], common: Container[str]) -> Iterator[Piece]:
    """Yield the pieces of a text that have one of some numbers of words.

    What stands before a colon is left out: it names what the rest is about.

    Parameters
    ----------
    text : str
    lengths : collection of int
    common : container of str
        Function words: phrases begin with one, or at the beginning of what they are part of.
    """
    tokens = [token for token in _LONE_DASH.sub(r"\1 ", text).split() if has_letters(token)]
    hard, soft = _borders(tokens)
    opens = [bare(token).lower() in common for token in tokens]
    named = [token.rstrip("\"'\u201d\u2019").endswith(":") for token in tokens]
    for length in sorted(lengths):
        for begin in range(len(tokens) - length + 1):
            end = begin + length
            if any(named[begin:end]):
                continue
            is_whole = (soft[begin] and soft[end] and not any(soft[begin + 1 : end])) or _sentences(
                tokens, hard, begin, end
            )
            starts = soft[begin] or opens[begin]
            stops = soft[end] or (opens[end] and not opens[end - 1])
            is_phrase = (
                (soft[begin] or soft[end]) and starts and stops and not any(hard[begin + 1 : end])
            )
            yield Piece(
                _trimmed(tokens[begin:end]),
                begin,
                end,
                WHOLE if is_whole else PHRASE if is_phrase else CUT,
            )


def _borders(tokens: list[str]) -> tuple[list[bool], list[bool]]:
    """Return where a new part begins, and where a part of a list does, before each word.

    A further value stands for the end. Each of the former is one of the latter.
    """
    hard, soft = [True], [True]
    for token, following in zip(tokens, [*tokens, ""][1:], strict=True):
        after = token[core(token)[1] :]
        before = following[: core(following)[0]] if following else ""
        is_hard = ends_sentence(token) or bool(_HARD & {*after, *before})
        hard.append(is_hard)
        soft.append(is_hard or bool({",", *_DASHES} & {*after, *before}))
    hard[-1] = soft[-1] = True
    return hard, soft


def _sentences(tokens: list[str], hard: list[bool], begin: int, end: int) -> bool:
    """Tell whether words are whole sentences of a text."""
    starts = begin == 0 or ends_sentence(tokens[begin - 1])
    return starts and hard[begin] and (end == len(tokens) or ends_sentence(tokens[end - 1]))


def _trimmed(tokens: list[str]) -> str:
    """Return words as a text, without the punctuation around the whole of it."""
    first, last = tokens[0], tokens[-1]
    if len(tokens) == 1:
        return bare(first)
    return " ".join([first[core(first)[0] :], *tokens[1:-1], last[: core(last)[1]]])
