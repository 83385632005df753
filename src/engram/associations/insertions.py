"""The text of a story with insertions, and the times of inserted words.

A text's insertions stand behind words of the story. Under the default alignment only
the story's own words give rows, and insertions act through the context that a model reads:
rows and times are the original's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from engram.associations.association_files import Association
from engram.vocabulary import ADDITIVE


@dataclass(frozen=True)
class Text:
    """A story with insertions: what a model reads.

    Attributes
    ----------
    words : list of str
        All words, in order.
    place : array of shape (n_story_words, )
        Where each word of the story is among them.
    """

    words: list[str]
    place: np.ndarray

    @property
    def inserted(self) -> np.ndarray:
        """Where each inserted word is: (n_inserted_words, )."""
        return np.setdiff1d(np.arange(len(self.words)), self.place)


def with_insertions(words: Sequence[str], insertions: Mapping[int, str]) -> Text:
    """Return the text of a story with insertions behind the words that are the keys."""
    result: list[str] = []
    place = np.zeros(len(words), dtype=int)
    for index, word in enumerate(words):
        place[index] = len(result)
        result.append(word)
        result += insertions.get(index, "").split()
    return Text(result, place)


def insertions_of(associations: Sequence[Association]) -> dict[int, str]:
    """Return the texts by the word that they stand behind."""
    return {one.after_word: one.text for one in associations}


def inserted_rows(
    words: pd.DataFrame, insertions: Mapping[int, str], alignment: str
) -> pd.DataFrame:
    """Return the inserted words that are rows of their own, with their times.

    The columns are those of `ROWS_COLUMNS` from `after_word`. There are none but
    under additive alignments.

    Parameters
    ----------
    words : pandas.DataFrame
        The story's, with onset and offset in seconds.
    insertions : mapping
    alignment : str
        `anchor-additive`: at the onset of the word before the insertion; `interpolate`:
        at even distances from there to the next word's onset (the last word's offset).
    """
    rows = []
    onsets, ends = (
        words["onset"].to_numpy(float),
        np.append(words["onset"].to_numpy(float)[1:], words["offset"].iloc[-1]),
    )
    for place, text in sorted(insertions.items()) if alignment in ADDITIVE else ():
        inserted = text.split()
        steps = (
            np.arange(1, len(inserted) + 1) / (len(inserted) + 1)
            if alignment == "interpolate"
            else np.zeros(len(inserted))
        )
        rows += [
            (place, word, onset)
            for word, onset in zip(
                inserted, onsets[place] + steps * (ends[place] - onsets[place]), strict=True
            )
        ]
    return pd.DataFrame(rows, columns=["after_word", "word", "onset"]).astype(
        {"after_word": int, "onset": float}
    )
