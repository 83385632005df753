"""Cells of tables as text: nothing in them may break a line, or run as a formula.

Formulas would run where the table is opened in a spreadsheet.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engram.errors import EngramError

if TYPE_CHECKING:
    import pandas as pd

#: How a missing value is written, as in BIDS; an empty cell is one too.
MISSING = "n/a"
#: What a spreadsheet runs as a formula: '=' or '@' at the beginning, '+' or '-' before one word
#: that is no number, or before what calls something.
_FORMULA = re.compile(
    r"[=@]|[+-](?=.*\w)(?![\d.,]+(?:[eE][+-]?\d+)?%?\Z)(?=\S*\Z|.*[(|!])", re.DOTALL
)
#: The sign that keeps it text; cells that begin with it and a formula get one more, so that reading
#: gives back what was written.
_TEXT = "'"
_ESCAPED = re.compile(rf"{_TEXT}+(?:{_FORMULA.pattern})", re.DOTALL)
#: What would end a cell or a row, or is not text at all.
_BREAK = re.compile(r"[\t\r\n\x00]")


def escaped(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose text cells are fit to be written as TSV.

    A cell that a spreadsheet would run as a formula gets an apostrophe before it, which `unescaped`
    takes off again (OWASP, "CSV Injection"). Numbers, dashes and everything else stay as they are.

    Raises
    ------
    EngramError
        If a cell holds a tab, a line break or NUL.
    """
    changed = {}
    for name in _text_columns(table):
        column = table[name]
        broken = column.map(
            lambda cell: isinstance(cell, str) and _BREAK.search(cell) is not None
        ).astype(bool)
        if broken.any():
            raise EngramError(
                f"{column[broken].iloc[0]!r} (column '{name}') has a tab, a line break or NUL, "
                "which a table cannot hold. Take it out where it comes from."
            )
        formula = column.map(
            lambda cell: (
                isinstance(cell, str) and (_FORMULA.match(cell) or _ESCAPED.match(cell)) is not None
            )
        ).astype(bool)
        if formula.any():
            changed[name] = column.where(~formula, _TEXT + column[formula].astype(str))
    return table.assign(**changed) if changed else table


def unescaped(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table that was read, with its text cells as they were before `escaped`."""
    changed = {}
    for name in _text_columns(table):
        column = table[name]
        marked = column.map(
            lambda cell: isinstance(cell, str) and _ESCAPED.match(cell) is not None
        ).astype(bool)
        if marked.any():
            changed[name] = column.where(~marked, column[marked].str.slice(1))
    return table.assign(**changed) if changed else table


def _text_columns(table: pd.DataFrame) -> list[str]:
    return [name for name, kind in table.dtypes.items() if kind.kind not in "biufcmM"]
