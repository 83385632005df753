"""Plain facts about each word of a story: how long words are, and where they stand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd

from engram.vocabulary import WORD_RATE

#: The fact that only a story with insertions has.
SINCE = "since-insertion"


def _lengths(words: pd.DataFrame) -> np.ndarray:
    return words["word"].str.count(r"\w").to_numpy(float)


def _sentence_lengths(words: pd.DataFrame) -> np.ndarray:
    return words.groupby("sentence")["word"].transform("size").to_numpy(float)


def _place_in_sentence(words: pd.DataFrame) -> np.ndarray:
    return words.groupby("sentence").cumcount().to_numpy(float)


def _place_in_story(words: pd.DataFrame) -> np.ndarray:
    return np.linspace(0, 1, len(words))


def _pauses(words: pd.DataFrame) -> np.ndarray:
    ends = np.r_[words["onset"].iloc[0], words["offset"].to_numpy(float)[:-1]]
    return np.maximum(words["onset"].to_numpy(float) - ends, 0.0)


def _log_frequencies(words: pd.DataFrame) -> np.ndarray:
    # The plan has looked for the column. A word of unknown frequency counts as a usual one.
    values = words["log_frequency"].astype(float)
    return values.fillna(values.mean()).to_numpy()


def since_insertion(n_words: int, places: Iterable[int]) -> np.ndarray:
    """Return how many words stand between each word of a story and the insertion before it.

    The shape is (n_words, ).

    Parameters
    ----------
    n_words : int
    places : iterable of int
        Words behind which something is inserted. Words before the first insertion, which none can
        act on, count as those farthest from one.
    """
    result = np.full(n_words, -1)
    for place in sorted(places):
        result[place + 1 :] = np.arange(n_words - place - 1)
    result[result < 0] = result.max(initial=0)
    return result.astype(float)


#: A number for each word of a words table, by the names that the configuration knows;
#: `since_insertion` adds the column of the last.
FEATURES: dict[str, Callable[[pd.DataFrame], np.ndarray]] = {
    WORD_RATE: lambda words: np.ones(len(words)),
    "word-length": _lengths,
    "sentence-length": _sentence_lengths,
    "place-in-sentence": _place_in_sentence,
    "place-in-story": _place_in_story,
    "pause": _pauses,
    "log-frequency": _log_frequencies,
    SINCE: lambda words: words["since_insertion"].to_numpy(float),
}


def word_features(words: pd.DataFrame, names: Sequence[str]) -> np.ndarray:
    """Return facts about every word, by their names in `FEATURES`: (n_words, n_features)."""
    return np.stack([FEATURES[name](words) for name in names], axis=1)
