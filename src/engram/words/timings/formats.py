"""The formats of word timings, and how they are told apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from engram.errors import EngramError
from engram.words.timings import table, tiers
from engram.words.timings.textgrid import read_textgrid


@dataclass(frozen=True)
class Options:
    """What a reader may be told beside the file."""

    tier: str | None = None
    columns: Mapping[str, str] | None = None
    rows: Mapping[str, str] | None = None


def _textgrid(path: Path, options: Options) -> pd.DataFrame:
    return tiers.words_of(read_textgrid(path), path, options.tier)


def _table(path: Path, options: Options) -> pd.DataFrame:
    return table.read_table(path, options.columns, options.rows)


@dataclass(frozen=True)
class Format:
    """A format: its reader, and what the index of the labels that it returns counts."""

    read: Callable[[Path, Options], pd.DataFrame]
    place: str


FORMATS: dict[str, Format] = {
    "textgrid": Format(_textgrid, "interval"),
    "table": Format(_table, "line"),
}
_BY_NAME = {".textgrid": "textgrid", ".tsv": "table", ".csv": "table"}


def format_of(path: Path, given: str | None = None) -> Format:
    """Return the format of a file: what is given, or what its name and content say.

    Raises
    ------
    EngramError
        If it is not known.
    """
    chosen = given or _BY_NAME.get(path.suffix.casefold())
    if chosen not in FORMATS:
        raise EngramError(
            f"'{path}': its format is not known. Say it by 'format: <format>', one of "
            f"{', '.join(FORMATS)}."
        )
    return FORMATS[chosen]
