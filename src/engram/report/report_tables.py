"""Tables of the report: their cells as text, summaries by column, and files to download."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup, escape

from engram.files import storage
from engram.files.cells import MISSING
from engram.report.embedding import data_uri, public
from engram.statistics.score_tables import KEYS

#: Tables with more rows are summarised by column.
MOST_ROWS = 150
#: In so many rows and more, a value that is the same in all is said once.
_SEVERAL = 3
#: Tables of more bytes cannot be downloaded from the page, which says where they are.
MOST_BYTES = 700_000
#: Tables in this order, before others; claims have a section of their own.
_ORDER = (
    "association",
    "tuning",
    "chance",
    "spaces",
    "comparisons",
    "time_resolved",
    "checkpoints",
    "checkpoint_changes",
    "minimal_pairs",
    "heads",
    "head_specialisation",
    "metrics",
    "decoding_tests",
    "similarity_tests",
    "nuisance",
    "partitions",
    "association_unique",
    "best_layer",
    "roi_sets",
    "scores",
    "ceilings",
)


@dataclass(frozen=True)
class Table:
    """A table of the study, with the descriptions of its sidecar.

    Attributes
    ----------
    name : str
    data : pandas.DataFrame
    description : str
    columns : mapping
        Meanings of the columns.
    n_bytes : int
        Size of its file.
    file : bytes or None
        Content of its file, where it can be downloaded from the page.
    """

    name: str
    data: pd.DataFrame
    description: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    n_bytes: int = 0
    file: bytes | None = None

    @property
    def is_large(self) -> bool:
        """Whether the page summarises it by column."""
        return len(self.data) > MOST_ROWS

    @property
    def size(self) -> str:
        """Size of the file in words."""
        return (
            f"{self.n_bytes / 1e6:.1f} MB"
            if self.n_bytes >= 1e6
            else f"{max(self.n_bytes / 1e3, 0.1):.1f} kB"
        )

    @property
    def link(self) -> str:
        """The file as a data URI, paths shortened; nothing where it is too large."""
        return (
            ""
            if self.file is None
            else data_uri("text/tab-separated-values", public(self.file.decode()).encode())
        )

    @property
    def about(self) -> str:
        """The first sentence of the description: what the table is of."""
        first = self.description
        for end in (". ", ": ", " ("):
            first = first.partition(end)[0]
        return first.rstrip(".")

    def same(self) -> dict[str, str]:
        """Return the columns with one value in all rows, with it, where there are several rows.

        The page says them above the table, which is narrower without them.
        """
        if len(self.data) < _SEVERAL:
            return {}
        texts = {name: {cell(value) for value in self.data[name]} for name in self.data}
        return {name: found.pop() for name, found in texts.items() if len(found) == 1}

    def shown(self) -> list[str]:
        """Return the columns that the page shows."""
        return [name for name in self.data.columns if name not in self.same()]

    def rows(self) -> list[list[str]]:
        """Return the cells that the page shows as text, numbers with four significant digits."""
        of_page = self.data[self.shown()]
        return [[cell(value) for value in row] for row in of_page.itertuples(index=False)]

    def summary(self) -> list[list[str]]:
        """Return a row for each column: its name, meaning, values, and how many are missing."""
        return [
            [
                name,
                self.columns.get(name, ""),
                _holds(self.data[name]),
                f"{int(self.data[name].isna().sum()):,}",
            ]
            for name in self.data.columns
        ]


def cell(value: Any) -> str:
    """Return a value as the text of a table's cell."""
    if pd.isna(value):
        return MISSING
    return f"{value:.4g}" if isinstance(value, float) else public(str(value))


def marked(text: str) -> Markup:
    """Return a text with what stands between backticks as code."""
    parts = [
        Markup("<code>{}</code>").format(part) if number % 2 else escape(part)
        for number, part in enumerate(text.split("`"))
    ]
    return Markup("").join(parts)


def _holds(values: pd.Series) -> str:
    """Return which values a column has: the range of numbers, or names."""
    kept = values.dropna()
    if kept.empty:
        return "nothing"
    if pd.api.types.is_numeric_dtype(kept):
        return f"{cell(kept.min())} to {cell(kept.max())}, median {cell(float(kept.median()))}"
    names = sorted({cell(value) for value in kept})
    return (
        ", ".join(names)
        if len(names) <= 8
        else f"{len(names):,} different, such as {', '.join(names[:3])}"
    )


def read_tables(paths: Iterable[str | Path]) -> dict[str, Table]:
    """Return tables with the words of their sidecars, by their names."""
    tables = {}
    for path in map(Path, paths):
        about, n_bytes = storage.read_json(storage.sidecar(path)), path.stat().st_size
        columns = {
            name: entry.get("Description", "")
            for name, entry in about.items()
            if isinstance(entry, dict) and name != "Provenance"
        }
        file = path.read_bytes() if n_bytes <= MOST_BYTES else None
        tables[path.stem] = Table(
            path.stem,
            storage.read_table(path, dtype=KEYS),
            about.get("Description", ""),
            columns,
            n_bytes,
            file,
        )
    return tables


def in_order(tables: Mapping[str, Table]) -> list[Table]:
    """Return the tables in the order of the page, without claims and those that hold nothing.

    They have no rows; or no ceiling is known, as with one listener.
    """
    order = {name: place for place, name in enumerate(_ORDER)}
    nothing = {
        name
        for name, table in tables.items()
        if table.data.empty or (name == "ceilings" and table.data["ceiling"].isna().all())
    }
    return sorted(
        (table for name, table in tables.items() if name not in {"claims", *nothing}),
        key=lambda table: (order.get(table.name, len(order)), table.name),
    )
