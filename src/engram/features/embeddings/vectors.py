"""Read vectors of words as GloVe, fastText and word2vec write them: those that are wanted."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np

from engram.errors import EngramError


def read_vectors(path: Path, wanted: Collection[str]) -> dict[str, np.ndarray]:
    """Return the vectors of some words.

    The table is read line by line: those of the web have gigabytes.

    Parameters
    ----------
    path : Path
        Text; or word2vec's binary form, if it ends in ``.bin``.
    wanted : collection of str

    Raises
    ------
    EngramError
        If a line has another number of numbers, or none; if a word is there twice with other
        numbers.
    """
    return _binary(path, wanted) if path.suffix == ".bin" else _text(path, wanted)


def _text(path: Path, wanted: Collection[str]) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    size = 0
    with path.open(encoding="utf-8", errors="strict", newline="\n") as stream:
        try:
            for line, text in enumerate(stream, start=1):
                cells = text.rstrip(" \r\n").split(" ")
                if line == 1 and _is_header(cells):
                    size = int(cells[1])
                    continue
                size = size or len(cells) - 1
                if len(cells) <= size or size < 1:
                    raise _wrong(path, line, f"{len(cells) - 1} numbers, expected {size}")
                # A few published words hold blanks.
                word = " ".join(cells[:-size])
                if word in wanted:
                    _keep(found, word, _numbers(cells[-size:], path, line), path, line)
        except UnicodeDecodeError as error:
            raise EngramError(
                f"'{path}' is not UTF-8 text ({error.reason}). Tables of vectors are text, or "
                "word2vec's binary form with a name that ends in .bin."
            ) from None
    return found


def _binary(path: Path, wanted: Collection[str]) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    with path.open("rb") as stream:
        header = stream.readline(200).split()
        if not _is_header([cell.decode("ascii", "replace") for cell in header]):
            raise _wrong(path, 1, "no header with the numbers of words and of units")
        number, size = map(int, header)
        for row in range(number):
            word = bytearray()
            while (one := stream.read(1)) not in (b" ", b""):
                word += one
            values = stream.read(4 * size)
            if len(values) < 4 * size:
                raise EngramError(f"'{path}' ends within word {row + 1} of {number}.")
            name = word.lstrip(b"\n").decode("utf-8", "replace")
            if name in wanted:
                _keep(found, name, np.frombuffer(values, "<f4").astype(float), path, row + 1)
    return found


def _is_header(cells: list[str]) -> bool:
    return len(cells) == 2 and all(cell.isdecimal() for cell in cells)


def _numbers(cells: list[str], path: Path, line: int) -> np.ndarray:
    try:
        values = np.array(cells, dtype=float)
    except ValueError as error:
        raise _wrong(path, line, str(error)) from None
    if not np.isfinite(values).all():
        raise _wrong(path, line, "a number that is not finite")
    return values


def _keep(
    found: dict[str, np.ndarray], word: str, values: np.ndarray, path: Path, line: int
) -> None:
    if word in found and not np.array_equal(found[word], values):
        raise _wrong(path, line, f"the word '{word}' is there twice with other numbers")
    found[word] = values


def _wrong(path: Path, line: int, what: str) -> EngramError:
    return EngramError(
        f"'{path}', line {line}: {what}. Each line has a word and its numbers, with blanks "
        "between them."
    )
