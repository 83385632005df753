"""What every story's words must fulfil, whichever dataset they come from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from engram.errors import EngramError

#: Seconds that half of the words would have to last, or to be apart, before their times are
#: taken for milliseconds.
LONGEST_WORD, LONGEST_STEP = 10.0, 50.0
#: Fewest words, on average, in what is taken for a section with a clock of its own.
_SECTION_WORDS = 5


def check_words(words: pd.DataFrame, path: Path, place: str = "line") -> None:
    """Raise `EngramError` if a story's words cannot be as they are.

    Parameters
    ----------
    words : pandas.DataFrame
        word (text); onset and offset (seconds, NaN where unknown). The index is each
        word's line in the file, or whatever `place` counts.
    path : Path
        The file they come from, for messages.
    place : str
        What the index counts: lines, intervals of a tier, words.

    Raises
    ------
    EngramError
        For an empty word, a word that ends before it begins, onsets out of order, no word with a
        time, times in milliseconds.
    """
    missing = words["word"].str.strip() == "n/a"
    if missing.any():
        raise EngramError(
            f"'{path}', {place} {_line(missing)}: the word is n/a, by which tables say that a "
            "value is missing. Write it as it is read (N/A), or take the row out."
        )
    empty = words["word"].isna() | (words["word"].str.strip() == "")
    if empty.any():
        raise EngramError(
            f"'{path}', {place} {_line(empty)}: an empty word. Every row needs a "
            "word; take the row out."
        )
    onset, offset = words["onset"], words["offset"]
    if onset.isna().all():
        raise EngramError(
            f"'{path}': none of its {len(words)} words has a time. At least the onset of some "
            "words is needed (n/a for the others)."
        )
    _check_unit(onset.dropna().to_numpy(float), (offset - onset).dropna().to_numpy(float), path)
    backwards = offset < onset
    if backwards.any():
        raise EngramError(
            f"'{path}', {place} {_line(backwards)}: the word ends before it begins. An offset is "
            "the time of the word's end, not its duration; write n/a where a time is not known."
        )
    timed = onset.dropna()
    if (timed.diff() < 0).any():
        raise EngramError(f"'{path}', {_disorder(timed, place)}")


def _check_unit(onsets: np.ndarray, durations: np.ndarray, path: Path) -> None:
    lasting = durations[durations > 0]
    steps = np.diff(onsets)
    typical, what, most = (
        (np.median(lasting), "last", LONGEST_WORD)
        if len(lasting)
        else (np.median(steps) if len(steps) else 0.0, "are apart", LONGEST_STEP)
    )
    if typical > most:
        raise EngramError(
            f"'{path}': its words {what} {typical:.0f} s (median), which looks like milliseconds. "
            "Onsets and offsets are seconds: divide by 1000."
        )


def _disorder(onsets: pd.Series, place: str) -> str:
    """Say where onsets go back, and what to do.

    Sections that each begin their clock anew are not to be sorted.
    """
    fall = -onsets.diff()
    back = fall[fall > 0]
    line = int(back.index[0])
    before, after = onsets.loc[: back.index[0]].iloc[-2:]
    reached = onsets.cummax().shift().loc[back.index] - onsets.min()
    # Sections: a few falls, each by more than half of the time that had gone by.
    if len(back) * _SECTION_WORDS <= len(onsets) and (back > reached / 2).all():
        return (
            f"{place} {line}: the onset falls from {before:g} s to {after:g} s, as where sections "
            "or runs that each have a clock of their own stand in one file. Do not sort them. "
            "If the BOLD was recorded by section, make each one a story (its own words and time "
            "series); if it is one recording, add to the onsets and offsets of each section "
            "the time at which it began."
        )
    return (
        f"{place} {line}: the onset is earlier than the word's before it ({after:g} s after "
        f"{before:g} s). Sort the words by onset."
    )


def _line(mask: pd.Series) -> int:
    """Return the line of the first word that is marked."""
    return int(mask.idxmax())
