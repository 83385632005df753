"""Join rows of an alignment that are parts of one word, as people write it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd


def joined(words: pd.DataFrame, texts: Sequence[str | None]) -> pd.DataFrame:
    """Return the words with new texts.

    Parameters
    ----------
    words : pandas.DataFrame
        word, onset, offset and more columns.
    texts : sequence of str or None
        The text of each; None where a row is a part of the word before. The first is none of that.

    Returns
    -------
    pandas.DataFrame
        A word of several rows begins when the first of them begins and ends when the last ends, as
        far as these have times; its other columns are those of its first row, and its sentence
        ends where that of its last row does.
    """
    group = pd.Series([text is not None for text in texts], index=words.index).cumsum()
    if int(group.iloc[-1]) == len(words):
        return words.assign(word=list(texts))
    parts = words.groupby(group.to_numpy(), sort=False)
    result = words[[text is not None for text in texts]].copy()
    result["word"] = [text for text in texts if text is not None]
    result["onset"] = parts["onset"].first().to_numpy()  # the first and last that there are
    result["offset"] = parts["offset"].last().to_numpy()
    if "sentence_end" in words:
        result["sentence_end"] = parts["sentence_end"].tail(1).to_numpy()
    return result
