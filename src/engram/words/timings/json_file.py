"""Read a JSON file of timings, and name what in it is no time."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from engram.errors import EngramError
from engram.files.json_text import value_of
from engram.files.text_files import read_text


def read_object(path: Path) -> dict[str, Any]:
    """Return the JSON object that a file holds; a list of objects is one of words.

    Raises
    ------
    EngramError
        If it holds none.
    """
    try:
        content = value_of(read_text(path, prose=True).lstrip("\ufeff"))
    except json.JSONDecodeError as error:
        raise EngramError(
            f"'{path}', line {error.lineno}: it is no JSON ({error.msg}). Is it whole?"
        ) from None
    if is_list_of_objects(content):
        content = {"words": content}
    if not isinstance(content, dict):
        raise EngramError(
            f"'{path}' holds no JSON object with words, but {type(content).__name__}."
        )
    return content


def is_list_of_objects(value: Any) -> bool:
    """Tell whether a value is a list of JSON objects, and not empty."""
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)


def number_in(word: dict[str, Any], key: str, number: int, path: Path) -> float:
    """Return the time that a word has under a key, NaN where it has none."""
    value = word.get(key)
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise EngramError(
            f"'{path}', word {number}: '{key}' is {value!r}. A time in seconds is due."
        )
    return float(value)
