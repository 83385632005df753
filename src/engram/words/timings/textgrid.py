"""Read Praat's TextGrids: tiers with labels and times.

Praat itself reads a text file as a series of numbers, quoted texts and flags that stand free, and
passes over all else ("TextGrid file formats" in its manual). So does this reader, and it has one
way for the long form, the short form and the chronological form. praatio (6.2.2) reads the nine
TextGrids of Little Prince with the same times, but takes the minus off negative times, sorts
intervals that stand in disorder, and fails where a label holds ``item [`` or an interval has no
duration.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from engram.errors import EngramError
from engram.files.text_files import LINE_END, read_text
from engram.words.timings.praat_escapes import unescaped

#: A text in marks (marks inside are doubled), a comment, or anything else without blanks.
_TOKEN = re.compile(r'"((?:[^"]|"")*)"|(!.*)|([^\s"]+)')
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?%?", re.IGNORECASE)
_COMMA_NUMBER = re.compile(r"[+-]?\d+,\d+")
_CHRONOLOGICAL = "Praat chronological TextGrid text file"
_BINARY = "ooBinaryFile"
#: What the first lines of every TextGrid in text hold, and how much of another file is shown.
_KIND = re.compile(f'"(ooTextFile|{_CHRONOLOGICAL})')
_BEGINNING = 40
#: Class of a tier whose labels have a beginning and an end, and of one whose labels have one time.
INTERVALS, POINTS = "IntervalTier", "TextTier"


@dataclass(frozen=True)
class Label:
    """A label of a tier, with its times in seconds; those of a point are the same."""

    begin: float
    end: float
    text: str


@dataclass(frozen=True)
class Tier:
    """A tier with its labels, in the order of the file."""

    name: str
    has_points: bool
    labels: list[Label] = field(default_factory=list)


def read_textgrid(path: Path) -> list[Tier]:
    r"""Return the tiers of a TextGrid.

    Parameters
    ----------
    path : Path
        A text file of Praat in UTF-8, or in UTF-16 with a byte order mark.

    Returns
    -------
    list of Tier
        Praat's escapes (``na\i"ve``) are the characters that they stand for.

    Raises
    ------
    EngramError
        If it is no TextGrid, is binary, ends early, or holds what is no time where a time is due.
    """
    if path.is_file():
        with path.open("rb") as stream:
            if stream.read(len(_BINARY)) == _BINARY.encode():
                raise EngramError(
                    f"'{path}' is a binary file of Praat. Open it in Praat and choose 'Save as "
                    "text file...'."
                )
    return tiers_of(LINE_END.sub("\n", read_text(path, prose=True)), path)


def tiers_of(text: str, path: Path) -> list[Tier]:
    """Return the tiers that the text of a TextGrid holds; `path` is for messages."""
    values = _Values(text, path)
    try:
        kind = values.text("its kind")
        if kind == _CHRONOLOGICAL:
            return _chronological(values)
        if kind.startswith("ooTextFile") and (kind := values.text("its class")) == "TextGrid":
            return _tier_by_tier(values)
    except StopIteration:
        if not _KIND.search(text):
            begin = text.strip()[:_BEGINNING]
            why = f"it begins with {begin!r}" if begin else "it is empty"
            raise EngramError(
                f"'{path}' is no TextGrid: {why}. Save it in Praat by 'Save as text file...'."
            ) from None
        raise EngramError(
            f"'{path}' ends early: a part of the TextGrid is missing. Save it again in Praat."
        ) from None
    raise EngramError(
        f"'{path}' is no TextGrid: it says that it is '{kind[:40]}'. Save it in Praat by "
        "'Save as text file...'."
    )


def _tier_by_tier(values: _Values) -> list[Tier]:
    values.number("xmin"), values.number("xmax")
    if values.flag() != "exists":
        return []
    tiers = []
    for _ in range(values.count("tiers")):
        has_points = values.tier_class()
        tier = Tier(unescaped(values.text("the name of a tier")), has_points)
        values.number("xmin"), values.number("xmax")
        for _ in range(values.count("labels")):
            tier.labels.append(values.label(has_points))
        tiers.append(tier)
    return tiers


def _chronological(values: _Values) -> list[Tier]:
    values.number("xmin"), values.number("xmax")
    tiers = []
    for _ in range(values.count("tiers")):
        has_points = values.tier_class()
        tiers.append(Tier(unescaped(values.text("the name of a tier")), has_points))
        values.number("xmin"), values.number("xmax")
    while values.has_more():
        number = values.count("the number of a tier")
        if not 1 <= number <= len(tiers):
            raise values.error(f"tier {number}", f"one of {len(tiers)} tiers")
        tier = tiers[number - 1]
        tier.labels.append(values.label(tier.has_points))
    return tiers


class _Values:
    """The numbers, texts and flags of a file, one after the other."""

    def __init__(self, text: str, path: Path) -> None:
        self._text, self._path, self._place = text, path, 0
        self._values = self._found(text)
        self._next: list[tuple[str, str]] = []

    def _found(self, text: str) -> Iterator[tuple[str, str]]:
        for match in _TOKEN.finditer(text):
            self._place = match.start()
            quoted, _, plain = match.groups()
            if quoted is not None:
                yield "text", quoted.replace('""', '"')
            elif plain is None:
                continue
            elif _NUMBER.fullmatch(plain):
                yield "number", plain
            elif _COMMA_NUMBER.fullmatch(plain) or plain == "--undefined--":
                yield "wrong", plain
            elif re.fullmatch(r"<\w+>", plain):
                yield "flag", plain[1:-1]

    def _take(self, kind: str, what: str) -> str:
        found, value = self._next.pop() if self._next else next(self._values)
        if found != kind:
            raise self.error(value, f"{what} ({'a number' if kind == 'number' else f'a {kind}'})")
        return value

    def error(self, found: str, expected: str) -> EngramError:
        """Return the error that says what was found in place of what was expected."""
        line = self._text.count("\n", 0, self._place) + 1
        advice = (
            f" Decimals stand behind a point: {found.replace(',', '.')}."
            if _COMMA_NUMBER.fullmatch(found)
            else " The file is broken; save it again in Praat."
        )
        return EngramError(
            f"'{self._path}', line {line}: found '{found[:40]}', expected {expected}.{advice}"
        )

    def has_more(self) -> bool:
        """Tell whether anything follows."""
        self._next = self._next or list(islice(self._values, 1))
        return bool(self._next)

    def text(self, what: str) -> str:
        """Return the next value, which must be a text."""
        return self._take("text", what)

    def number(self, what: str) -> float:
        """Return the next value, which must be a number."""
        return float(self._take("number", what).removesuffix("%"))

    def count(self, what: str) -> int:
        """Return the next value, which must be a whole number."""
        value = self.number(what)
        if value != int(value) or value < 0:
            raise self.error(str(value), f"a number of {what}")
        return int(value)

    def flag(self) -> str:
        """Return the next value, which must be a flag such as ``<exists>``."""
        return self._take("flag", "whether there are tiers")

    def tier_class(self) -> bool:
        """Return whether a tier has points: what its class says."""
        found = self.text("the class of a tier")
        if found not in (INTERVALS, POINTS):
            raise self.error(found, f"'{INTERVALS}' or '{POINTS}'")
        return found == POINTS

    def label(self, has_points: bool) -> Label:
        """Return a label with its times."""
        begin = self.number("a time")
        end = begin if has_points else self.number("a time")
        return Label(begin, end, unescaped(self.text("a label")))
