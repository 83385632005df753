"""Read words from a table whose columns the user names, or that have the usual names."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from pandas.api.types import is_numeric_dtype

from engram.errors import EngramError
from engram.files import delimited
from engram.files.cells import MISSING
from engram.files.text_files import first_line
from engram.words.timings.names import ROLES
from engram.words.timings.praat_escapes import unescaped

logger = logging.getLogger(__name__)

#: What columns are called elsewhere, in lower case.
_USUAL = {
    "word": ("word", "words", "text", "token", "label"),
    "onset": ("onset", "start", "begin", "xmin", "tmin", "start_time", "onset_time"),
    "offset": ("offset", "end", "stop", "xmax", "tmax", "end_time", "offset_time"),
    "duration": ("duration", "dur"),
    "speaker": ("speaker",),
    "sentence_end": ("sentence_end",),
    "log_frequency": ("log_frequency",),
}
_SEPARATORS = ("\t", ",", ";")
#: Columns that name each row's tier, and what tiers of words are called there, in lower case.
_TIER_COLUMNS, _TIERS_OF_WORDS = ("tier", "type", "tier_name"), ("words", "word")
_OTHER_TIERS = re.compile("(phon|syll|phrase|sentence|utterance|segment).*", re.IGNORECASE)
#: Seconds by which durations may differ that are the same, up to rounding.
_SAME = 1e-6
_TRUE, _FALSE = ("true", "1", "yes"), ("false", "0", "no", "")


def read_table(
    path: Path,
    columns: Mapping[str, str] | None = None,
    rows: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Return the words of a table.

    Parameters
    ----------
    path : Path
        Cells are separated by tabs, commas or semicolons; line 1 names the columns.
    columns : mapping, optional
        The names of columns, by what they are (`ROLES`); others are found by their usual names.
    rows : mapping, optional
        Columns, and the value that a row must have in each to count: ``{"section": "3"}``.

    Returns
    -------
    pandas.DataFrame
        word, onset, offset (NaN where there is none), and those of speaker, sentence_end and
        log_frequency that there are. Escapes of Praat, as tables made of TextGrids hold them,
        are the characters that they stand for. The index is each row's line.

    Raises
    ------
    EngramError
        What `engram.files.delimited.read_frame` raises; a column that is not there, or that two
        could be; no row that counts.
    """
    lines = delimited.read_lines(path, separator=_separator(path))
    names = _names(lines.columns, columns or {}, path)
    delimited.need_columns(lines.columns, list(rows or {}), path)
    texts = [names[role] for role in ("word", "speaker", "sentence_end") if role in names]
    table = delimited.frame_of(lines, [*texts, *(rows or {})])
    table = _counted(table, rows or {}, path)
    _check_one_tier(table, path)
    words = table[names["word"]].map(unescaped, na_action="ignore").str.strip()
    result = pd.DataFrame({"word": words}, index=table.index)
    result["onset"] = delimited.numbers(table[names["onset"]], path)
    if "offset" in names:
        result["offset"] = delimited.numbers(table[names["offset"]], path)
    elif "duration" in names:
        result["offset"] = result["onset"] + delimited.numbers(table[names["duration"]], path)
    else:
        result["offset"] = float("nan")
    if "log_frequency" in names:
        result["log_frequency"] = delimited.numbers(table[names["log_frequency"]], path)
    if "speaker" in names:
        result["speaker"] = table[names["speaker"]].str.strip()
    if "sentence_end" in names:
        result["sentence_end"] = _truth(table[names["sentence_end"]], path)
    blank = table[names["word"]].notna() & (result["word"] == "")
    return _with_halves(result, blank, path)


def _counted(table: pd.DataFrame, rows: Mapping[str, str], path: Path) -> pd.DataFrame:
    """Return the rows that have the value that is asked for in each column."""
    for name, value in rows.items():
        found = table[name].fillna("").str.strip()
        table = table[found == str(value)]
        if table.empty:
            values = sorted(set(found))
            raise EngramError(
                f"'{path}': no row has '{value}' in the column '{name}'. It has: "
                f"{', '.join(values[:12])}{', ...' if len(values) > 12 else ''}."
            )
    if table.empty:
        raise EngramError(f"'{path}' has a header and no rows.")
    return table


def _check_one_tier(table: pd.DataFrame, path: Path) -> None:
    """Refuse the rows of several tiers, as Praat, R and aligners write them into one table."""
    for name in table.columns:
        if name.casefold() not in _TIER_COLUMNS or is_numeric_dtype(table[name]):
            continue
        found = sorted(set(table[name].dropna().astype(str).str.strip()))
        word = next((one for one in found if one.casefold() in _TIERS_OF_WORDS), None)
        if word and any(_OTHER_TIERS.fullmatch(one) for one in found):
            raise EngramError(
                f"'{path}' has rows of several tiers in its column '{name}': "
                f"{', '.join(found[:8])}. Say which are the words: 'rows: {{{name}: {word}}}'."
            )


def _with_halves(words: pd.DataFrame, blank: pd.Series, path: Path) -> pd.DataFrame:
    """Return the words, each with the time of the rows without a word that are its second half.

    Parsers take a contraction apart (French du: de + le) and leave a blank for the second row's
    word; the table of Little Prince then has half of the time in each. Where every row without a
    word has a blank (`blank`), begins as the word before it ends, and lasts as long, that is what
    they are; else they are silence.
    """
    empty = words["word"].fillna("") == ""
    onset, offset, last = words["onset"], words["offset"], words["offset"] - words["onset"]
    halves = (
        (onset == offset.shift())
        & ((last - last.shift()).abs() < _SAME)
        & ~empty.shift(fill_value=True)
    )
    if not empty.any() or not (halves & blank)[empty].all():
        return words
    logger.info(
        "'%s': %d rows without a word are the second halves of contractions, and lengthen "
        "the word before",
        path,
        empty.sum(),
    )
    whole = offset.where(~empty.shift(-1, fill_value=False), offset.shift(-1))
    return words.assign(offset=whole)[~empty]


def _separator(path: Path) -> str:
    """Return what separates the cells of the first line."""
    header = first_line(path)
    return next((one for one in _SEPARATORS if one in header), "\t")


def _names(header: list[str], chosen: Mapping[str, str], path: Path) -> dict[str, str]:
    """Return the names of columns, by what they are."""
    unknown = sorted(set(chosen) - set(ROLES))
    if unknown:
        raise EngramError(f"columns has {unknown}. Allowed: {', '.join(ROLES)}.")
    names = {}
    for role in ROLES:
        if role in chosen:
            if chosen[role] not in header:
                raise EngramError(
                    f"'{path}' has no column '{chosen[role]}' (columns: {role}). It has: {header}."
                )
            names[role] = chosen[role]
            continue
        found = [name for name in header if name.casefold() in _USUAL[role]]
        found = [name for name in found if name not in chosen.values()]
        if len(found) > 1 and role in found:
            found = [role]
        if len(found) > 1:
            raise EngramError(
                f"'{path}': which column is the {role}, {' or '.join(found)}? Say it by "
                f"'columns: {{{role}: {found[0]}}}'."
            )
        if found:
            names[role] = found[0]
    missing = [role for role in ("word", "onset") if role not in names]
    if missing and any(map(_is_number, header)):
        raise EngramError(
            f"'{path}', line 1: it names no columns, but holds {header}. Write a line above it "
            "with the names of the columns: word, onset, offset."
        )
    if missing:
        raise EngramError(
            f"'{path}' has no column that is plainly the {' or the '.join(missing)}. It has: "
            f"{header}. Name them: 'columns: {{word: ..., onset: ..., offset: ...}}'."
        )
    if "offset" in names and "duration" in names and "duration" in chosen:
        if "offset" in chosen:
            raise EngramError("columns names an offset and a duration. Name one of them.")
        del names["offset"]
    return names


def _is_number(cell: str) -> bool:
    return re.fullmatch(r"-?\d+([.,]\d+)?", cell) is not None


def _truth(column: pd.Series, path: Path) -> pd.Series:
    """Return a column of true and false as such; it must say it for every word."""
    cells = column.fillna("").str.strip().str.casefold()
    wrong = ~cells.isin([*_TRUE, *_FALSE])
    if wrong.any():
        raise EngramError(
            f"'{path}', line {column.index[wrong][0]}, column '{column.name}': "
            f"'{column[wrong].iloc[0]}'. Write true where a sentence ends, false (or {MISSING}) "
            "elsewhere."
        )
    return cells.isin(_TRUE)
