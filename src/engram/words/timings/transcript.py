"""Give words of an alignment the punctuation and case of the text that was read."""

from __future__ import annotations

import difflib
import itertools
import logging
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import regex

from engram.errors import EngramError
from engram.files.text_files import read_text
from engram.words.timings.joined import joined
from engram.words.timings.marks import UNKNOWN

logger = logging.getLogger(__name__)

#: Share of the words that a transcript must have; below it is another text.
_LEAST_SHARED = 0.5
#: Likeness (of difflib) from which two words in one place are one word, spelled in two ways.
_ALIKE = 0.6
#: Letters up to which a stretch that differs is compared letter by letter.
_LONGEST_GAP = 4000
#: What an unknown word counts as, where letters are compared.
_NO_LETTER = "\ufffc"
#: A letter of a script that has no blanks between words.
_DENSE = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}--\p{P}]", regex.V1
)
#: What stands between two words without a blank.
_BREAKS = ("—", "–", "--", "…", "...")
_NAMED = 12


class _Token(NamedTuple):
    """A word of a transcript with its punctuation, and whether a blank stands before it."""

    text: str
    has_blank: bool


def punctuate(words: Sequence[str], transcript: str) -> list[str]:
    """Return the words with the punctuation that the transcript has around them.

    Words and transcript are compared by their letters and digits alone; where they go
    apart the bare word stays.
    """
    written = transcript.split()
    result = list(words)
    for block in _matcher([_letters(word) for word in words], [_letters(one) for one in written]):
        result[block.a : block.a + block.size] = written[block.b : block.b + block.size]
    return result


def written_words(words: pd.DataFrame, transcript: Path, path: Path) -> pd.DataFrame:
    """Return the words of an alignment as a transcript writes them.

    Parameters
    ----------
    words : pandas.DataFrame
        word, onset, offset and more columns.
    transcript : Path
        The text that was read, in UTF-8; it may be longer than the alignment.
    path : Path
        The file of the alignment, for messages.

    Returns
    -------
    pandas.DataFrame
        Rows that are parts of one word of the transcript (don + t: don't) are joined. A row that is
        several of its words (twenty_one: twenty one) has them all. A word that is spelled
        otherwise, or that the aligner did not know, is the transcript's; other words that are not
        in it stay. What differs is listed in the log.

    Raises
    ------
    EngramError
        If the transcript is empty, or has less than half of the words.
    """
    written = _tokens(read_text(transcript, prose=True))
    if not written:
        raise EngramError(f"'{transcript}' has no words. It must be the text that was read.")
    rows = words["word"].tolist()
    found = _Found([None] * len(words))
    row, token = 0, 0
    for block in _matcher([_letters(one) for one in rows], [_letters(one.text) for one in written]):
        _between(found, rows, written, (row, block.a), (token, block.b))
        for place in range(block.size):
            found.set(block.a + place, written[block.b + place].text)
        row, token = block.a + block.size, block.b + block.size
    shared = sum(text is not None for text in found.texts) + sum(found.is_part)
    if shared < _LEAST_SHARED * len(words):
        raise EngramError(
            f"'{transcript}' has {shared} of the {len(words)} words of '{path}', in their order: "
            "it is the transcript of something else. Name the text that was read."
        )
    _log(found, words, path, transcript)
    texts = [
        None if is_part else word if text is None else text
        for text, is_part, word in zip(found.texts, found.is_part, words["word"], strict=True)
    ]
    return joined(words, texts)


@dataclass
class _Found:
    """What the transcript has for each word of an alignment.

    Attributes
    ----------
    texts : list of str or None
        None where it has nothing, and for parts of the word before.
    is_part : list of bool
        Whether a row is a part of the word before.
    spelled : list of str
        Words that the transcript spells otherwise.
    untimed : list of str
        Words of the transcript that the alignment does not have, between those that it has.
    """

    texts: list[str | None]
    is_part: list[bool] = field(init=False)
    spelled: list[str] = field(default_factory=list)
    untimed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.is_part = [False] * len(self.texts)

    def set(self, place: int, text: str, parts: int = 1) -> None:
        """Set the text of a row, and of those behind it that are parts of it."""
        self.texts[place] = text
        self.is_part[place + 1 : place + parts] = [True] * (parts - 1)


def _between(
    found: _Found,
    rows: list[str],
    written: list[_Token],
    gap: tuple[int, int],
    tokens: tuple[int, int],
) -> None:
    """Set what the transcript has for the rows between two stretches where both agree."""
    if gap[0] == gap[1]:
        if 0 < gap[0] < len(rows):
            found.untimed += [one.text for one in written[slice(*tokens)]]
        return
    said, texts = rows[slice(*gap)], written[slice(*tokens)]
    for (i, j), (k, m) in itertools.pairwise(_cuts(said, texts)):
        _piece(found, rows, range(gap[0] + i, gap[0] + k), texts[j:m])


def _piece(found: _Found, rows: list[str], piece: range, tokens: list[_Token]) -> None:
    """Set what the transcript has for rows that begin and end where some of its words do."""
    said, text = [rows[row] for row in piece], _joined(tokens)
    same = "".join(map(_letters, said)) == _letters(text)
    if said and tokens and same:
        found.set(piece.start, text, len(piece))
    elif len(said) == 1 and tokens and _is_same_word(said[0], text):
        _set_other(found, piece.start, said[0], text)
    elif len(said) == len(tokens) > 1:
        for row, token in zip(piece, tokens, strict=True):
            _piece(found, rows, range(row, row + 1), [token])
    else:
        found.untimed += [one.text for one in tokens]


def _is_same_word(word: str, text: str) -> bool:
    """Tell whether a word is the transcript's, spelled otherwise or unknown to the aligner."""
    if word.casefold() in UNKNOWN:
        return True
    return difflib.SequenceMatcher(None, _letters(word), _letters(text)).ratio() >= _ALIKE


def _set_other(found: _Found, row: int, word: str, text: str) -> None:
    if word.casefold() not in UNKNOWN:
        found.spelled.append(f"{word} ({text})")
    found.set(row, text)


def _cuts(said: list[str], written: list[_Token]) -> list[tuple[int, int]]:
    """Return where both sides have a border between words at the same letter, ends included.

    Borders are pairs: so many words of the one side, so many of the other.
    """
    ours = [_NO_LETTER if word.casefold() in UNKNOWN else _letters(word) for word in said]
    theirs = [_letters(one.text) for one in written]
    ends = [list(itertools.accumulate(map(len, side), initial=0)) for side in (ours, theirs)]
    cuts = {(0, 0), (len(said), len(written))}
    if max(ends[0][-1], ends[1][-1]) <= _LONGEST_GAP:
        places = [{end: number for number, end in enumerate(side)} for side in ends]
        matcher = difflib.SequenceMatcher(None, "".join(ours), "".join(theirs), autojunk=False)
        for block in matcher.get_matching_blocks()[:-1]:
            for step in range(block.size + 1):
                one, other = places[0].get(block.a + step), places[1].get(block.b + step)
                if one is not None and other is not None:
                    cuts.add((one, other))
    kept = [(0, 0)]
    for one, other in sorted(cuts)[1:]:
        if one >= kept[-1][0] and other >= kept[-1][1]:
            kept.append((one, other))
    return kept


def _tokens(text: str) -> list[_Token]:
    """Return the words of a text; punctuation alone stays with the word before, or after."""
    tokens: list[_Token] = []
    opening = ""
    for piece in text.split():
        for number, part in enumerate(_parts(piece)):
            blank = "" if number else " "
            if _letters(part):
                tokens.append(_Token(opening + part, number == 0))
                opening = ""
            elif tokens:
                tokens[-1] = tokens[-1]._replace(text=f"{tokens[-1].text}{blank}{part}")
            else:
                opening += f"{part} "
    return tokens


def _parts(piece: str) -> list[str]:
    """Return a piece without blanks cut behind dashes and ellipses, and between letters of Chinese.

    The same holds for other scripts that have no blanks between words.
    """
    cuts, letter = [], ""
    for place, character in enumerate(piece):
        if not character.isalnum():
            continue
        begin = place
        while begin and unicodedata.category(piece[begin - 1]) in ("Ps", "Pi"):
            begin -= 1
        if letter and (
            _DENSE.match(character) or _DENSE.match(letter) or piece[:begin].endswith(_BREAKS)
        ):
            cuts.append(begin)
        letter = character
    return [piece[i:j] for i, j in itertools.pairwise([0, *cuts, len(piece)])]


def _joined(tokens: Sequence[_Token]) -> str:
    return "".join(
        f" {one.text}" if one.has_blank and place else one.text for place, one in enumerate(tokens)
    )


def _matcher(ours: list[str], theirs: list[str]) -> list[difflib.Match]:
    """Return the stretches where both sides have the same words; the last is empty."""
    return difflib.SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks()


def _letters(word: str) -> str:
    return "".join(character for character in word.lower() if character.isalnum())


def _log(found: _Found, words: pd.DataFrame, path: Path, transcript: Path) -> None:
    alone = [
        word
        for text, is_part, word in zip(found.texts, found.is_part, words["word"], strict=True)
        if text is None and not is_part
    ]
    logger.info(
        "'%s': %d of %d words are written as in '%s'; %d rows are parts of the word before",
        path,
        sum(text is not None for text in found.texts),
        len(words),
        transcript,
        sum(found.is_part),
    )
    for what, some in (
        ("words are spelled otherwise in the transcript", found.spelled),
        ("words are not in the transcript, and stay", alone),
        ("words of the transcript have no time here, and are left out", found.untimed),
    ):
        if some:
            more = ", ..." if len(some) > _NAMED else ""
            logger.warning(
                "'%s': %d %s: %s%s", path, len(some), what, ", ".join(some[:_NAMED]), more
            )
