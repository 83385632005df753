"""The formats of word timings, and how they are told apart: by a file's name and content."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from engram.errors import EngramError
from engram.files.text_files import first_line
from engram.words.timings import ctm, elan, gentle, mfa, table, tiers, whisper
from engram.words.timings.json_file import read_object
from engram.words.timings.names import FORMAT_NAMES
from engram.words.timings.textgrid import read_textgrid


@dataclass(frozen=True)
class Options:
    """What a reader may be told beside the file."""

    tier: str | None = None
    columns: Mapping[str, str] | None = None
    rows: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Format:
    """A format.

    Attributes
    ----------
    read : callable
        Returns all labels of a file, silence included: word, onset, offset, and more.
    place : str
        What the index of these counts.
    options : tuple of str
        Those of `Options` that it knows.
    """

    read: Callable[[Path, Options], pd.DataFrame]
    place: str
    options: tuple[str, ...] = ()


def _textgrid(path: Path, options: Options) -> pd.DataFrame:
    return tiers.words_of(read_textgrid(path), path, options.tier)


def _mfa(path: Path, options: Options) -> pd.DataFrame:
    if path.suffix.casefold() == ".csv":
        return mfa.read_csv(path)
    read = mfa.read_tiers if path.suffix.casefold() == ".json" else read_textgrid
    return tiers.words_of(read(path), path, options.tier)


FORMATS: dict[str, Format] = {
    "textgrid": Format(_textgrid, "interval", ("tier",)),
    "mfa": Format(_mfa, "interval", ("tier",)),
    "gentle": Format(lambda path, _: gentle.read_gentle(path), "word"),
    "whisper": Format(lambda path, _: whisper.read_whisper(path), "word"),
    "elan": Format(
        lambda path, options: tiers.words_of(elan.read_eaf(path), path, options.tier),
        "annotation",
        ("tier",),
    ),
    "ctm": Format(lambda path, _: ctm.read_ctm(path), "line"),
    "table": Format(
        lambda path, options: table.read_table(path, options.columns, options.rows),
        "line",
        ("columns", "rows"),
    ),
}
#: What to do with files of other programs.
_ELSEWHERE = {
    ".srt": "Subtitles have times of phrases; give times of words.",
    ".vtt": "Subtitles have times of phrases; give times of words.",
    ".xlsx": "Save the sheet as tab-separated text.",
}


def format_of(path: Path, given: str | None, options: Options) -> Format:
    """Return the format of a file: what is given, or what its name and content say.

    Raises
    ------
    EngramError
        If the file is not there; if the format is not known, or does not take an option.
    """
    if not path.is_file():
        raise EngramError(
            f"'{path}' is not there, or is a link whose content was not fetched ('datalad get')."
        )
    if given:
        _check_given(path, given)
    name = given or _name_of(path)
    if name not in FORMATS:
        advice = _ELSEWHERE.get(path.suffix.casefold(), "")
        raise EngramError(
            f"'{path}': its format is not known. {advice or 'Say it by'} "
            f"{'Or say it by' if advice else ''}".rstrip()
            + f" 'format: <format>', one of {', '.join(FORMAT_NAMES)}."
        )
    for option in ("tier", "columns", "rows"):
        if getattr(options, option) and option not in FORMATS[name].options:
            raise EngramError(
                f"'{path}' is read as {name}, which takes no '{option}'. Take it out, or say the "
                "format by 'format: <format>'."
            )
    return FORMATS[name]


def _check_given(path: Path, given: str) -> None:
    """Refuse a format that a file's first line contradicts."""
    line = first_line(path)
    found = "a TextGrid" if _is_textgrid(line) else "JSON" if line[:1] == "{" else None
    fitting = ("textgrid", "mfa") if found == "a TextGrid" else ("mfa", "gentle", "whisper")
    if found and given in FORMATS and given not in fitting:
        raise EngramError(
            f"'{path}' is {found}, and 'format: {given}' is another. Take the key 'format' out, or "
            f"write one of {', '.join(fitting)}."
        )


def _is_textgrid(line: str) -> bool:
    return "ooTextFile" in line or "Praat chronological" in line


def _name_of(path: Path) -> str | None:
    """Return the name of the format that a file's name and content are of."""
    suffix, line = path.suffix.casefold(), first_line(path)
    if suffix == ".textgrid" or _is_textgrid(line):
        return "textgrid"
    if suffix in (".ctm", ".eaf"):
        return {".ctm": "ctm", ".eaf": "elan"}[suffix]
    if suffix == ".json":
        content = read_object(path)
        if mfa.is_mfa(content):
            return "mfa"
        if gentle.is_gentle(content):
            return "gentle"
        if whisper.is_whisper(content):
            return "whisper"
        raise EngramError(
            f"'{path}' is JSON of no known form: it has {sorted(content)[:8]}. Gentle's has "
            "'words' and 'transcript', Whisper's 'segments' with 'words', MFA's 'tiers'."
        )
    if suffix in (".csv", ".tsv", ".txt"):
        for separator in mfa.SEPARATORS:
            cells = [cell.strip().strip('"').casefold() for cell in line.split(separator)]
            if set(mfa.COLUMNS[:4]) <= set(cells):
                return "mfa"
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) == 4 and all(not cell or _is_number(cell) for cell in cells[2:]):
            return "gentle"
        return "table" if suffix != ".txt" else None
    return None


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
