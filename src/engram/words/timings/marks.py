"""What stands among the words of an alignment and is none: silence, noise, punctuation alone."""

from __future__ import annotations

import logging
import re
import unicodedata
from pathlib import Path

import pandas as pd

from engram.errors import EngramError

logger = logging.getLogger(__name__)

#: Silence and noise as aligners and annotators write them, in lower case.
_SILENCE = frozenset(
    (
        "", "#", "##", "sp", "spn", "sil", "pau", "eps", "_", "__", "br", "lg", "ls", "ns", "nsn",
        "sl", "cg", "sentence_start", "sentence_end", "(.)", "(..)", "(...)",
    )
)  # fmt: skip
#: A mark in brackets: <sil>, <p:>, [noise], {LG}, ((laughs)).
_BRACKETED = re.compile(r"<[^<>]*>|\[[^\[\]]*\]|\{[^{}]*\}|\(\([^()]*\)\)")
#: What spreadsheets write for a word that they took for a formula (-il: #NAME?), in lower case.
_SPREADSHEET = frozenset(("#name?", "#ref!", "#value!", "#div/0!", "#num!", "#null!", "#n/a"))
#: What stands for a word that only a transcript can tell: the aligner's dictionary lacks it.
UNKNOWN = frozenset(("<unk>", "[unk]", "<oov>", "[oov]", "<unknown>")) | _SPREADSHEET
#: Share of words with letters that have capitals, from which they tell that all are in them.
_MOSTLY = 0.5
_FIRST_PERSON = r"I(?:['’]|$)"
#: Signs that are said, though Unicode counts them as punctuation.
_SAID = frozenset("&%@§")
#: Share of words that may be unknown to the aligner where no transcript says what they are.
_MOST_UNKNOWN = 0.05


def is_no_word(text: str) -> bool:
    """Tell whether a label is a mark of silence or noise."""
    bare = text.strip().casefold()
    return bare in _SILENCE or (bare not in UNKNOWN and bool(_BRACKETED.fullmatch(bare)))


def is_punctuation(text: str) -> bool:
    """Tell whether a label is punctuation alone."""
    return bool(text.strip()) and all(
        unicodedata.category(sign)[0] in "PZ" and sign not in _SAID for sign in text.strip()
    )


def spoken_words(entries: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Return the words that were spoken, as people write them.

    Parameters
    ----------
    entries : pandas.DataFrame
        word, onset, offset and more columns: all labels, in order.
    path : Path
        For messages.

    Returns
    -------
    pandas.DataFrame
        Without silence and noise. Punctuation alone belongs to the word before (an opening
        bracket or quotation mark to the word after), which keeps its own times. Underscores
        between words (``twenty_one``) are blanks.

    Raises
    ------
    EngramError
        If no word is left.
    """
    text = entries["word"].fillna("").map(_as_written)
    silent = text.map(is_no_word)
    kept = entries.assign(word=text)[~silent]
    alone = kept["word"].map(is_punctuation)
    if alone.all():
        raise EngramError(
            f"'{path}' has no words: of {len(entries)} labels, {len(entries) - len(kept)} are "
            f"marks of silence or noise and {len(kept)} are punctuation."
        )
    words, places, opening = list[str](), list[int](), ""
    for place, (word, is_alone) in enumerate(zip(kept["word"], alone, strict=True)):
        if not is_alone:
            words.append(opening + word)
            places.append(place)
            opening = ""
        elif words and not _opens(word):
            words[-1] += word
        else:
            opening += word
    words[-1] += opening
    if silent.any() or alone.any():
        marks = text[silent].value_counts()
        logger.info(
            "'%s': %d of %d labels are silence or noise (%s); %d are punctuation alone and belong "
            "to the word beside them",
            path,
            silent.sum(),
            len(entries),
            ", ".join(f"'{mark}' {count}" for mark, count in marks.items()),
            alone.sum(),
        )
    return kept.iloc[places].assign(word=words)


def without_unknown(words: pd.DataFrame, path: Path, place: str) -> pd.DataFrame:
    """Return the words without those that the aligner did not know (``<unk>``).

    Parameters
    ----------
    words : pandas.DataFrame
    path : Path
        For messages.
    place : str
        What the index counts.

    Raises
    ------
    EngramError
        If they are many: a transcript says what was said there. If a spreadsheet spoiled a word.
    """
    spoiled = words["word"].str.casefold().isin(_SPREADSHEET)
    if spoiled.any():
        raise EngramError(
            f"'{path}', {place} {spoiled.idxmax()}: '{words['word'][spoiled].iloc[0]}' is how a "
            "spreadsheet shows a word that it took for a formula, such as '-il' (here: "
            f"{spoiled.sum()} words). Write the words anew, from the file before that."
        )
    unknown = words["word"].str.casefold().isin(UNKNOWN)
    if not unknown.any():
        return words
    if unknown.mean() > _MOST_UNKNOWN:
        raise EngramError(
            f"'{path}': {unknown.sum()} of {len(words)} words are "
            f"'{words['word'][unknown].iloc[0]}', which the aligner did not know. Name the text "
            "that was read, by 'transcript: <file>': it says what was said there."
        )
    logger.warning(
        "'%s': %d words are unknown to the aligner ('%s') and are left out; 'transcript: <file>' "
        "would say what was said there",
        path,
        unknown.sum(),
        words["word"][unknown].iloc[0],
    )
    return words[~unknown]


def in_lower_case(words: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Return words that are all in capitals in lower case, as aligners of English write them.

    I and its contractions keep theirs.
    """
    text = words["word"]
    upper, lower = text.str.upper(), text.str.lower()
    cased = upper != lower
    if cased.mean() < _MOSTLY or (text[cased] != upper[cased]).any():
        return words
    logger.info("'%s': all words are in capitals; they are read in lower case", path)
    return words.assign(word=lower.where(~text.str.match(_FIRST_PERSON), "I" + lower.str[1:]))


def _as_written(text: str) -> str:
    """Return a label as people write it: one blank between words, none around them."""
    if text.strip().casefold() in _SILENCE:
        return text.strip()
    return " ".join(text.replace("_", " ").split())


def _opens(text: str) -> bool:
    return all(unicodedata.category(sign) in ("Ps", "Pi") for sign in text) or text in ("¿", "¡")
