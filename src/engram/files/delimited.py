"""Read tables of text that people, spreadsheets and other programs wrote.

A table has one header line, a row on each further line, and one separator (a tab, unless a caller
says otherwise). What is read with certainty is read; what could be meant in two ways is refused
with its line. `engram.files.storage` reads the program's own tables.
"""

from __future__ import annotations

import csv
import io
import logging
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engram.errors import EngramError
from engram.files.cells import MISSING, unescaped
from engram.files.quotation_marks import tab_separated, unwrapped
from engram.files.text_files import LINE_END, read_text

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

_SEPARATORS = {"\t": "tabs", ";": "semicolons", ",": "commas", "|": "bars", " ": "blanks"}
_COMMA_NUMBER = re.compile(r"\s*[+-]?\d*(,\d+)+(\.\d+)?(e[+-]?\d+)?\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Lines:
    """A table's columns, and its rows as text.

    Cells are without quotation marks around them; tabs separated them.

    `first` is the line of the file that holds the first row.
    """

    columns: list[str]
    rows: list[str]
    first: int


def read_lines(
    path: Path,
    known: Collection[str] = (),
    separator: str = "\t",
    names: Sequence[str] | None = None,
) -> Lines:
    """Read a table as lines of text.

    Parameters
    ----------
    path : Path
    known : collection of str
        Columns that the caller knows; they are found whatever their case.
    separator : str
        Between cells.
    names : sequence of str, optional
        The columns of a table that has no header line.

    Returns
    -------
    Lines

    Raises
    ------
    EngramError
        What `read_text` raises; an empty file, another separator, a column that is there twice
        or has content and no name, a row with more or fewer cells than the header, an empty line
        between rows, quotation marks that can be meant in two ways.

    Notes
    -----
    Line ends may be LF, CRLF or CR. Empty lines and columns at the end, and a first column without
    a name that only numbers the rows (pandas' index), are passed over.
    `engram.files.quotation_marks.unwrapped` says when quotation marks round a cell are taken off.
    """
    lines = _filled_lines(path, separator)
    _check_separator(lines, separator, known, path)
    rows = (
        unwrapped(lines, path)
        if separator == "\t"
        else [
            tab_separated(line, separator, number, path)
            for number, line in enumerate(lines, start=1)
        ]
    )
    if names is None:
        header, first, rows = column_names(rows[0].split("\t"), known), 2, rows[1:]
        _drop_empty_ends(header, rows)
    else:
        header, first = list(names), 1
    return _without_empty_columns(header, _regular(header, rows, first, path), first, path)


def _filled_lines(path: Path, separator: str) -> list[str]:
    """Return a table's lines up to the last one that holds something; all must do so."""
    lines = LINE_END.split(read_text(path))
    while lines and not lines[-1].replace(separator, "").strip():
        lines.pop()
    if not lines:
        raise EngramError(f"'{path}' cannot be read as a table: it is empty.")
    for number, line in enumerate(lines, start=1):
        if not line.replace(separator, "").strip():
            # A row that disappeared would shift all that follow.
            raise EngramError(
                f"'{path}', line {number}: an empty line between others. Take it out, "
                f"or write {MISSING} where a value is missing."
            )
    return lines


def _drop_empty_ends(header: list[str], rows: Sequence[str]) -> None:
    """Drop columns at the end of a header that have neither a name nor content."""
    while (
        header
        and not header[-1]
        and not any(cell.strip() for row in rows for cell in row.split("\t")[len(header) - 1 :])
    ):
        header.pop()


def read_header(path: Path, known: Collection[str] = ()) -> list[str]:
    """Return the names of a table's columns."""
    return read_lines(path, known).columns


def read_rows(path: Path, needed: Collection[str]) -> list[dict[str, str]]:
    """Return a table's rows as text by column.

    Raises
    ------
    EngramError
        What `read_lines` raises, and a needed column that is not there.
    """
    table = read_lines(path, needed)
    need_columns(table.columns, needed, path)
    return [dict(zip(table.columns, row.split("\t"), strict=True)) for row in table.rows]


def read_frame(
    path: Path,
    text: Collection[str] = (),
    known: Collection[str] = (),
    separator: str = "\t",
    names: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Return a table as a data frame whose index is each row's line in the file.

    Parameters
    ----------
    path, known, separator, names
        As in `read_lines`.
    text : collection of str
        Columns that are text whatever they look like (a word may be "null", "NA" or "2");
        other columns become numbers where pandas finds only numbers. `numbers` checks
        them. These are known too.

    Returns
    -------
    pandas.DataFrame
        ``n/a`` and empty cells are missing values, and nothing else is.
    """
    return frame_of(read_lines(path, [*text, *known], separator, names), text)


def separator_of(path: Path) -> str:
    """Return what separates cells: a comma in a .csv file whose first line has no tab."""
    if path.suffix.lower() != ".csv" or not path.is_file():
        return "\t"
    with path.open("rb") as stream:
        return "\t" if b"\t" in stream.readline(1 << 16) else ","


def frame_of(table: Lines, text: Collection[str] = ()) -> pd.DataFrame:
    """Return the lines of a table as `read_frame` does."""
    import pandas as pd

    if not table.rows:
        return pd.DataFrame(columns=table.columns)
    frame = pd.read_csv(
        io.StringIO("\n".join(table.rows) + "\n"),
        sep="\t",
        names=table.columns,
        index_col=False,
        dtype=dict.fromkeys((name for name in text if name in table.columns), str),
        na_values=[MISSING, ""],
        keep_default_na=False,
        quoting=csv.QUOTE_NONE,
        skip_blank_lines=False,
        lineterminator="\n",
        low_memory=False,
    )
    frame.index = pd.RangeIndex(table.first, table.first + len(frame))
    return unescaped(frame)  # a table that the program wrote for people to edit comes back this way


def need_columns(columns: Sequence[str], needed: Collection[str], path: Path) -> None:
    """Raise `EngramError` if a column is not there."""
    missing = [name for name in needed if name not in columns]
    if missing:
        raise EngramError(
            f"'{path}' lacks the column(s) {missing}. Found: {list(columns)}. The columns "
            "are separated by tabs and named in line 1."
        )


def numbers(column: pd.Series, path: Path) -> pd.Series:
    """Return a column of `read_frame` as numbers, NaN where a value is missing.

    Raises
    ------
    EngramError
        For the first cell that is no finite number, with its line; it says what a comma
        in a number should be.
    """
    import numpy as np
    import pandas as pd

    found = pd.to_numeric(column, errors="coerce")
    wrong = (found.isna() & column.notna()) | np.isinf(found) | (column.dtype == bool)
    if wrong.any():
        cell = str(column[wrong].iloc[0])
        advice = "Write n/a where there is none."
        if _COMMA_NUMBER.fullmatch(cell):
            advice = "Decimals stand behind a point, and thousands are not marked: " + (
                f"write {cell.replace(',', '')}."
                if "." in cell or cell.count(",") > 1
                else f"write {cell.replace(',', '.')}, say."
            )
        raise EngramError(
            f"'{path}', line {column.index[wrong][0]}, column '{column.name}': '{cell}' "
            f"is no number. {advice}"
        )
    return found.astype(float)


def all_numbers(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Return a table of `read_frame` with all columns as numbers, as `numbers` makes them.

    Raises
    ------
    EngramError
        As `numbers` does.
    """
    import numpy as np

    # Where all were read as numbers they are taken at once: columns may be thousands.
    if all(kind.kind in "fiu" for kind in table.dtypes):
        values = table.astype(float)
        if not np.isinf(values.to_numpy()).any():
            return values
    return table.apply(lambda column: numbers(column, path))


def _check_separator(lines: list[str], separator: str, known: Collection[str], path: Path) -> None:
    """Refuse a table whose cells are plainly separated by something else."""
    header = lines[0]
    if separator in header:
        return
    folded = {name.casefold() for name in known}
    for other, name in _SEPARATORS.items():
        if other == separator or other not in header:
            continue
        named = {cell.strip().strip('"').casefold() for cell in header.split(other)} & folded
        if named or (
            len(lines) > 1 and all(line.count(other) == header.count(other) for line in lines[1:6])
        ):
            wanted = _SEPARATORS[separator]
            raise EngramError(
                (
                    f"'{path}', line 1: its cells are separated by {name} ('{header[:60]}'); "
                    f"they must be separated by {wanted}. Save it so"
                )
                + (
                    (
                        " (in Excel: 'Unicode Text' or 'Text (Tab delimited)'; in pandas: "
                        "sep='\\t'; in R: sep = \"\\t\")."
                    )
                    if separator == "\t"
                    else "."
                )
            )


def column_names(cells: Sequence[str], known: Collection[str]) -> list[str]:
    """Return names of columns without blanks around them.

    Those that are known get their own spelling.
    """
    spelling = {name.casefold(): name for name in known}
    # Where files are joined, a byte order mark can stand inside.
    stripped = [cell.strip(" \t\ufeff").strip() for cell in cells]
    return [name if name in known else spelling.get(name.casefold(), name) for name in stripped]


def _regular(header: Sequence[str], rows: list[str], first: int, path: Path) -> list[str]:
    """Return rows that all have a cell for each column.

    Cells beyond are dropped where they are empty.
    """
    wanted = len(header)
    if (
        rows
        and header
        and all(row.count("\t") == wanted for row in rows)
        and any(row.rsplit("\t", 1)[1].strip() for row in rows)
    ):
        raise EngramError(
            f"'{path}': its rows have {wanted + 1} cells, its header {wanted}. Is there a column "
            "without a name? (In R: row.names = FALSE.)"
        )
    result = []
    for number, row in enumerate(rows, start=first):
        found = row.count("\t") + 1
        if found > wanted:
            cells = row.split("\t")
            if not any(cell.strip() for cell in cells[wanted:]):
                row, found = "\t".join(cells[:wanted]), wanted
        if found != wanted:
            raise EngramError(
                f"'{path}', line {number}: {found} cells ({row[:60]!r}); there are {wanted} "
                f"columns ({', '.join(header)[:60]}). Write {MISSING} where there is no value. "
                "A tab or a line break inside a cell begins a new one."
            )
        result.append(row)
    return result


def _without_empty_columns(header: list[str], rows: list[str], first: int, path: Path) -> Lines:
    """Return the table without columns that have no name.

    They must hold nothing, or only number the rows. Columns that are there twice are refused.
    """
    named = [name for name in header if name]
    twice = (
        sorted({name for name in named if named.count(name) > 1})
        if len(set(named)) < len(named)
        else []
    )
    if twice:
        raise EngramError(
            f"'{path}', line 1: the column(s) {twice} are there twice. Each column "
            "needs a name of its own."
        )
    nameless = [
        index
        for index, name in enumerate(header)
        if not name or (index == 0 and name == "Unnamed: 0")
    ]
    if not nameless:
        return Lines(header, rows, first)
    cells = [row.split("\t") for row in rows]
    dropped = []
    for index in nameless:
        column = [row[index].strip() for row in cells]
        if not any(column) and not header[index]:
            dropped.append(index)
        elif index == 0 and any(
            column == [str(number + begin) for number in range(len(column))] for begin in (0, 1)
        ):
            logger.info(
                "'%s': its first column has no name and numbers the rows; it is passed over", path
            )
            dropped.append(index)
        elif not header[index]:
            raise EngramError(
                f"'{path}', line 1: column {index + 1} has no name. Name it, or take it out."
            )
    kept = [index for index in range(len(header)) if index not in dropped]
    return Lines(
        [header[index] for index in kept],
        ["\t".join(row[index] for index in kept) for row in cells],
        first,
    )
