"""JSON that others wrote: what readers pass over or stumble on is an error with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engram.errors import EngramError


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object; raise `ValueError` for one that gives a key twice.

    Of those, readers keep the last without a word.
    """
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(
            f"'{next(name for name in names if names.count(name) > 1)}' stands in it twice"
        )
    return content


_DECODER = json.JSONDecoder(object_pairs_hook=once)


def value_at(text: str, begin: int) -> tuple[Any, int]:
    """Return the JSON value that begins there, and where it ends.

    Raises
    ------
    json.JSONDecodeError
        If there is none; also for a key that stands twice in an object, a number of thousands
        of digits, and brackets nested deeper than Python reads.
    """
    try:
        return _DECODER.raw_decode(text, begin)
    except json.JSONDecodeError:
        raise
    except RecursionError:
        raise json.JSONDecodeError("nested too deeply", text, begin) from None
    except ValueError as error:
        reason = str(error) if str(error).endswith("twice") else "a number has too many digits"
        raise json.JSONDecodeError(reason, text, begin) from None


def value_of(text: str) -> Any:
    """Return the JSON value that is all of a text; raises what `value_at` raises."""
    begin = len(text) - len(text.lstrip(" \t\n\r"))
    value, end = value_at(text, begin)
    if text[end:].strip(" \t\n\r"):
        raise json.JSONDecodeError("Extra data", text, end)
    return value


def read_config(path: Path, key: str) -> dict[str, Any]:
    """Return what a model's config.json says.

    Raises
    ------
    EngramError
        If it is no JSON object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise EngramError(f"{key}: '{path}' is no JSON object: {error}.") from None
    except RecursionError:
        raise EngramError(
            f"{key}: '{path}' is nested too deeply for a model's configuration. "
            "Fetch the model again."
        ) from None
    if not isinstance(content, dict):
        kind = type(content).__name__
        raise EngramError(f"{key}: '{path}' is no JSON object: it holds a {kind}.")
    return content
