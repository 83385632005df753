"""Read a table of norms: cues, and how many people gave which response to each.

Two forms are read: a row for each response, with columns for cue, response and count (as in the
Small World of Words), and a row for each cue, whose column EDGES holds ``RESPONSE:count;...`` (as
in NoRaRe's table of the Edinburgh Associative Thesaurus).
"""

from __future__ import annotations

import html
import logging
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engram.associations.annotators.answers import LONGEST, LONGEST_TEXT
from engram.associations.norms.english import folded
from engram.errors import EngramError
from engram.files import delimited

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

#: Names under which published tables have their columns, the likelier first.
KNOWN = {
    "cue": ("cue", "stimulus", "ENGLISH"),
    "response": ("response", "target", "associate"),
    "count": ("R123", "count", "frequency", "n", "#P", "R1"),
    "edges": ("EDGES",),
}
_ENTITY = re.compile(r"&(?:#\d+|#x[0-9a-f]+|[a-z]+);", re.IGNORECASE)
_WHOLE = re.compile(r"[+]?\d{1,9}(?:\.0+)?")
#: Rows of a cue and a response with its count, and the line that each comes from.
_Rows = Iterator[tuple[str, str, int]]


@dataclass(frozen=True)
class Response:
    """What people said to a cue, and how many said it."""

    text: str
    count: int


@dataclass(frozen=True)
class Norms:
    """A table of norms.

    Attributes
    ----------
    path : Path
    responses : mapping
        By cue (`engram.associations.norms.english.folded`), the strongest first; a cue
        without responses has none.
    said : mapping
        How many times a word or phrase was said in the whole table, to any cue.
    """

    path: Path
    responses: Mapping[str, tuple[Response, ...]]
    said: Mapping[str, int]

    def is_response(self, cue: str, text: str) -> bool:
        """Tell whether anybody said a text to a cue."""
        return folded(text) in {folded(one.text) for one in self.responses.get(cue, ())}


def read_norms(path: Path, columns: Mapping[str, str | None]) -> Norms:
    """Read a table of norms.

    Parameters
    ----------
    path : Path
        Cells are separated by tabs; in a file that ends in ``.csv`` commas do too.
    columns : mapping
        Names of the columns ``cue``, ``response``, ``count`` and ``edges``; None: by the names
        that published tables have (`KNOWN`).

    Raises
    ------
    EngramError
        What `engram.files.delimited.read_frame` raises; columns that are not there; a count that is
        no whole number, or negative; a table without any response. It names the line.

    Notes
    -----
    Cues and responses that differ in case alone are one, and so are rows that are there twice:
    their counts are added. A table in which no response has a small letter is put into small
    letters. Responses without a letter, of more than 40 words or 500 characters, or with
    characters that cannot be printed are left out.
    """
    frame = _frame(path, columns)
    chosen = _chosen(frame, path, columns)
    rows = list(_of_edges(frame, chosen, path) if "edges" in chosen else _rows(frame, chosen, path))
    counts: dict[str, Counter[str]] = {folded(cue): Counter() for cue in frame[chosen["cue"]]}
    spelling: dict[str, str] = {}
    capitals = not any(character.islower() for _, text, _ in rows for character in text)
    skipped = 0
    for cue, text, count in rows:
        text = " ".join((text.lower() if capitals else text).split())
        if not _can_be_written(text):
            skipped += 1
        elif count:
            counts[folded(cue)][folded(text)] += count
            spelling.setdefault(folded(text), text)
    found = {
        cue: tuple(
            Response(spelling[text], count)
            for text, count in sorted(said.items(), key=lambda one: (-one[1], one[0]))
        )
        for cue, said in counts.items()
    }
    if not any(found.values()):
        raise EngramError(
            f"'{path}' has {len(found)} cues and not one response that can be written. "
            f"Columns: {list(frame.columns)}; read as {chosen}."
        )
    logger.info(
        "'%s': %d cues, %d of them with responses; %d different responses; %d rows of responses "
        "left out (no letters, or too long)",
        *(path, len(found), sum(map(bool, found.values())), len(spelling), skipped),
    )
    said: Counter[str] = Counter()
    for one in counts.values():
        said.update(one)
    return Norms(path, found, said)


def _frame(path: Path, columns: Mapping[str, str | None]) -> pd.DataFrame:
    """Return the table with all its cells as text, each row under its line."""
    named = [name for names in KNOWN.values() for name in names]
    named += [name for name in columns.values() if name]
    return delimited.read_frame(path, text=named, separator=_separator(path))


def _separator(path: Path) -> str:
    """Return what separates cells: a comma in a .csv file whose first line has no tab."""
    if path.suffix.lower() != ".csv" or not path.is_file():
        return "\t"
    with path.open("rb") as stream:
        return "\t" if b"\t" in stream.readline(1 << 16) else ","


def _chosen(frame: pd.DataFrame, path: Path, columns: Mapping[str, str | None]) -> dict[str, str]:
    """Return which column is which: those that the user names, else those that are known."""
    given = {role: name for role, name in columns.items() if name}
    delimited.need_columns(list(frame.columns), list(given.values()), path)
    known = {
        role: next((name for name in names if name in frame.columns), None)
        for role, names in KNOWN.items()
    }
    found = {role: name for role, name in (known | given).items() if name}
    has_edges = "edges" in found and "response" not in given
    form = ["cue", "edges"] if has_edges else ["cue", "response", "count"]
    missing = [role for role in form if role not in found]
    if missing:
        raise EngramError(
            f"'{path}' has the columns {list(frame.columns)}, and none of them is known as "
            f"{' or '.join(missing)}. A table of norms has a row for each response, with columns "
            "for cue, response and count, or a row for each cue with a column EDGES "
            "(RESPONSE:count;...). Say which column is which: "
            "norms: {columns: {cue: ..., response: ..., count: ...}}."
        )
    return {role: found[role] for role in form}


def _rows(frame: pd.DataFrame, chosen: Mapping[str, str], path: Path) -> _Rows:
    """Yield the rows of a table with a row for each response; those without one are passed over."""
    for line, cue, text, count in zip(
        frame.index, *(frame[chosen[role]] for role in ("cue", "response", "count")), strict=True
    ):
        _check_cue(cue, f"'{path}', line {line}")
        if isinstance(text, str):
            yield cue, text, _count(count, f"'{path}', line {line}", chosen["count"])


def _of_edges(frame: pd.DataFrame, chosen: Mapping[str, str], path: Path) -> _Rows:
    """Yield the same of a table with a row for each cue; what has no name is passed over."""
    for line, cue, edges in zip(
        frame.index, *(frame[chosen[role]] for role in ("cue", "edges")), strict=True
    ):
        where = f"'{path}', line {line}"
        _check_cue(cue, where)
        # Semicolons separate responses, and end entities of HTML (CAN&#39;T).
        cell = _ENTITY.sub(lambda found: html.unescape(found[0]), edges if edges == edges else "")
        for edge in filter(str.strip, cell.split(";")):
            text, colon, count = edge.rpartition(":")
            if not colon:
                raise EngramError(
                    f"{where}, column '{chosen['edges']}': '{edge[:40]}' has no count. Each "
                    "response is written RESPONSE:count, and semicolons stand between them."
                )
            yield cue, text, _count(count, where, chosen["edges"])


def _check_cue(cue: object, where: str) -> None:
    if not isinstance(cue, str) or not cue.strip():
        raise EngramError(f"{where}: no cue. Write one, or take the line out.")


def _count(value: object, where: str, column: str) -> int:
    """Return how many people gave a response."""
    text = str(value).strip()
    if not _WHOLE.fullmatch(text):
        shown = "nothing" if value != value else f"'{text[:30]}'"
        raise EngramError(
            f"{where}, column '{column}': the count is {shown}. It is how many people gave "
            "the response: a whole number, 0 or more. If another column has these numbers, name "
            "it: norms: {columns: {count: ...}}."
        )
    return int(float(text))


def _can_be_written(text: str) -> bool:
    return (
        any(character.isalpha() for character in text)
        and text.isprintable()
        and len(text) <= LONGEST_TEXT
        and len(text.split()) <= LONGEST
    )
