"""Where blanks stand between a story's words, so that models read text as people write it."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
import regex

from engram.words.language import ENGLISH, has_spaces, primary

#: English contractions that some corpora cut off: 's, 't, n't. They follow the word before them
#: without a blank, and so does what French hangs on by a hyphen: -il, -moi.
_ATTACHED = regex.compile(r"(?:['’](?:s|t|re|ve|ll|d|m)|n['’]t)(?!\p{L})|-\p{L}", regex.IGNORECASE)
#: Words of French and Italian that lose their last vowel, and o': no blank follows them.
_ELIDED = regex.compile(
    r"(?:.*\P{L})?(?:[cdjlmnost]|qu|jusqu|lorsqu|puisqu|quoiqu|quelqu|presqu|"
    r"un|dell|nell|all|dall|sull|quell|quest)['’]",
    regex.IGNORECASE,
)
#: Further ones by language; after some shortened words of Italian (po', mo', va') a blank stands.
_ELIDED_IN = {
    "fr": regex.compile(r"(?:.*\P{L})?(?:aujourd|entr|prud)['’]", regex.IGNORECASE),
    "it": regex.compile(
        r"(?:.*\P{L})?(?!(?:po|mo|be|di|fa|va|sta|da|to|ca)['’])\p{L}+['’]", regex.IGNORECASE
    ),
}
#: What is not of a script without blanks: two words of it in a row have one between them.
_SPACED_END = regex.compile(r"[\p{Latin}\p{Greek}\p{Cyrillic}\p{Nd}]\p{M}*$")
_SPACED_START = regex.compile(r"[\p{Latin}\p{Greek}\p{Cyrillic}\p{Nd}]")


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


def laid_out(words: Sequence[str], apart: Collection[int] = (), language: str = ENGLISH) -> Layout:
    """Return the text of words, with the blanks that people write.

    Parameters
    ----------
    words : sequence of str
    apart : collection of int
        Words before which a blank stands though people write none.
    language : str
        Code of the story's language.
    """
    blank = [
        place in apart or not is_attached(*pair, language)
        for place, pair in enumerate(itertools.pairwise(words), start=1)
    ]
    gaps = np.array([0, *blank], dtype=int)[: len(words)]
    ends = np.cumsum(np.array([len(word) for word in words], dtype=int) + gaps)
    begins = ends - np.array([len(word) for word in words], dtype=int)
    text = "".join(
        f" {word}" if gap else word for word, gap in zip(words, gaps.tolist(), strict=True)
    )
    return Layout(text, begins, ends, begins[gaps > 0] - 1)


def is_attached(before: str, word: str, language: str = ENGLISH) -> bool:
    """Tell whether a word follows the word before it without a blank.

    Parameters
    ----------
    before, word : str
        Such as "don" and "'t", "j'" and "avais", "dit" and "-il".
    language : str
        Code of the story's language. In Chinese, Japanese, Thai, Lao, Khmer and Burmese all words
        are attached, but where two of Latin, Greek or Cyrillic letters or digits meet.
    """
    if not has_spaces(language):
        return not (_SPACED_END.search(before) and _SPACED_START.match(word))
    if _ATTACHED.match(word):
        return before[-1:].isalpha()
    further = _ELIDED_IN.get(primary(language))
    is_elided = _ELIDED.fullmatch(before) or (further is not None and further.fullmatch(before))
    return bool(is_elided) and word[:1].isalpha()
