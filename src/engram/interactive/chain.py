"""From a number of a table back to raw files, by the provenance that lies beside each result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from engram.errors import EngramError
from engram.files import storage
from engram.files.checksums import checksum, provenance, sha256

#: Folders of results, by which a path that was written down elsewhere is found again.
_FOLDERS = (
    *("activations", "associations", "bold", "ceilings", "chance", "maps", "nuisance"),
    *("partitions", "scores", "stories", "tables", "tunings"),
)
#: Columns that a number is looked for by, as far as a table has them.
_KEYS = (
    *("model", "partition", "part", "text", "tuning", "condition", "subject", "subjects"),
    *("story", "kind", "variant"),
    *("hemisphere", "roi", "roi_set", "layer", "group", "beyond", "question"),
    *("set", "metric", "direction", "a", "b", "family", "source", "property"),
    *("claim", "count"),
)
#: Columns that tell rows apart where these do not, by ``column=value`` alone: their values are
#: those of other columns too.
_BY_NAME = ("head", "seed", "begin", "null")
#: Rows that a message shows.
_MOST_ROWS = 12


@dataclass
class Link:
    """A file on the way from a number to raw files.

    Attributes
    ----------
    path : str
        As it was written down by the job that read or made it.
    place : Path or None
        Where it is now; None where it is gone.
    recorded : str
        Its SHA-256 as it was written down.
    record : dict
        The provenance beside it; empty for a file that no job made.
    state : str
        "as recorded", "changed", "gone" or, where it was not looked at, "".
    """

    path: str
    place: Path | None
    recorded: str
    record: dict[str, Any] = field(default_factory=dict)
    state: str = ""


class Chain:
    """The files behind a table, or behind one row of it.

    Parameters
    ----------
    folder : Path
        Of the results.
    check : bool
        Hold every file against its checksum, however large.
    """

    #: Bytes of a file up to which it is held against its checksum in any case.
    READ = 64 << 20

    def __init__(self, folder: Path, check: bool = False) -> None:
        self.folder, self.check = folder, check

    def of_table(self, path: Path) -> Link:
        """Return a table as the first link."""
        record = provenance(storage.sidecar(path))
        if not record:
            raise EngramError(
                f"'{path}' has no provenance beside it ('{storage.sidecar(path).name}'), so it "
                "cannot be traced. A run of the workflow writes it anew."
            )
        return self._link(str(path), record.get("Outputs", {}).get(path.name, ""))

    def behind(self, link: Link, wanted: Mapping[str, str] | None = None) -> list[Link]:
        """Return the files that a job read to make one, raw ones apart.

        Parameters
        ----------
        link : Link
        wanted : mapping, optional
            Names such as ``model`` with values: files that say that they are of another one are
            left out.
        """
        found = [self._link(path, digest) for path, digest in link.record.get("Inputs", {}).items()]
        return [one for one in found if _is_wanted(one, wanted or {})]

    def every(self, first: Sequence[Link]) -> list[Link]:
        """Return some links and all files behind them, each once, in the order of their making."""
        found: dict[str, Link] = {}

        def visit(link: Link) -> None:
            if link.path in found:
                return
            for one in self.behind(link):
                visit(one)
            found[link.path] = link

        for link in first:
            visit(link)
        return list(found.values())

    def raw(self, link: Link) -> Iterator[Link]:
        """Yield the raw files that a job read.

        A result may have a raw file's name, as associations have that are taken as they are. So a
        raw file is looked for where it was read, and then for what it held.
        """
        for path, known in link.record.get("RawFiles", {}).items():
            digest = str(known.get("sha256", ""))
            states = {
                place: self._state(place, digest, raw=True)
                for place in (Path(path), *self._places(path))
                if place.exists()
            }
            place = next((one for one, state in states.items() if state != "changed"), None)
            if place is None and Path(path).exists():
                place = Path(path)
            yield Link(path, place, digest, {}, states[place] if place else "gone")

    def _link(self, path: str, digest: str) -> Link:
        places = list(self._places(path))
        place = next((one for one in places if one.exists()), None)
        beside = (storage.sidecar(one) for one in places)
        record = next((known for one in beside if (known := provenance(one))), {})
        return Link(path, place, digest, record, self._state(place, digest))

    def _places(self, path: str) -> Iterator[Path]:
        """Yield where a path may lie: below the results, wherever they are now, or as written."""
        parts = PurePosixPath(path).parts
        for number, part in enumerate(parts[:-1]):
            if part in _FOLDERS:
                yield self.folder.joinpath(*parts[number:])
        if len(parts) > 1:
            yield self.folder / parts[-1]
        yield Path(path)

    def _state(self, place: Path | None, digest: str, raw: bool = False) -> str:
        if place is None:
            return "gone"
        if not digest or (not self.check and place.is_file() and place.stat().st_size > self.READ):
            return ""
        found = sha256(place) if raw and place.is_file() else checksum(place)
        return "as recorded" if found == digest else "changed"


def _is_wanted(link: Link, wanted: Mapping[str, str]) -> bool:
    mine = link.record.get("Wildcards") or _in_name(link.path)
    return all(str(mine.get(name, value)) == value for name, value in wanted.items())


def _in_name(path: str) -> dict[str, str]:
    """Return what a file without provenance is of, from its name: ``model-m_text-judged_...``."""
    parts = (part.partition("-") for part in PurePosixPath(path).stem.split("_"))
    return {name: value for name, dash, value in parts if dash}


def one_row(table: pd.DataFrame, words: Sequence[str], layer: int | None) -> pd.Series:
    """Return the row of a table that some words single out.

    Parameters
    ----------
    table : pandas.DataFrame
    words : sequence of str
        Values of any columns that tell rows apart, or ``column=value``.
    layer : int, optional
        The layer that is meant where none is said and several fit.

    Raises
    ------
    EngramError
        If a word is no value of the table, or not exactly one row fits.
    """
    keys = [name for name in _KEYS if name in table]
    fits = pd.Series(True, table.index)
    for word in words:
        name, equals, value = word.partition("=")
        if equals and name in table:
            found = _equal(table[name], value)
        else:
            found = pd.DataFrame({name: _equal(table[name], word) for name in keys}).any(axis=1)
        if not found.any():
            known = {name: _values(table[name])[:_MOST_ROWS] for name in keys if name != "layer"}
            raise EngramError(f"'{word}' is no value of the table. It has {known}.")
        fits &= found
    rows = table[fits]
    if len(rows) > 1 and "layer" in rows and layer is not None:
        rows = rows[rows["layer"] == layer] if (rows["layer"] == layer).any() else rows
    if len(rows) == 1:
        return rows.iloc[0]
    if rows.empty:
        raise EngramError(f"no row of the table fits {' '.join(words)} together.")
    by_name = [name for name in _BY_NAME if name in table]
    shown = {
        name if name in keys else f"{name}=": values[:_MOST_ROWS]
        for name in [*keys, *by_name]
        if len(values := _values(rows[name])) > 1
    }
    raise EngramError(f"{len(rows)} rows of the table fit. Say which: {shown or 'they are alike'}.")


def _equal(column: pd.Series, word: str) -> pd.Series:
    """Tell which cells are what a word says: their text, or a number as tables write it."""
    same = column.astype(str) == word
    if pd.api.types.is_numeric_dtype(column):
        same |= column.map("{:g}".format) == word
    return same


def _values(column: pd.Series) -> list[str]:
    """Return the values of a column as text, each once, numbers by size."""
    if pd.api.types.is_numeric_dtype(column):
        return [f"{value:g}" for value in sorted(column.dropna().unique())]
    return sorted(set(column.astype(str)))
