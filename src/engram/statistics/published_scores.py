"""Scores that others published, read from a table, to stand beside a leaderboard.

Others predicted BOLD by rules of their own, so their scores get no rank among those of studies.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from engram.errors import EngramError

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
        If there is no such file, a column is missing or unknown, or a value is no number.
    """
    if not path.is_file():
        raise EngramError(f"there is no table of published scores '{path}'.")
    separator = "," if path.suffix == ".csv" else "\t"
    table = pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False)
    allowed = [name for name in PUBLISHED_COLUMNS if name != "normalised"]
    missing = [name for name in _NEEDED if name not in table]
    unknown = [name for name in table if name not in allowed]
    if missing or unknown:
        found = f"it lacks {', '.join(missing)}" if missing else f"{', '.join(unknown)} is unknown"
        raise EngramError(
            f"'{path}' is no table of published scores: {found}. Write the columns "
            f"{', '.join(_NEEDED)}, and ceiling where there is one, separated by "
            f"{'commas' if separator == ',' else 'tabs'}."
        )
    for name in ("score", "ceiling"):
        given = table[name] if name in table else pd.Series("", index=table.index)
        table[name] = _numbers(given, name, path)
    if (empty := table["score"].isna()).any():
        raise EngramError(f"'{path}' has no score in line {int(empty.to_numpy().argmax()) + 2}.")
    usable = table["ceiling"].where(table["ceiling"] > 0)
    return table.assign(normalised=table["score"] / usable)[list(PUBLISHED_COLUMNS)]


def _numbers(values: pd.Series, name: str, path: Path) -> pd.Series:
    """Return numbers, n/a where nothing is written."""
    written = values.str.strip()
    nothing = written.isin(["", "n/a"])
    found = pd.to_numeric(written.where(~nothing, "nan"), errors="coerce")
    wrong = found.isna() & ~nothing | np.isinf(found)
    if wrong.any():
        line = int(wrong.to_numpy().argmax())
        raise EngramError(
            f"'{path}' has '{values.iloc[line]}' in line {line + 2}, column {name}. Write a "
            "number, with a point before decimals."
        )
    return found
