"""Read CTM files: a line for each word with its recording, channel, beginning and duration.

NIST's format: ``<recording> <channel> <beginning> <duration> <word> [<confidence> [<type>
[<speaker>]]]``, comments behind ``;;``.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd

from engram.errors import EngramError
from engram.files.text_files import LINE_END, read_text

_FEWEST = 5
#: Types of what is no word.
_NO_WORD = frozenset(("noise", "non-speech", "non-lex", "misc", "noscore"))
_FORM = "<recording> <channel> <beginning> <duration> <word> [<confidence>]"


def read_ctm(path: Path) -> pd.DataFrame:
    """Return the words of a CTM file.

    Returns
    -------
    pandas.DataFrame
        word, onset, offset (beginning plus duration, in seconds), and speaker where the file has
        several channels or names speakers. The index is each word's line.

    Raises
    ------
    EngramError
        If a line has another form, or the file has several recordings.
    """
    rows: dict[int, dict[str, Any]] = {}
    recordings: set[str] = set()
    for number, line in enumerate(LINE_END.split(read_text(path, prose=True)), start=1):
        cells = line.split(";;")[0].split()
        if not cells:
            continue
        if len(cells) < _FEWEST or "<ALT" in line:
            raise EngramError(
                f"'{path}', line {number}: '{line.strip()[:60]}'. A line of a CTM file has {_FORM}."
            )
        recording, channel, begin, duration, word, *more = cells
        if len(more) > 1 and more[1].casefold() in _NO_WORD:
            continue
        recordings.add(recording)
        onset = _number(begin, number, path)
        rows[number] = {
            "word": word,
            "onset": onset,
            "offset": onset + _number(duration, number, path),
            "speaker": more[2] if len(more) > 2 else channel,
        }
    if not rows:
        raise EngramError(f"'{path}' has no words.")
    if len(recordings) > 1:
        named = ", ".join(sorted(recordings)[:5])
        raise EngramError(
            f"'{path}' has the words of {len(recordings)} recordings ({named}). Give each "
            "story a file with the lines of its recording."
        )
    frame = pd.DataFrame.from_dict(rows, orient="index")
    if frame["speaker"].nunique() == 1:
        return frame.drop(columns="speaker")
    return frame.sort_values("onset", kind="stable")  # channels may stand one after the other


def _number(cell: str, line: int, path: Path) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise EngramError(
            f"'{path}', line {line}: '{cell}' is no time in seconds. A line of a CTM file has "
            f"{_FORM}."
        )
    return value
