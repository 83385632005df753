"""The columns of a table of word norms: which one has the words, and which are the norms."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from engram.errors import EngramError
from engram.files import delimited
from engram.wording import listed

#: Names under which published tables have their words.
WORD_COLUMNS = ("word", "Word", "WORD", "words", "ENGLISH", "item", "lemma", "String", "term")


def check_header(path: Path, word: str | None, columns: Sequence[str]) -> None:
    """Refuse a table whose first line lacks a column, before any job reads the table.

    Parameters
    ----------
    path, word, columns
        As `read_table` takes them. A first line with a single cell is left to the job, which says
        what separates cells.
    """
    with path.open("rb") as stream:
        line = stream.readline(1 << 20).decode("utf-8-sig", "replace").rstrip("\r\n")
    cells = [cell.strip().strip('"') for cell in line.split(delimited.separator_of(path))]
    if len(cells) < 2:
        return
    names = delimited.column_names(cells, [*WORD_COLUMNS, *([word] if word else [])])
    chosen = word_column(names, word, path)
    chosen_columns([name for name in names if name != chosen], columns, path)


def word_column(columns: Sequence[str], word: str | None, path: Path) -> str:
    """Return the column of words: the one that is named, else one of `WORD_COLUMNS`."""
    if word is not None:
        delimited.need_columns(list(columns), [word], path)
        return word
    found = [name for name in WORD_COLUMNS if name in columns]
    if not found:
        raise EngramError(
            f"'{path}' has the columns {list(columns)[:20]}, and none is known to hold "
            "words. Say which one does: word: <column>."
        )
    return found[0]


def chosen_columns(names: Sequence[str], columns: Sequence[str], path: Path) -> list[str]:
    """Return the names that are asked for, each once, in the order in which they are."""
    found: list[str] = []
    for column in columns:
        matching = [column] if column in names else [n for n in names if fnmatchcase(n, column)]
        if not matching:
            raise EngramError(
                f"'{path}' has no column '{column}'. It has {listed(list(names[:30]))}."
            )
        found += matching
    return list(dict.fromkeys(found))
