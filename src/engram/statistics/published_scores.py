"""Scores that others published, read from a table, to stand beside a leaderboard.

Others predicted BOLD by rules of their own, so their scores get no rank among those of studies.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from engram.errors import EngramError
from engram.files import delimited

PUBLISHED = (
    "Scores that others published, as a table gave them. Their rules (folds, delays, targets, "
    "ceilings) are their own, so they have no rank among the scores of these studies."
)
PUBLISHED_COLUMNS = {
    "data": "Data set.",
    "model": "Model.",
    "metric": "What was measured.",
    "score": "As published.",
    "ceiling": "Noise ceiling, where it was published.",
    "normalised": "Score over ceiling.",
    "source": "Where it was published.",
}
_NEEDED = ("data", "model", "metric", "score", "source")
#: Columns of text.
_ABOUT = ("data", "model", "metric", "source")


def read_published(path: Path) -> pd.DataFrame:
    """Return a table of published scores (the columns of `PUBLISHED_COLUMNS`).

    Parameters
    ----------
    path : Path
        Tab- or comma-separated, with the columns data, model, metric, score and source, and with
        ceiling where there is one.

    Raises
    ------
    EngramError
        If there is no such file or it is no table (`engram.files.delimited.read_lines`), a column
        is missing or unknown, a needed cell is empty, or a value is no number.
    """
    if not path.is_file():
        raise EngramError(f"there is no table of published scores '{path}'.")
    separator = delimited.separator_of(path)
    allowed = [name for name in PUBLISHED_COLUMNS if name != "normalised"]
    table = delimited.read_frame(
        path, text=_ABOUT, known=[*_NEEDED, "ceiling"], separator=separator
    )
    missing = [name for name in _NEEDED if name not in table]
    unknown = [name for name in table if name not in allowed]
    if missing or unknown:
        found = f"it lacks {', '.join(missing)}" if missing else f"{', '.join(unknown)} is unknown"
        raise EngramError(
            f"'{path}' is no table of published scores: {found}. Write the columns "
            f"{', '.join(_NEEDED)}, and ceiling where there is one, separated by "
            f"{'commas' if separator == ',' else 'tabs'}."
        )
    if table.empty:
        raise EngramError(f"'{path}' has no row. Write one for each published score.")
    if "ceiling" not in table:
        table["ceiling"] = np.nan
    for name in ("score", "ceiling"):
        table[name] = delimited.numbers(table[name], path)
    for name in _NEEDED:
        if len(empty := table.index[table[name].isna()]):
            raise EngramError(f"'{path}' has no {name} in line {empty[0]}.")
    usable = table["ceiling"].where(table["ceiling"] > 0)
    table = table.assign(normalised=table["score"] / usable)
    return table[list(PUBLISHED_COLUMNS)].reset_index(drop=True)
