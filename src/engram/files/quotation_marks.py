"""Quotation marks round the cells of a table: a program's are taken off, the text's are kept."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

from engram.errors import EngramError
from engram.files.cells import MISSING

#: A cell that stands wholly in quotation marks; marks inside are doubled, as spreadsheets,
#: pandas and R's `qmethod = "double"` write them.
_WRAPPED = re.compile(r'"(?:[^"]|"")*"')
_NUMBER = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?\s*", re.IGNORECASE)
#: A cell with a quotation mark: the number of its line, the index of its column, its text.
Cell = tuple[int, int, str]


def unwrapped(lines: list[str], path: Path) -> list[str]:
    """Return a tab-separated table's lines without the quotation marks round its cells.

    A program put them there.

    Marks belong to the text where the table has a cell that no such program would leave as it is
    (``"Hello``). They are taken off where it has none, and a cell has doubled marks inside,
    or all cells of a column that are no numbers stand in marks, or those cells do that hold a comma
    (Excel). Everything else is refused: it would be a guess.
    """
    marked = [
        (number, line.split("\t")) for number, line in enumerate(lines, start=1) if '"' in line
    ]
    if not marked:
        return lines
    cells: list[Cell] = [
        (number, index, cell)
        for number, row in marked
        for index, cell in enumerate(row)
        if '"' in cell
    ]
    text = next(((number, cell) for number, _, cell in cells if not _WRAPPED.fullmatch(cell)), None)
    doubled = next(((number, cell) for number, _, cell in cells if _is_doubled(cell)), None)
    _refuse_escaped(cells, path)
    if text and doubled:
        raise EngramError(
            f"'{path}': in line {doubled[0]} the cell {doubled[1]} stands in quotation marks "
            f"as a spreadsheet writes them, in line {text[0]} the marks of {text[1]} are text "
            "(or the cell goes on beyond a tab or a line). Write one way in all lines: "
            "without marks that belong to no text, or with every cell that has a mark in marks, "
            "and its own marks doubled."
        )
    if text:
        return lines
    if not doubled:
        _refuse_doubtful(lines, cells, path)
    result = list(lines)
    for number, row in marked:
        result[number - 1] = "\t".join(
            cell[1:-1].replace('""', '"') if _WRAPPED.fullmatch(cell) else cell for cell in row
        )
    return result


def _is_doubled(cell: str) -> bool:
    """Tell whether a cell stands in quotation marks and has doubled marks inside."""
    return bool(_WRAPPED.fullmatch(cell)) and '""' in cell[1:-1]


def _refuse_escaped(cells: Sequence[Cell], path: Path) -> None:
    escaped = next(((number, cell) for number, _, cell in cells if _is_escaped(cell)), None)
    if escaped:
        raise EngramError(
            f"'{path}', line {escaped[0]}: the cell {escaped[1]} has quotation marks behind "
            "backslashes (R's write.table). Write the table with "
            'qmethod = "double", or with quote = FALSE.'
        )


def _refuse_doubtful(lines: Sequence[str], cells: Sequence[Cell], path: Path) -> None:
    """Refuse quotation marks that may be text or a program's, where nothing tells which."""
    simple = [(number, index, cell) for number, index, cell in cells if len(cell) > 2]
    if simple and not _quotes_all(lines, simple) and not _quotes_commas(lines, simple):
        number, _, cell = simple[0]
        raise EngramError(
            f"'{path}', line {number}: do the quotation marks of {cell} belong to the text? "
            f'If so write ""{cell}"" (doubled, and the cell in marks); '
            "if not, take them off."
        )


def _is_escaped(cell: str) -> bool:
    """Tell whether a cell stands in quotation marks and has marks inside behind backslashes.

    R's `write.table` writes it so by default.
    """
    return (
        cell.startswith('"')
        and cell.endswith('"')
        and '\\"' in cell[1:-1]
        and not _WRAPPED.fullmatch(cell)
    )


def _quotes_all(lines: Sequence[str], simple: Sequence[Cell]) -> bool:
    """Tell whether every cell of the columns concerned that is text stands in quotation marks.

    Text is what is no number and not missing. The header's cells may stand in them or not.
    """
    columns = {index for _, index, _ in simple}
    for line in lines[1:]:
        row = line.split("\t")
        for index in columns:
            cell = row[index] if index < len(row) else ""
            if not (cell.startswith('"') or cell in ("", MISSING, "NA") or _NUMBER.fullmatch(cell)):
                return False
    # One word in marks among words that look like numbers says nothing.
    return len(simple) > 1 or simple[0][0] == 1


def _quotes_commas(lines: Sequence[str], simple: Sequence[Cell]) -> bool:
    """Tell whether exactly those cells stand in quotation marks that hold a comma.

    Excel writes them so.
    """
    return all("," in cell for _, _, cell in simple) and not any(
        "," in cell and not cell.startswith('"') for line in lines for cell in line.split("\t")
    )


def tab_separated(line: str, separator: str, number: int, path: Path) -> str:
    """Return a line of comma-separated cells (RFC 4180) as cells separated by tabs."""
    if '"' not in line:
        cells = line.split(separator)
    else:
        try:
            cells = next(csv.reader([line], delimiter=separator, strict=True))
        except csv.Error as error:
            raise EngramError(
                f"'{path}', line {number}: quotation marks that do not close "
                f"({error}): {line[:60]}."
            ) from None
    return "\t".join(cell.replace("\t", " ") for cell in cells)
