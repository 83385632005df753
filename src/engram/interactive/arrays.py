"""Words and BOLD that are in memory, as a kind of dataset."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from engram.datasets.planned import PlannedDataset, Scan
from engram.datasets.time_courses import as_float32, check_timeseries
from engram.errors import EngramError
from engram.vocabulary import AVERAGE, TARGET_COLUMNS, scan_name
from engram.words.language import checked_code, language_of
from engram.words.word_checks import check_words

#: The name of a story where there is one, and it got none.
STORY = "story"
#: Where targets lie that nothing is known of.
_NOWHERE = {"hemisphere": "B", "roi": "all"}
_WORD_COLUMNS = ("word", "onset", "offset")


class ArrayDataset:
    """Words and BOLD of some stories, as readers of datasets give them.

    Parameters
    ----------
    words : pandas.DataFrame, or mapping of str to DataFrame
        The words of the one story, or of each: word, onset, offset; language, where it is not
        English.
    bold : mapping of str to array, or mapping of str to such mappings
        Each listener's BOLD, (time, target); or that for each story.
    tr : float
        Seconds.
    start : float, or mapping of str to float
        Time of the first row on the story's clock, in seconds.
    targets : pandas.DataFrame, optional
        Columns target, hemisphere, roi, and x, y, z where known.

    Raises
    ------
    EngramError
        If these do not fit together.
    """

    slack_trs = 0
    most_constant = 0.0
    simulated = False

    def __init__(
        self,
        words: pd.DataFrame | Mapping[str, pd.DataFrame],
        bold: Mapping[str, Any],
        tr: float,
        start: float | Mapping[str, float] = 0.0,
        targets: pd.DataFrame | None = None,
    ) -> None:
        one_story = isinstance(words, pd.DataFrame)
        self._words = {STORY: words} if isinstance(words, pd.DataFrame) else _by_story(words)
        if not isinstance(bold, Mapping):
            raise _no_listeners(bold, one_story)
        heard = {
            story: by_name(found, f"listeners of {story}")
            for story, found in ({STORY: bold} if one_story else by_name(bold, "bold")).items()
            if _is_mapping(found, one_story)
        }
        names = _target_names(targets, heard)
        self.bold: dict[str, dict[str, np.ndarray]] = {
            story: {
                who: _numbers(values, f"{who}, {story}", names) for who, values in found.items()
            }
            for story, found in heard.items()
        }
        self.tr = _seconds("tr", tr)
        starts = (
            by_name(start, "start")
            if isinstance(start, Mapping)
            else dict.fromkeys(self._words, start)
        )
        self._start = {story: _seconds("start", when) for story, when in starts.items()}
        _check_stories(self._words, self.bold, self._start)
        self._targets = _targets_table(targets, names, self.bold)

    def words(self, story: str) -> pd.DataFrame:
        """Return a story's words."""
        table = self._words[story]
        twice = table.columns[table.columns.duplicated()].tolist()
        if twice:
            raise EngramError(f"words of {story}: the column {twice[0]} is there twice.")
        missing = [name for name in ("word", "onset") if name not in table]
        if missing:
            raise EngramError(
                f"words of {story}: there is no column {', '.join(missing)}; columns are "
                f"{list(table.columns)}. Give word, onset and offset (seconds on the story's "
                "clock)."
            )
        times = {name: _times(table, name, story) for name in ("onset", "offset")}
        result = pd.DataFrame(
            {
                "word": table["word"].map(str, na_action="ignore").str.strip(),
                **times,
                "sentence_end": table.get("sentence_end", pd.NA),
            }
        ).reset_index(drop=True)
        if "log_frequency" in table:
            result["log_frequency"] = table["log_frequency"].to_numpy(float)
        check_words(result, Path(f"words of {story}"), "row")
        return result

    def labels(self, story: str) -> pd.Index:
        """Return the index of a story's words, as they were given."""
        return self._words[story].index

    def language(self, story: str) -> str:
        """Return the code of a story's language: the column `language` of its words, or English."""
        try:
            return checked_code(language_of(self._words[story]))
        except ValueError as error:
            raise EngramError(f"words of {story}: {error}.") from None

    def start(self, subject: str, story: str) -> float:
        """Return the time of a scan's first row on the story's clock, in seconds."""
        return self._start[story]

    def scan_names(self, subject: str, story: str) -> str:
        """Return the scan's name."""
        return scan_name(subject, story)

    def targets(self) -> pd.DataFrame:
        """Return the targets."""
        return self._targets

    def timeseries(self, subject: str, story: str) -> np.ndarray:
        """Return a scan's BOLD, float32, of shape (n_trs, n_targets)."""
        names = self._targets["target"].tolist()
        values = as_float32(self.bold[story][subject])
        return check_timeseries(values, names, f"BOLD of {subject}, {story}", subject)

    def confounds(self, subject: str, story: str) -> np.ndarray | None:
        """Return nothing: what is in memory is taken as cleaned of confounds."""
        return None


class PlannedArrays(PlannedDataset):
    """What a study needs to know of an `ArrayDataset`."""

    reader = "arrays"

    def __init__(self, dataset: ArrayDataset) -> None:
        self._dataset, self.tr = dataset, dataset.tr
        self.story_files = dict.fromkeys(dataset.bold, ())
        self.languages = {story: dataset.language(story) for story in dataset.bold}
        self.scans = tuple(
            Scan(subject, story)
            for story in sorted(dataset.bold)
            for subject in sorted(dataset.bold[story])
        )

    def scans_config(self, story: str) -> dict[str, Any]:
        """Return the TR."""
        return {"tr": self.tr}

    def n_targets(self) -> float:
        """Return the number of targets."""
        return len(self._dataset.targets())

    def n_rows(self, story: str) -> float:
        """Return the rows of the longest time course."""
        return max(len(values) for values in self._dataset.bold[story].values())

    def n_words(self, story: str) -> float:
        """Return the number of words."""
        return len(self._dataset.words(story))

    def sources(self) -> list[dict[str, str]]:
        """Return nothing: where arrays come from is not known."""
        return []


def _by_story(words: Any) -> dict[str, pd.DataFrame]:
    """Return the words of each story; refuse what is no table."""
    example = "words=DataFrame({'word': ..., 'onset': ..., 'offset': ...})"
    if not isinstance(words, Mapping):
        raise EngramError(
            f"words is {type(words).__name__}; a table of words with their times is needed, or one "
            f"for each story: {example}, or {{'story': DataFrame}}."
        )
    for story, table in words.items():
        if not isinstance(table, pd.DataFrame):
            raise EngramError(f"words of {story} is {type(table).__name__}; give {example}.")
    return by_name(words, "words")


def by_name(values: Mapping[Any, Any], what: str) -> dict[str, Any]:
    """Return a mapping with its keys as text; refuse two keys that are one name then."""
    names = [str(key) for key in values]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise EngramError(
            f"{what}: the name '{twice[0]}' is there twice, as a number and as text. Give each a "
            "name of its own."
        )
    return dict(zip(names, values.values(), strict=True))


def as_numbers(values: Any) -> np.ndarray:
    """Return an array of what was given: of a tensor without its gradient, NaN where masked.

    Raises
    ------
    TypeError, ValueError
        If it is none, or its numbers are complex.
    """
    if hasattr(values, "detach"):  # a tensor of torch, on whatever device
        values = values.detach().cpu()
        values = values.float() if values.element_size() < 4 else values  # numpy has no bfloat16
    if isinstance(values, np.ma.MaskedArray):
        values = np.ma.filled(values.astype(float), np.nan)
    array = np.asarray(values)
    if array.dtype.kind == "c":
        raise TypeError("its numbers are complex")
    return array


def refuse_disorder(frame: pd.DataFrame, what: str) -> None:
    """Raise `EngramError` if the index of rows, which are in the order of time, falls."""
    index = frame.index
    if index.dtype.kind not in "iufmM" or index.is_monotonic_increasing:
        return
    row = int(np.argmax(index[1:] < index[:-1])) + 1
    raise EngramError(
        f"{what}: the index falls from {index[row - 1]} to {index[row]} at row {row} (from 0). "
        "Rows are taken in their order, as that of time: sort them, or drop the index "
        "(DataFrame.reset_index(drop=True))."
    )


def _seconds(name: str, value: Any) -> float:
    """Return a number of seconds."""
    try:
        seconds = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        seconds = math.nan
    if not math.isfinite(seconds):
        raise EngramError(f"{name} is {value!r}; a number of seconds is needed: {name}=1.5.")
    return seconds


def _numbers(values: Any, what: str, names: Sequence[str] | None) -> np.ndarray:
    """Return a listener's BOLD as an array, columns of a DataFrame in the order of `names`."""
    if isinstance(values, pd.DataFrame):
        refuse_disorder(values, f"BOLD of {what}")
        values = _in_order(values, what, names or [])
    try:
        array = as_numbers(values)
    except (TypeError, ValueError):
        array = np.asarray(None)  # rows of unequal lengths, say
    if array.dtype.kind not in "fiub":
        raise EngramError(
            f"BOLD of {what} is no array of numbers (its type is {array.dtype}). "
            "Give (time, target) in float32 or float64."
        )
    return array


def _in_order(frame: pd.DataFrame, what: str, names: Sequence[str]) -> pd.DataFrame:
    """Return a listener's BOLD with its columns in the order of targets.

    Columns without names, which count from 0, are in that order.
    """
    columns = [str(name) for name in frame.columns]
    if columns == list(names):
        return frame
    if sorted(columns) != sorted(names):
        if _is_unnamed(frame):
            return frame
        more, fewer = sorted(set(columns) - set(names)), sorted(set(names) - set(columns))
        raise EngramError(
            f"BOLD of {what}: its columns are not the {len(names)} targets (not targets: "
            f"{more[:5]}; missing: {fewer[:5]}). Name columns as targets are named, or give an "
            "array, whose columns are in the order of targets: DataFrame.to_numpy()."
        )
    return frame.iloc[:, [columns.index(name) for name in names]]


def _is_unnamed(frame: pd.DataFrame) -> bool:
    return frame.columns.equals(pd.RangeIndex(frame.shape[1]))


def _times(table: pd.DataFrame, name: str, story: str) -> pd.Series:
    """Return the onsets or offsets of words, in seconds; NaN where unknown."""
    if name not in table:
        return pd.Series(np.nan, table.index)
    try:
        if table[name].dtype.kind in "mM":
            raise TypeError(f"its type is {table[name].dtype}")
        return pd.to_numeric(table[name]).astype(float)
    except (TypeError, ValueError) as error:
        raise EngramError(
            f"words of {story}: the column {name} is not all numbers ({error}). Give seconds on "
            "the story's clock, NaN where a time is not known."
        ) from None


def _is_mapping(heard: Any, one_story: bool) -> bool:
    """Return True; refuse BOLD that is not by listener."""
    if isinstance(heard, Mapping):
        return True
    raise _no_listeners(heard, one_story)


def _no_listeners(heard: Any, one_story: bool) -> EngramError:
    example = (
        "bold={'01': array, '02': array}"
        if one_story
        else "bold={'story': {'01': array, '02': array}}, as words are given by story"
    )
    return EngramError(f"bold is {type(heard).__name__}; each listener has an array: {example}.")


def _check_stories(words: dict[str, Any], bold: dict[str, Any], start: dict[str, float]) -> None:
    for what, found in (("bold", bold), ("start", start)):
        if set(found) != set(words):
            raise EngramError(
                f"words are of the stories {sorted(words)}, and {what} of {sorted(found)}. Give "
                "both for each story."
            )
    empty = [story for story, heard in bold.items() if not heard]
    if empty or not bold:
        raise EngramError(f"bold has no listeners of {', '.join(empty) or 'any story'}.")
    if any(AVERAGE in heard for heard in bold.values()):
        raise EngramError(
            f"'{AVERAGE}' is the name of the average listener, who is made of the others. Take it "
            "out of bold, or give the listener another name."
        )


def _target_names(
    targets: pd.DataFrame | None, heard: Mapping[str, Mapping[str, Any]]
) -> list[str] | None:
    """Return what targets are called, by their table or the first DataFrame of BOLD."""
    if not isinstance(targets, pd.DataFrame | None):
        raise EngramError(
            f"targets is {type(targets).__name__}; a DataFrame with the columns target, hemisphere "
            "(L, R or B) and roi is needed."
        )
    if targets is not None:
        return [str(name) for name in targets["target"]] if "target" in targets else None
    for of_story in heard.values():
        for values in of_story.values():
            if isinstance(values, pd.DataFrame) and not _is_unnamed(values):
                return [str(name) for name in values.columns]
    return None


def _targets_table(
    targets: pd.DataFrame | None,
    names: Sequence[str] | None,
    bold: dict[str, dict[str, np.ndarray]],
) -> pd.DataFrame:
    """Return a table of targets that has a row for each column of every array."""
    shapes = {
        f"{who}, {story}": values.shape
        for story, heard in bold.items()
        for who, values in heard.items()
    }
    flat = {what: shape for what, shape in shapes.items() if len(shape) != 2}
    if flat:
        what, shape = next(iter(flat.items()))
        raise EngramError(
            f"BOLD of {what} has the shape {shape}; (time, target) is needed. Give one target as "
            "array[:, None]."
        )
    first, (_, expected) = next(iter(shapes.items()))
    if targets is None:
        numbers = [f"target-{number}" for number in range(expected)]
        targets = pd.DataFrame({"target": names or numbers, **_NOWHERE})
    missing = [name for name in TARGET_COLUMNS[:3] if name not in targets]
    if missing:
        raise EngramError(
            f"targets has no column {', '.join(missing)}; it needs target, hemisphere (L, R or B) "
            "and roi."
        )
    if targets["target"].duplicated().any():
        twice = targets["target"][targets["target"].duplicated()].iloc[0]
        raise EngramError(f"targets: '{twice}' is there twice. Each target has a name of its own.")
    if not targets["hemisphere"].isin(("L", "R", "B")).all():
        raise EngramError("targets: hemisphere is L, R, or B (both, or neither).")
    for what, (_, n_targets) in shapes.items():
        if n_targets != len(targets):
            raise EngramError(
                f"BOLD of {what} has {n_targets} targets, and {len(targets)} are known (by "
                f"'targets', or from {first}). All listeners have the same targets, a column "
                "for each."
            )
    columns = [name for name in TARGET_COLUMNS if name in targets]
    return targets[columns].reset_index(drop=True)
