"""Read a story's words and their times, whichever program wrote them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from engram.errors import EngramError
from engram.words.timings.contractions import with_apostrophes
from engram.words.timings.formats import Options, format_of
from engram.words.timings.marks import in_lower_case, spoken_words, without_unknown
from engram.words.timings.transcript import written_words
from engram.words.word_checks import check_words

_FIRST = ["word", "onset", "offset", "sentence_end"]


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
        One of `engram.words.timings.names.FORMAT_NAMES`; else the file's name and content say it.
    tier : str, optional
        For formats with tiers: the name of the tier of words, or its number from 1; else it is
        found by its name and content.
    columns, rows : mapping, optional
        For tables: `engram.words.timings.table.read_table`.
    transcript : path, optional
        The text that was read, from which words get their punctuation and case back.

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
    options = Options(tier, columns, rows)
    known = format_of(path, format, options)
    entries = known.read(path, options)
    words = spoken_words(entries, path)
    if "sentence_end" not in words:
        words["sentence_end"] = pd.NA
    if transcript is not None:
        words = written_words(words, Path(transcript), path)
    words = without_unknown(words, path, known.place)
    if transcript is None:
        words = in_lower_case(words, path)
        words["word"] = with_apostrophes(words["word"].tolist())
    check_words(words, path, known.place)
    more = words.columns.difference(_FIRST, sort=False)
    return words[[*_FIRST, *more]].reset_index(drop=True)


def story_timings(sources: Sequence[Mapping[str, Any]], folder: str | Path) -> pd.DataFrame:
    """Return the words of a story that is read from one file, or from several in order.

    Parameters
    ----------
    sources : sequence of mapping
        For each file: ``file``, and if need be ``offset`` (seconds on the story's clock at which
        the file's clock is 0) and keywords of `word_timings`.
    folder : path
        Where relative paths start.

    Returns
    -------
    pandas.DataFrame
        As `word_timings` returns it, on the story's clock.

    Raises
    ------
    EngramError
        What `word_timings` raises; a file whose words begin before those of the file before it.
    """
    parts: list[pd.DataFrame] = []
    for source in sources:
        options = {key: value for key, value in source.items() if key not in ("file", "offset")}
        if "transcript" in options:
            options["transcript"] = Path(folder, options["transcript"])
        part = word_timings(Path(folder, source["file"]), **options)
        part[["onset", "offset"]] += float(source.get("offset", 0.0))
        if parts and part["onset"].min() < parts[-1]["onset"].max():
            before = sources[len(parts) - 1]["file"]
            raise EngramError(
                f"'{source['file']}' begins at {part['onset'].min():g} s, before the last word of "
                f"'{before}' ({parts[-1]['onset'].max():g} s). Give each file its offset: the time "
                "on the story's clock at which the file's clock is 0."
            )
        parts.append(part)
    return pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]
