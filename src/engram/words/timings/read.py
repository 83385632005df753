"""Read a story's words and their times, whichever program wrote them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from engram.words.timings.formats import Options, format_of
from engram.words.timings.marks import spoken_words, without_unknown
from engram.words.word_checks import check_words

logger = logging.getLogger(__name__)


def word_timings(
    path: str | Path,
    *,
    format: str | None = None,
    tier: str | None = None,
    columns: Mapping[str, str] | None = None,
    rows: Mapping[str, str] | None = None,
    transcript: str | Path | None = None,
) -> pd.DataFrame:
    """Return the words of a file of timings.

    Parameters
    ----------
    path : path
    format : str, optional
        One of `engram.words.timings.formats.FORMATS`; else the file's name and content say it.
    tier : str, optional
        For formats with tiers: the name of the tier of words, or its number from 1; else it is
        found by its name and content.
    columns, rows : mapping, optional
        For tables: `engram.words.timings.table.read_table`.
    transcript : path, optional
        A text that was read, from which words get their punctuation and case back.

    Returns
    -------
    pandas.DataFrame
        word (as people write it), onset and offset (seconds on the file's clock, NaN where there
        is no time), sentence_end (bool, or NA where the file does not say); speaker and
        log_frequency where the file has them.

    Raises
    ------
    EngramError
        If the file cannot be read, its format is not known, the tier or a column is not there, no
        word is left, or its times cannot be as they are (`engram.words.word_checks`).
    """
    path = Path(path)
    known = format_of(path, format)
    entries = known.read(path, Options(tier, columns, rows))
    words = spoken_words(entries, path)
    if "sentence_end" not in words:
        words["sentence_end"] = pd.NA
    words = without_unknown(words, path)
    check_words(words, path, known.place)
    order = ["word", "onset", "offset", "sentence_end"]
    return words[[*order, *words.columns.difference(order, sort=False)]].reset_index(drop=True)
