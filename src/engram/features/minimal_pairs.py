"""Tables of minimal pairs: sentences that differ in one thing, of which one is right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engram.errors import EngramError
from engram.files import delimited
from engram.paths import MINIMAL_PAIRS, found

if TYPE_CHECKING:
    import pandas as pd

#: The project's own table, by the name that it has in a configuration.
OWN = "engram"
COLUMNS = ("good", "bad", "phenomenon")
#: What stands in the place of a phenomenon for all of them.
ALL = "all"
#: Fewest pairs of a phenomenon.
_FEWEST = 2


def table_path(table: str) -> Path:
    """Return where a table of pairs is: a user's, or the project's own (`engram`)."""
    return MINIMAL_PAIRS if table == OWN else found(table)


def read_pairs(path: Path) -> pd.DataFrame:
    """Return a table of minimal pairs (`COLUMNS`), in the order of the file.

    Parameters
    ----------
    path : Path
        Cells are separated by tabs; in a file that ends in ``.csv`` by commas where its first line
        has no tab.

    Raises
    ------
    EngramError
        If a column or a cell is missing, both sentences of a pair are the same, a pair is there
        twice, a phenomenon has one pair alone, or is called `ALL`.
    """
    table = delimited.read_frame(path, text=COLUMNS, separator=delimited.separator_of(path))
    delimited.need_columns(list(table.columns), list(COLUMNS), path)
    table = table[list(COLUMNS)]
    for name in COLUMNS:
        empty = table.index[table[name].isna() | (table[name].str.strip() == "")]
        if len(empty):
            raise EngramError(f"'{path}', line {empty[0]}: no {name}. Each pair needs all three.")
    table = table.apply(lambda column: column.str.strip())
    if len(same := table.index[table["good"] == table["bad"]]):
        raise EngramError(
            f"'{path}', line {same[0]}: both sentences are the same: '{table['good'][same[0]]}'."
        )
    if len(twice := table.index[table.duplicated(["good", "bad"])]):
        raise EngramError(f"'{path}', line {twice[0]}: the pair is there twice. Take one out.")
    if len(taken := table.index[table["phenomenon"] == ALL]):
        raise EngramError(
            f"'{path}', line {taken[0]}: a phenomenon is called '{ALL}', which stands for the mean "
            "over all of them. Give it another name."
        )
    sizes = table["phenomenon"].value_counts()
    if not len(sizes) or sizes.min() < _FEWEST:
        few = "has no pairs" if not len(sizes) else f"has one pair of '{sizes.index[-1]}'"
        raise EngramError(
            f"'{path}' {few}. Give {_FEWEST} pairs of each phenomenon or more, in the columns "
            f"{', '.join(COLUMNS)}."
        )
    return table.reset_index(drop=True)
