"""Compare the tables and reports of two folders of results, to see what an upgrade changed.

`python -m engram.compare_results OLD NEW` prints a line for each table that differs, with the
largest difference in each column. The exit status is 0 where all tables are the same bytes,
1 where one differs or is missing, 2 for a folder that is none.

`--renames docs/renames.tsv` compares results of before a release that renamed columns,
values or files: the old ones are renamed first.
"""

from __future__ import annotations

import argparse
import csv
import math
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from engram.errors import EngramError
from engram.files.checksums import checksum

#: What a table of renames has. `what` is renamed: a column, the whole value of cells, an ending of
#: words in any cell, or a part of a file's name. `where`: in which tables, or for cells in which
#: column; * stands for any characters.
RENAMES_COLUMNS = ("what", "where", "old", "new")
#: Folders of results whose tables hold times and messages, not results.
_NOT_RESULTS = ("benchmarks", "logs")


def found_in(folder: Path) -> dict[str, Path]:
    """Return the tables and reports of a folder of results, by their path inside it.

    Raises
    ------
    EngramError
        When there is no such folder, or no table in it.
    """
    if not folder.is_dir():
        raise EngramError(
            f"there is no folder '{folder}'. Name two folders of results, such as results/demo."
        )
    paths = {
        path.relative_to(folder): path
        for pattern in ("*.tsv", "report.html")
        for path in folder.rglob(pattern)
    }
    found = {
        str(name): path
        for name, path in sorted(paths.items())
        if not set(name.parts) & set(_NOT_RESULTS)
    }
    if not found:
        raise EngramError(
            f"'{folder}' holds no table (*.tsv) and no report.html. Name two folders of "
            "results, such as results/demo."
        )
    return found


@dataclass(frozen=True)
class Renames:
    """What a release renamed (`RENAMES_COLUMNS`); the first row that fits a column counts."""

    rows: tuple[tuple[str, str, str, str], ...] = ()

    @classmethod
    def read(cls, path: Path) -> Renames:
        """Read a table of renames.

        Raises
        ------
        EngramError
            When there is no such table, or it has other columns.
        """
        if not path.is_file():
            raise EngramError(
                f"there is no file '{path}'. Name a table of renames, such as docs/renames.tsv."
            )
        names, rows = _read(path)
        if tuple(names) != RENAMES_COLUMNS:
            raise EngramError(
                f"'{path}' has the columns {names}; a table of renames has {list(RENAMES_COLUMNS)}."
            )
        return cls(tuple((what, where, old, new) for what, where, old, new in rows))

    def file(self, name: str) -> str:
        """Return what a file is called now."""
        for old, new in ((old, new) for what, _, old, new in self.rows if what == "file"):
            name = name.replace(old, new)
        return name

    def table(
        self, name: str, columns: Sequence[str], rows: Sequence[Sequence[str]]
    ) -> tuple[list[str], list[list[str]]]:
        """Return the columns and the cells of a table, by its name, as they are called now."""
        renamed = [self._column(name, column) for column in columns]
        return renamed, [
            [self._cell(column, cell) for column, cell in zip(renamed, row, strict=True)]
            for row in rows
        ]

    def _column(self, table: str, column: str) -> str:
        fitting = (
            new
            for what, where, old, new in self.rows
            if what == "column" and fnmatchcase(table, where) and old == column
        )
        return next(fitting, column)

    def _cell(self, column: str, cell: str) -> str:
        for what, where, old, new in self.rows:
            if what == "value" and fnmatchcase(column, where) and cell == old:
                cell = new
            elif what == "ending" and fnmatchcase(column, where):
                cell = re.sub(rf"{re.escape(old)}\b", new, cell)
        return cell


def paired(
    old: dict[str, Path], new: dict[str, Path]
) -> list[tuple[str, Path | None, Path | None]]:
    """Return the files of both folders, by their names now, side by side.

    By path, or else by a name that each folder has once.
    """

    def places(files: dict[str, Path], others: dict[str, Path]) -> dict[str, str]:
        names = [Path(name).name for name in files if name not in others]
        return {
            Path(name).name: name
            for name in files
            if name not in others and names.count(Path(name).name) == 1
        }

    left, right = places(old, new), places(new, old)
    moved = {left[name]: right[name] for name in left.keys() & right.keys()}
    pairs: list[tuple[str, Path | None, Path | None]] = [
        (name, path, new.get(moved.get(name, name))) for name, path in old.items()
    ]
    return pairs + [
        (name, None, path)
        for name, path in new.items()
        if name not in old and name not in moved.values()
    ]


NO_RENAMES = Renames()


def differences(old: Path, new: Path, renames: Renames = NO_RENAMES) -> list[str]:
    """Return how two tables differ, a line for each column.

    None where they hold the same cells once the old one is renamed.

    Rows are compared in their order where there are equally many, else only counted.
    """
    (old_names, old_rows), (new_names, new_rows) = renames.table(old.stem, *_read(old)), _read(new)
    said = [f"{name}: column taken out" for name in old_names if name not in new_names]
    said += [f"{name}: new column" for name in new_names if name not in old_names]
    if len(old_rows) != len(new_rows):
        return [*said, f"{len(old_rows)} rows before, {len(new_rows)} now"]
    for name in old_names:
        if name in new_names:
            before = [row[old_names.index(name)] for row in old_rows]
            after = [row[new_names.index(name)] for row in new_rows]
            said += _column(name, before, after)
    if not said and old_names != new_names:
        said.append("the same columns in another order")
    return said


def _read(path: Path) -> tuple[list[str], list[list[str]]]:
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
    names = rows[0] if rows else []
    # A line with fewer cells than the header is compared as if the rest were empty.
    return names, [row + [""] * (len(names) - len(row)) for row in rows[1:]]


def _as_bytes(names: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    """Return a table as `engram.files.storage` writes it."""
    return "".join("\t".join(row) + "\n" for row in [names, *rows]).encode()


def _column(name: str, before: Sequence[str], after: Sequence[str]) -> list[str]:
    changed = [
        (number, old, new)
        for number, (old, new) in enumerate(zip(before, after, strict=True), 1)
        if old != new
    ]
    if not changed:
        return []
    count = f"{name}: {len(changed)} of {len(before)} cells"
    numbers = [
        (abs(a - b), row, old, new)
        for row, old, new in changed
        if (a := _number(old)) is not None and (b := _number(new)) is not None
    ]
    others = [
        (row, old, new) for row, old, new in changed if _number(old) is None or _number(new) is None
    ]
    parts = []
    if numbers:
        largest, row, old, new = max(numbers)
        parts.append(f"largest difference {largest:.3g} (row {row}: {old} before, {new} now)")
    if others:
        row, old, new = others[0]
        parts.append(
            f"{len(others)} not as numbers (row {row}: {_short(old)} before, {_short(new)} now)"
        )
    return [f"{count}; {'; '.join(parts)}"]


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _short(cell: str) -> str:
    return repr(cell if len(cell) <= 40 else cell[:37] + "...")


def compare(old: Path, new: Path, renames: Renames = NO_RENAMES) -> tuple[list[str], bool]:
    """Return what differs between two folders of results, and whether a table does.

    A report holds times and versions, so one that differs is said and is no difference of results.
    """
    said, tables, same, renamed = [], 0, 0, 0
    differ = False
    for name, before, after in paired(
        {renames.file(name): path for name, path in found_in(old).items()}, found_in(new)
    ):
        table = name.endswith(".tsv")
        tables += table
        if before is None or after is None:
            said.append(f"{name}: only in {new if before is None else old}")
        elif checksum(before) == checksum(after):
            same += table
            continue
        elif table and _as_bytes(*renames.table(before.stem, *_read(before))) == after.read_bytes():
            renamed += 1
            continue
        elif table:
            lines = differences(before, after, renames) or [
                "the same cells, written differently (line ends, blanks)"
            ]
            said += [f"{name}: {lines[0]}", *(f"{' ' * len(name)}  {line}" for line in lines[1:])]
        else:
            said.append(f"{name}: differs (a report holds times and versions)")
        differ = differ or table
    once_renamed = (
        [f"{renamed} of {tables} tables are the same bytes once they are renamed"]
        if renames.rows
        else []
    )
    return [*said, f"{same} of {tables} tables are the same bytes (SHA-256)", *once_renamed], differ


def command_parser() -> argparse.ArgumentParser:
    """Return what reads the command's arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m engram.compare_results",
        description="What differs between the tables of two folders of results.",
    )
    parser.add_argument("old", type=Path, help="results of before, such as results-0.1/demo")
    parser.add_argument("new", type=Path, help="results of now, such as results/demo")
    parser.add_argument(
        "--renames", type=Path, help="what was renamed in between, such as docs/renames.tsv"
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    given = command_parser().parse_args(arguments)
    try:
        lines, differ = compare(
            given.old, given.new, Renames.read(given.renames) if given.renames else NO_RENAMES
        )
    except EngramError as error:
        print(f"engram: {error}", file=sys.stderr)
        return 2
    print("\n".join(lines))
    return int(differ)


if __name__ == "__main__":
    raise SystemExit(main())
