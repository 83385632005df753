"""Where blanks stand between a story's words, so that models read text as people write it."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
import regex

#: English contractions that some corpora cut off: 's, 't, n't. They follow the word before them
#: without a blank, and so does what French hangs on by a hyphen: -il, -moi.
_ATTACHED = regex.compile(r"(?:['’](?:s|t|re|ve|ll|d|m)|n['’]t)(?!\p{L})|-\p{L}", regex.IGNORECASE)
#: Words of French and Italian that lose their last vowel, and o': no blank follows them.
_ELIDED = regex.compile(
    r"(?:.*\P{L})?(?:[cdjlmnost]|qu|jusqu|lorsqu|puisqu|quoiqu|quelqu|presqu|"
    r"un|dell|nell|all|dall|sull|quell|quest)['’]",
    regex.IGNORECASE,
)


class Layout(NamedTuple):
    """The text of a story, and where its words stand in it.

    Attributes
    ----------
    text : str
    begins, ends : array of shape (n_words, )
        First character of each word, and the one behind its last.
    blanks : array
        Places of the blanks between words.
    """

    text: str
    begins: np.ndarray
    ends: np.ndarray
    blanks: np.ndarray


def laid_out(words: Sequence[str], apart: Collection[int] = ()) -> Layout:
    """Return the text of words, with the blanks that people write.

    Parameters
    ----------
    words : sequence of str
    apart : collection of int
        Words before which a blank stands though people write none.
    """
    blank = [
        place in apart or not is_attached(*pair)
        for place, pair in enumerate(itertools.pairwise(words), start=1)
    ]
    gaps = np.array([0, *blank], dtype=int)[: len(words)]
    ends = np.cumsum(np.array([len(word) for word in words], dtype=int) + gaps)
    begins = ends - np.array([len(word) for word in words], dtype=int)
    text = "".join(
        f" {word}" if gap else word for word, gap in zip(words, gaps.tolist(), strict=True)
    )
    return Layout(text, begins, ends, begins[gaps > 0] - 1)


def is_attached(before: str, word: str) -> bool:
    """Tell whether a word follows the word before it without a blank.

    Parameters
    ----------
    before, word : str
        Such as "don" and "'t", "j'" and "avais", "dit" and "-il".
    """
    if _ATTACHED.match(word):
        return before[-1:].isalpha()
    return _ELIDED.fullmatch(before) is not None and word[:1].isalpha()
