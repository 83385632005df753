"""Read a table with a row for each word and columns of numbers."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engram.associations.norms.english import folded
from engram.errors import EngramError
from engram.features.norms.columns import WORD_COLUMNS, chosen_columns, word_column
from engram.files import delimited
from engram.wording import listed

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class WordTable:
    """Numbers of words.

    Attributes
    ----------
    path : Path
    columns : list of str
    values : mapping
        By word (`engram.associations.norms.english.folded`), an array of shape (n_columns, ).
    """

    path: Path
    columns: list[str]
    values: Mapping[str, np.ndarray]


def read_table(path: Path, word: str | None, columns: Sequence[str]) -> WordTable:
    """Read a table of word norms.

    Parameters
    ----------
    path : Path
        Cells are separated by tabs; in a file that ends in ``.csv`` by commas where its first line
        has no tab.
    word : str or None
        The column of words; None: one of `WORD_COLUMNS`.
    columns : sequence of str
        The columns of numbers; ``*`` stands for any characters.

    Raises
    ------
    EngramError
        What `engram.files.delimited.read_frame` raises; columns that are not there; a cell that is
        no number; a word that is there twice with other numbers.

    Notes
    -----
    Words that differ in case alone are one: the row in small letters counts, else the first.
    Rows with a missing number in a chosen column are left out.
    """
    named = [*WORD_COLUMNS, *([word] if word else [])]
    frame = delimited.read_frame(path, text=named, separator=delimited.separator_of(path))
    chosen = word_column(list(frame.columns), word, path)
    names = chosen_columns([name for name in frame.columns if name != chosen], columns, path)
    numbers = np.stack([delimited.numbers(frame[name], path).to_numpy() for name in names], axis=1)
    complete = np.isfinite(numbers).all(1) & frame[chosen].notna().to_numpy()
    if not complete.any():
        raise EngramError(
            f"'{path}': no row has a word and a number in each of {listed(names[:5])}. "
            "Choose columns that have numbers."
        )
    values = _by_word(frame[chosen][complete], numbers[complete], path)
    logger.info(
        "'%s': %d words, %d columns; %d of %d rows have a missing value and are left out",
        *(path, len(values), len(names), int((~complete).sum()), len(frame)),
    )
    return WordTable(path, names, values)


def _by_word(words: pd.Series, numbers: np.ndarray, path: Path) -> dict[str, np.ndarray]:
    values: dict[str, np.ndarray] = {}
    spelled: dict[str, tuple[str, int]] = {}
    for line, word, row in zip(words.index, words.tolist(), numbers, strict=True):
        entry, spelling = folded(word), " ".join(word.split())
        if entry not in values:
            values[entry], spelled[entry] = row, (spelling, line)
            continue
        before, first = spelled[entry]
        if spelling == before and not np.array_equal(values[entry], row):
            raise EngramError(
                f"'{path}': the word '{spelling}' is there twice with other numbers, in lines "
                f"{first} and {line}. Keep one of both."
            )
        if spelling == entry != before:
            values[entry], spelled[entry] = row, (spelling, line)
    return values
