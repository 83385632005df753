"""Punctuation, sentence ends and quotation marks in any script.

They are known by the character properties of Unicode.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable

import regex

#: Characters that end a sentence: Unicode's property Sentence_Terminal, the ellipsis (as three full
#: stops do), and the Greek question mark.
_TERMINAL = regex.compile(r"[\p{Sentence_Terminal}\u2026\u037e]")
#: What may stand at the end of a phrase or a sentence, beside quotes and brackets.
_PHRASE_END = regex.compile(r"[\p{Terminal_Punctuation}\p{Dash_Punctuation}\u2026\u037e\s]")
#: Quotation marks that Unicode counts as "other punctuation": straight, Hebrew and full-width ones.
_QUOTES = frozenset("\"'\u05f3\u05f4\uff02\uff07")
#: Pairs of quotation marks, as languages write them.
_QUOTED = frozenset(
    [
        '""',
        "''",
        "“”",
        "‘’",
        "„“",
        "„”",
        "‚‘",
        "‚’",
        "””",
        "’’",
        "«»",
        "»«",
        "‹›",
        "›‹",
        "「」",
        "『』",
        "〝〞",
        "〝〟",
        "＂＂",
    ]
)
#: Abbreviations that end with a full stop: those of English, and more by language.
_ABBREVIATIONS = frozenset({"mr.", "mrs.", "ms.", "dr.", "st.", "prof.", "vs.", "etc."})
_MORE_ABBREVIATIONS = {
    "fr": frozenset({"m.", "mm.", "mme.", "mlle.", "cf.", "p.", "av.", "apr."}),
    "de": frozenset({"hr.", "fr.", "bzw.", "usw.", "nr.", "z.b.", "d.h.", "ca."}),
    "es": frozenset({"sr.", "sra.", "srta.", "ud.", "uds.", "dra."}),
    "it": frozenset({"sig.", "dott.", "ecc."}),
    "nl": frozenset({"dhr.", "mevr.", "enz.", "bijv.", "nr."}),
    "pt": frozenset({"sr.", "sra.", "dra."}),
}


def core(word: str) -> tuple[int, int]:
    """Return where a word begins and ends without the punctuation around it.

    Parameters
    ----------
    word : str

    Returns
    -------
    begin, end : int
        From the first letter or digit to the last, with the marks (accents, vowel signs) on it.
        Punctuation and symbols (Unicode's categories P and S), spaces and invisible characters lie
        outside. A word without letters and digits is returned whole.
    """
    begin, end = 0, len(word)
    while begin < end and not _is_letter(word[begin]):
        begin += 1
    if begin == end:
        return 0, len(word)
    last = end - 1
    while not _is_letter(word[last]):
        last -= 1
    end = last + 1
    while end < len(word) and unicodedata.category(word[end])[0] == "M":
        end += 1
    return begin, end


def bare(word: str) -> str:
    """Return a word without the punctuation around it.

    That is nothing, if it has no letter and no digit.
    """
    begin, end = core(word)
    return word[begin:end] if has_letters(word) else ""


def has_letters(word: str) -> bool:
    """Tell whether a word has a letter or a digit."""
    return any(map(_is_letter, word))


def ends_sentence(word: str, language: str = "en") -> bool:
    """Tell whether a sentence ends with a word.

    A sentence's mark then stands behind it, which is no abbreviation's of the language.
    """
    if not is_closed(word):
        return False
    shown = word[core(word)[0] :].lower()
    return shown not in _ABBREVIATIONS and shown not in _MORE_ABBREVIATIONS.get(
        language.split("-")[0], ()
    )


def is_closed(text: str) -> bool:
    """Tell whether a text ends with a sentence's mark.

    That is a full stop, question or exclamation mark of any script, then
    closing quotes or brackets.
    """
    end = len(text)
    while end and _closes(text[end - 1]):
        end -= 1
    return end > 0 and _TERMINAL.match(text[end - 1]) is not None


def without_end(text: str) -> str:
    """Return a text without the commas, dashes and sentence's marks at its end."""
    end = len(text)
    while end and _PHRASE_END.match(text[end - 1]):
        end -= 1
    return text[:end]


def unquoted(text: str) -> str:
    """Return a text without the quotation marks around the whole of it."""
    inner = text[1:-1]
    return (
        inner
        if text[0] + text[-1] in _QUOTED and text[0] not in inner and text[-1] not in inner
        else text
    )


def marks(words: Iterable[str]) -> tuple[str, str]:
    """Return the full stop and the comma that a story uses most.

    They are those of English where it has none.
    """
    found = Counter(word[end] for word in words if (end := core(word)[1]) < len(word))
    stop, comma = ".", ","
    for mark, _ in reversed(found.most_common()):
        name = unicodedata.name(mark, "")
        if "COMMA" in name:
            comma = mark
        elif ("FULL STOP" in name or "DANDA" in name) and _TERMINAL.match(mark):
            stop = mark
    return stop, comma


def _is_letter(character: str) -> bool:
    """Tell whether a character may be part of a word.

    Words are made of letters, digits and characters without a category yet.
    """
    category = unicodedata.category(character)
    return category[0] in "LN" or category in ("Co", "Cn")


def _closes(character: str) -> bool:
    """Tell whether a character may stand behind a sentence's mark.

    These are quotes, closing brackets, spaces, and what is not seen.
    """
    return character in _QUOTES or unicodedata.category(character) in (
        "Pe",
        "Pf",
        "Pi",
        "Zs",
        "Cf",
        "Mn",
    )
