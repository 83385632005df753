"""Rows of a file of samples, with the lines on which they begin, in any usual shape of JSON."""

from __future__ import annotations

import json
import re
from bisect import bisect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engram.errors import EngramError
from engram.files.json_text import value_at, value_of
from engram.tunings.sample_problems import Problem

#: A field's own name first, then the other usual ones.
FIELDS = {
    "instruction": ("instruction", "prompt"),
    "input": ("input", "context"),
    "output": ("output", "response", "completion"),
}
#: Names of splits in files, and what they are here.
SPLITS = {"train": "train", "validation": "validation", "test": "validation"}
_SPACE = re.compile(r"\s*")


def rows_of(
    path: Path, text: str, problems: list[Problem]
) -> Iterator[tuple[int, Any, str | None]]:
    """Yield each row's line, content, and the split whose list it stands in."""
    begin = _skip(text, 0)
    first_line = text[begin:].split("\n", 1)[0].rstrip()
    if text.startswith("{", begin) and first_line.endswith("}") and not _is_one_value(text, begin):
        yield from _json_lines(text, problems)
        return
    ends = [place for place, mark in enumerate(text) if mark == "\n"]
    try:
        found = (
            _list_rows(text, begin)
            if text.startswith("[", begin)
            else _object_rows(path, text, begin)
        )
        for offset, row, split in found if begin < len(text) else ():
            yield bisect(ends, offset) + 1, row, split
    except json.JSONDecodeError as error:
        raise EngramError(
            f"'{path}', line {error.lineno}: broken JSON ({error.msg}, column "
            f"{error.colno}). Correct it there."
        ) from None


def _json_lines(text: str, problems: list[Problem]) -> Iterator[tuple[int, Any, None]]:
    """Yield the lines and contents of rows that stand on a line each."""
    # Only "\n" ends a line: JSON text may hold other separators, such as U+2028, as they are.
    for line, content in enumerate(text.split("\n"), start=1):
        if content.strip():
            try:
                yield line, value_of(content), None
            except json.JSONDecodeError as error:
                problems.append((line, f"broken JSON ({error.msg}, column {error.colno})"))


def _list_rows(text: str, begin: int) -> Iterator[tuple[int, Any, None]]:
    """Yield the offsets and contents of a list's rows."""
    for offset, row in _elements(text, begin)[0]:
        yield offset, row, None


def _object_rows(path: Path, text: str, begin: int) -> Iterator[tuple[int, Any, str | None]]:
    """Yield the offsets and contents of the rows of the lists that an object holds.

    It may hold one list, or the splits'; of an object without any it is the object itself.
    """
    lists, whole = _members(text, begin)
    if not lists or (isinstance(whole, dict) and any(name in whole for name in FIELDS["output"])):
        yield begin, whole, None
        return
    by_split = bool(lists) and set(lists) <= set(SPLITS)
    if len(lists) > 1 and not by_split:
        raise EngramError(
            f"'{path}' holds the lists {sorted(lists)}. Expected: one list, or some of "
            f"{list(SPLITS)}. Keep one of them."
        )
    for name, elements in lists.items():
        for offset, row in elements:
            yield offset, row, SPLITS[name] if by_split else None


def _is_one_value(text: str, begin: int) -> bool:
    """Tell whether the whole text is one JSON value."""
    try:
        _, end = value_at(text, begin)
    except json.JSONDecodeError:
        return False
    return _skip(text, end) == len(text)


def _elements(text: str, begin: int, inside: bool = False) -> tuple[list[tuple[int, Any]], int]:
    """Return each element of the list that begins there with its offset, and where the list ends.

    Nothing may follow unless it is `inside` an object.
    """
    found: list[tuple[int, Any]] = []
    position = _skip(text, begin + 1)
    while not text.startswith("]", position):
        if found:
            position = _expect(text, position, ",")
        value, end = value_at(text, position)
        found.append((position, value))
        position = _skip(text, end)
    position = _skip(text, position + 1)
    if not inside and position < len(text):
        raise json.JSONDecodeError("Extra data", text, position)
    return found, position


def _members(text: str, begin: int) -> tuple[dict[str, list[tuple[int, Any]]], Any]:
    """Return the lists that an object holds, each with its elements' offsets, and the object."""
    whole, end = value_at(text, begin)
    if _skip(text, end) < len(text):
        raise json.JSONDecodeError("Extra data", text, _skip(text, end))
    lists: dict[str, list[tuple[int, Any]]] = {}
    position = _skip(text, begin + 1) if isinstance(whole, dict) else end
    while position < end and not text.startswith("}", position):
        name, position = value_at(text, position)
        position = _expect(text, _skip(text, position), ":")
        if text.startswith("[", position):
            lists[name], position = _elements(text, position, inside=True)
        else:
            position = _skip(text, value_at(text, position)[1])
        if text.startswith(",", position):
            position = _skip(text, position + 1)
    return lists, whole


def _skip(text: str, position: int) -> int:
    """Return where the white space that begins there ends."""
    found = _SPACE.match(text, position)
    return found.end() if found else position


def _expect(text: str, position: int, mark: str) -> int:
    """Return where the text goes on behind a mark, which must stand there."""
    if not text.startswith(mark, position):
        raise json.JSONDecodeError(f"Expecting '{mark}' delimiter", text, position)
    return _skip(text, position + 1)
