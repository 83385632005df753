"""Deals: a table's values given to other words, within bins of frequency and word class.

What a word is like in other ways stays (how often it comes, how long it is, where it stands);
only whose values it has is wrong. So scores on dealt values say what such a space predicts
whatever its values are. Deals go by entry of the table, in all stories of a study alike: a word has
the same wrong values wherever it comes. Words without a value keep none.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from engram.associations.norms.english import parts_of_speech

#: Entries of a bin, at least, where there are so many.
SMALLEST_BIN = 10
#: Classes of English words by their parts of speech; others have more than one.
_CLASSES = {"n": "noun", "v": "verb", "a": "adjective", "ar": "adjective", "r": "adverb"}


def word_class(entry: str, language: str) -> str:
    """Return the class within which an entry is dealt.

    English words are nouns, verbs, adjectives, adverbs, words that can be several of these, and
    others, among them articles, pronouns and prepositions. In other languages all are one class.
    """
    if language.casefold().partition("-")[0] != "en":
        return "word"
    letters = parts_of_speech(entry)
    return _CLASSES.get(letters, "several" if letters else "other")


def bins(classes: Sequence[str], frequency: np.ndarray) -> np.ndarray:
    """Return the bin of each entry: entries of one class that are about as frequent.

    Entries of the same frequency are in the same bin, so that a bin can be large; neighbouring
    frequencies share one until it has `SMALLEST_BIN` entries.

    Parameters
    ----------
    classes : sequence of str
    frequency : array of shape (n_entries, )

    Returns
    -------
    array of int of shape (n_entries, )
    """
    result = np.zeros(len(frequency), dtype=int)
    number = 0
    for name in dict.fromkeys(classes):
        mine = np.array([one == name for one in classes])
        waiting: list[int] = []
        first = number
        for value in np.unique(frequency[mine]):
            waiting += np.flatnonzero(mine & (frequency == value)).tolist()
            if len(waiting) >= SMALLEST_BIN:
                result[waiting] = number
                waiting, number = [], number + 1
        if waiting:  # the most frequent ones: with those before them, if there are any
            result[waiting] = max(first, number - 1)
            number = max(number, first + 1)
    return result


def drawn_deals(bin_of: np.ndarray, number: int, seed: int, name: str) -> np.ndarray:
    """Return deals: of which entry each entry has the values.

    Any permutation within the bins is as likely as any other, so that under the null the true
    values are one more deal.

    Parameters
    ----------
    bin_of : array of shape (n_entries, )
    number : int
    seed : int
    name : str
        Of the space; spaces have streams of their own.

    Returns
    -------
    array of int of shape (number, n_entries)
    """
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    result = np.tile(np.arange(len(bin_of)), (number, 1))
    for deal in result:
        for one in np.unique(bin_of):
            members = np.flatnonzero(bin_of == one)
            deal[members] = rng.permutation(members)
    return result
