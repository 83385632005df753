"""Finding a key in what a server said.

Servers and libraries repeat it in several encodings.
"""

from __future__ import annotations

import base64
import re
from urllib.parse import unquote

#: Shorter keys are no secret: local servers take any word.
SHORTEST = 8
#: What stands in the place of a text that held the key.
HIDDEN = "*** (the key stood in it)"

#: So many characters of a key in a row give it away.
_PART = 12
#: Decodings on top of each other that are looked through.
_ROUNDS = 3
#: What may split a key in a message: blanks and line breaks, quotation marks and commas of lists,
#: backslashes of escapes.
_SPLITS = re.compile(r"[\s\\\"'`,]+")
#: A character as JSON and Python's repr (its last backslash, if that is escaped
#: too) or HTML write it.
_ESCAPED = re.compile(r"\\(?:u00|x)([0-9a-fA-F]{2})|&#(?:[xX]([0-9a-fA-F]{1,4})|([0-9]{1,5}));?")


def without_key(text: str, key: str) -> str:
    """Return a text, or a note in its place if it gives the key away.

    The whole text is replaced, since what is left around a key in an encoding tells of it too.

    Parameters
    ----------
    text : str
        What a server said, not cut yet: half a key is harder to find.
    key : str
        Empty or shorter than `SHORTEST` is no secret.

    Returns
    -------
    str
    """
    return HIDDEN if holds_key(text, key) else text


def holds_key(text: str, key: str) -> bool:
    """Tell whether a text holds a key or a part of it.

    It may be plain, split, escaped, percent-encoded, in base64 or in hexadecimal digits.
    """
    if len(key) < SHORTEST:
        return False
    plain = _parts(_SPLITS.sub("", key), _PART)
    coded = {part for code in _base64(key.encode()) for part in _parts(code, 16)}
    digits = _parts(key.encode().hex(), 2 * _PART)
    for _ in range(_ROUNDS + 1):
        joined = _SPLITS.sub("", text)
        unified, small = joined.replace("-", "+").replace("_", "/"), joined.lower()
        if (
            any(part in joined for part in plain)
            or any(part in unified for part in coded)
            or any(part in small for part in digits)
        ):
            return True
        decoded = unquote(_ESCAPED.sub(_character, text))
        if decoded == text:
            return False
        text = decoded
    return False


def _parts(text: str, length: int) -> set[str]:
    """Return all parts of a length; the whole of a shorter text."""
    return {text[begin : begin + length] for begin in range(max(1, len(text) - length + 1))}


def _base64(key: bytes) -> list[str]:
    """Return the characters of base64 that depend on the key alone.

    They do so wherever it stands among other bytes.
    """
    codes = []
    for before, tainted in ((0, 0), (1, 2), (2, 3)):
        whole = 8 * (before + len(key)) // 6
        codes.append(base64.b64encode(bytes(before) + key).decode()[tainted:whole])
    return codes


def _character(found: re.Match[str]) -> str:
    return chr(int(found[3])) if found[3] else chr(int(found[1] or found[2], 16))
