"""Praat's escapes: a backslash and two characters stand for one that keyboards lack.

They are listed under "Special symbols" in Praat's manual.
"""

from __future__ import annotations

import logging
import re
import unicodedata

logger = logging.getLogger(__name__)

#: Marks on a letter, by the character behind it: ``\e'`` is é.
_ACCENTS = {
    "`": "\u0300",
    "'": "\u0301",
    "^": "\u0302",
    "~": "\u0303",
    '"': "\u0308",
    "!": "\u0307",
    "o": "\u030a",
    ":": "\u030b",
    "<": "\u030c",
    ",": "\u0327",
    ";": "\u0328",
}
_SYMBOLS = {
    "bs": "\\",
    "bu": "•",
    "--": "–",
    "+-": "±",
    "!d": "¡",
    "?d": "¿",
    "<<": "«",
    ">>": "»",
    '"l': "“",
    '"r': "”",
    "l/": "ł",
    "L/": "Ł",
    "d-": "đ",
    "D-": "Đ",
    "o/": "ø",
    "O/": "Ø",
    "ae": "æ",
    "Ae": "Æ",
    "oe": "œ",
    "Oe": "Œ",
    "ss": "ß",
    # Praat draws single quotation marks for these; annotators mean apostrophes.
    "` ": "'",
    "' ": "'",
    "'a": "'",
}
_ESCAPE = re.compile(r"\\(..|.$)", re.DOTALL)


def unescaped(text: str) -> str:
    r"""Return a text with the characters that Praat's escapes stand for.

    Parameters
    ----------
    text : str
        Such as ``na\i"ve``. A grave accent that is escaped (``it\` ll``) is an apostrophe.

    Returns
    -------
    str
        An escape that is not known stays as it is; the log says so.
    """
    return _ESCAPE.sub(_character, text) if "\\" in text else text


def _character(match: re.Match[str]) -> str:
    escape = match[1]
    if escape in _SYMBOLS:
        return _SYMBOLS[escape]
    if escape == "`":
        return "'"
    if len(escape) == 2 and escape[1] == " ":  # a character that would else mean something to Praat
        return escape[0]
    if len(escape) == 2 and escape[0].isalpha() and escape[1] in _ACCENTS:
        composed = unicodedata.normalize("NFC", escape[0] + _ACCENTS[escape[1]])
        if len(composed) == 1:
            return composed
    logger.warning("the escape '%s' of Praat is not known, and stays as it is", match[0])
    return match[0]
