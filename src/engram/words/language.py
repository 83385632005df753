"""The language of a story, which says how its words are written as text (`engram.words.spacing`).

A language is a BCP-47 code, such as ``en``, ``fr`` or ``zh-Hans``. The code of a story stands in
its words table (column ``language``), where it is not English.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import regex

from engram.errors import EngramError
from engram.wording import listed

#: The language of a story of which nothing else is said.
ENGLISH = "en"

#: Languages that are written without spaces between words.
_UNSPACED = frozenset({"zh", "cmn", "yue", "wuu", "hak", "lzh", "ja", "th", "lo", "km", "my"})
#: A language, then parts of four letters (script), two letters or three digits (region), and
#: what else BCP 47 knows.
_CODE = regex.compile(r"[a-z]{2,3}(?:-[a-z]{4})?(?:-(?:[a-z]{2}|[0-9]{3}))?(?:-[a-z0-9]{4,8})*")
#: What is written in the place of a code, and the code.
_MISTAKEN = {
    "cn": "zh",
    "jp": "ja",
    "cz": "cs",
    "dk": "da",
    "gr": "el",
    "eng": "en",
    "fre": "fr",
    "fra": "fr",
    "ger": "de",
    "deu": "de",
    "dut": "nl",
    "nld": "nl",
    "ita": "it",
    "spa": "es",
    "por": "pt",
    "rus": "ru",
    "chi": "zh",
    "zho": "zh",
    "jpn": "ja",
    "tha": "th",
    "english": "en",
    "french": "fr",
    "chinese": "zh",
    "mandarin": "zh",
    "japanese": "ja",
    "german": "de",
    "dutch": "nl",
    "spanish": "es",
    "italian": "it",
}


def checked_code(tag: str) -> str:
    """Return the code of a language as it is kept: in small letters.

    Raises
    ------
    ValueError
        If it is no code of BCP 47, or another kind of code.
    """
    kept = tag.strip().replace("_", "-").lower()
    meant = _MISTAKEN.get(kept.split("-")[0])
    if meant is not None or not _CODE.fullmatch(kept):
        hint = f"write '{meant}'" if meant else "write a code such as en, fr, zh or pt-BR"
        raise ValueError(f"'{tag}' is no language code (BCP 47): {hint}")
    return kept


def primary(tag: str) -> str:
    """Return the language of a code without script and region: ``zh`` of ``zh-hans``."""
    return tag.split("-")[0]


def has_spaces(tag: str) -> bool:
    """Tell whether a language is written with spaces between words."""
    return primary(tag) not in _UNSPACED


def described(languages: Mapping[str, str]) -> str:
    """Return a sentence about the languages of stories for methods; nothing where all are English.

    Parameters
    ----------
    languages : mapping
        The code of each story's language.
    """
    codes = sorted(set(languages.values()))
    if codes in ([], [ENGLISH]):
        return ""
    parts = [
        f"{code} ({listed([story for story in sorted(languages) if languages[story] == code])})"
        for code in codes
    ]
    said = parts if len(codes) > 1 else codes
    return f" Language: {listed(said)}; words were joined into text as it is written there."


def language_of(words: pd.DataFrame) -> str:
    """Return the language of a words table.

    Raises
    ------
    EngramError
        If its words are of several languages.
    """
    if "language" not in words:
        return ENGLISH
    found = sorted(set(words["language"]))
    if len(found) != 1:
        raise EngramError(f"a story has one language, and this one's words have {found}.")
    return str(found[0])
