"""A user's table of numbers over a story, by word or by time."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from engram.errors import EngramError
from engram.features.norms.columns import chosen_columns
from engram.features.space import Given, Space
from engram.files import delimited

logger = logging.getLogger(__name__)


def lay(given: Given) -> Space:
    """Return the numbers of a story.

    Raises
    ------
    EngramError
        If the file has another number of rows than the story has words, words that are not the
        story's, times that do not rise, or cells that are no finite numbers.
    """
    path, section = Path(given.config["files"][0]), given.space
    by_time = section["rows"] == "times"
    if path.suffix == ".npy":
        vectors, names = _array(path), None
        n_rows = vectors.shape[1]
        times = np.arange(n_rows) * section["step"] if by_time else None
    else:
        vectors, names, times = _table(path, section, given.words["word"].tolist())
        n_rows = vectors.shape[1]
    if times is None and n_rows != len(given.words):
        raise EngramError(
            f"'{path}' has {n_rows} rows, and the story {given.story} has {len(given.words)} "
            "words: each needs a row. For rows that are times write 'rows: times'."
        )
    if section["centre"]:
        vectors = vectors - vectors.mean(1, keepdims=True)
    return Space(vectors, names, times=times)


def _array(path: Path) -> np.ndarray:
    try:
        values = np.load(path, allow_pickle=False)
    except ValueError as error:
        raise EngramError(f"'{path}' is no array of numbers ({error}).") from None
    if values.ndim not in (2, 3) or values.dtype.kind not in "fiu":
        raise EngramError(
            f"'{path}' is an array of shape {values.shape} and type {values.dtype}; numbers of "
            "shape (rows, units) or (layers, rows, units) are needed."
        )
    if not np.isfinite(values).all():
        raise EngramError(f"'{path}' has numbers that are not finite.")
    return values.reshape(-1, *values.shape[-2:]).astype(np.float64)


def _table(
    path: Path, section: Mapping[str, Any], words: list[str]
) -> tuple[np.ndarray, list[str], np.ndarray | None]:
    """Return the numbers of a table, the names of its units, and its times."""
    frame = delimited.read_frame(
        path, text=["word"], known=["time"], separator=delimited.separator_of(path)
    )
    times = None
    if section["rows"] == "times":
        delimited.need_columns(list(frame.columns), ["time"], path)
        times = delimited.numbers(frame["time"], path).to_numpy()
        if len(times) < 2 or not (np.diff(times) > 0).all():
            raise EngramError(f"'{path}': its times do not rise from row to row.")
    elif "word" in frame and len(frame) == len(words):
        for line, mine, theirs in zip(frame.index, frame["word"], words, strict=True):
            if mine != theirs:
                raise EngramError(
                    f"'{path}', line {line}: the word is '{mine}', and the story's is '{theirs}'. "
                    "Rows are the words of the story, in its order (results: stories/)."
                )
    others = [name for name in frame.columns if name not in ("time", "word")]
    wanted = section["columns"]
    names = others if wanted is None else chosen_columns(others, wanted, path)
    numbers = np.stack([delimited.numbers(frame[name], path).to_numpy() for name in names], axis=1)
    if not np.isfinite(numbers).all():
        row, column = np.argwhere(~np.isfinite(numbers))[0]
        raise EngramError(
            f"'{path}', line {frame.index[row]}, column '{names[column]}': no number. Each row "
            "needs one in each column; write 0, say, where there is none."
        )
    return numbers[None], names, times
