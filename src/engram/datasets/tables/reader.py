"""The folder of tables that people bring (docs/data/tables.md).

The tables are words, time courses, confounds and targets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from engram.datasets.given_folder import is_named
from engram.datasets.repetition_time import check_tr
from engram.datasets.tables.layout import words_table
from engram.datasets.time_courses import as_float32, check_timeseries
from engram.errors import EngramError
from engram.files import delimited
from engram.files.characters import look_alike
from engram.files.delimited import all_numbers, numbers
from engram.vocabulary import TARGET_COLUMNS, scan_name
from engram.words.timings.read import story_timings
from engram.words.word_checks import check_words

HEMISPHERES = ("L", "R", "B")
#: How programs write a missing value where text stands; as a region's name each would
#: join what belongs apart.
_NO_NAME = ("NA", "NaN", "nan", "None", "null", "NULL", "<NA>", "N/A")


class TableWords:
    """The words in a folder of tables.

    Parameters
    ----------
    folder : Path
    sources : mapping
        Files of word timings of stories that have no table of words
        (`engram.words.timings.read.story_timings`).
    """

    def __init__(
        self, folder: Path, sources: Mapping[str, Sequence[Mapping[str, Any]]] | None = None
    ) -> None:
        self.folder, self._sources = folder, sources or {}

    def words(self, story: str) -> pd.DataFrame:
        """Return a story's words."""
        if story in self._sources:
            return story_timings(self._sources[story], self.folder)
        path = self.folder / words_table(story)
        table = delimited.read_frame(
            path, text=("word",), known=("onset", "offset", "log_frequency")
        )
        _need_content(table, ["word", "onset", "offset"], path)
        words = table["word"].str.strip()
        result = pd.DataFrame(
            {
                "word": words,
                "onset": numbers(table["onset"], path),
                "offset": numbers(table["offset"], path),
            }
        )
        result["sentence_end"] = pd.NA
        if "log_frequency" in table:
            result["log_frequency"] = numbers(table["log_frequency"], path)
            if result["log_frequency"].isna().all():
                raise EngramError(
                    f"'{path}': the column 'log_frequency' has no value. Fill "
                    "it in, or take it out."
                )
        check_words(result, path)
        return result.reset_index(drop=True)


class TableDataset(TableWords):
    """A folder of tables, as described in docs/data/tables.md."""

    slack_trs = 0
    most_constant = 0.0
    simulated = False

    def __init__(self, folder: Path, tr: float, start: float | dict[str, float]) -> None:
        super().__init__(folder)
        self.tr, self._start = tr, start

    def start(self, subject: str, story: str) -> float:
        """Return the time of a scan's first row on the story's clock, in seconds."""
        if not isinstance(self._start, dict):
            return self._start
        if story not in self._start:
            raise EngramError(
                f"dataset.start has no time for story '{story}'. Known: "
                f"{sorted(self._start)}. Add '{story}: 0.0'."
            )
        return self._start[story]

    def scan_names(self, subject: str, story: str) -> str:
        """Return the scan's name."""
        return scan_name(subject, story)

    def targets(self) -> pd.DataFrame:
        """Return the targets."""
        return self._targets.copy()

    @cached_property
    def _targets(self) -> pd.DataFrame:
        """The targets, read once: the time courses of thousands of scans are compared with them."""
        path = self.folder / "targets.tsv"
        table = delimited.read_frame(path, text=TARGET_COLUMNS[:3], known=TARGET_COLUMNS[3:])
        _need_content(table, TARGET_COLUMNS[:3], path)
        for name in TARGET_COLUMNS[:3]:
            table[name] = table[name].str.strip()
        duplicated = table["target"].duplicated()
        if duplicated.any():
            raise EngramError(
                f"'{path}', line {_line(duplicated)}: target "
                f"'{table['target'][duplicated].iloc[0]}' is there twice."
            )
        wrong = ~table["hemisphere"].isin(HEMISPHERES)
        if wrong.any():
            found = table["hemisphere"][wrong].iloc[0]
            raise EngramError(
                f"'{path}', line {_line(wrong)}: hemisphere '{found}'. Allowed: L, R, "
                "or B (both, or neither)."
            )
        if table["roi"].isna().any():
            raise EngramError(
                f"'{path}', line {_line(table['roi'].isna())}: no roi. Name the region; "
                "targets without one may share a name."
            )
        unnamed = table["roi"].isin(_NO_NAME)
        if unnamed.any():
            found = table["roi"][unnamed].iloc[0]
            raise EngramError(
                f"'{path}', line {_line(unnamed)}: roi '{found}', which is how programs write "
                "a missing value. Name the region."
            )
        if alike := look_alike(table["roi"]):
            raise EngramError(
                f"'{path}', line {_line(table['roi'] == alike[1])}: roi {alike[1]!a} "
                f"looks as {alike[0]!a} does (line {_line(table['roi'] == alike[0])}), "
                "and would be another region. Write both in the same characters, or give "
                "them names that differ."
            )
        if table["target"].isna().any():
            raise EngramError(
                f"'{path}', line {_line(table['target'].isna())}: no target. Every row names one."
            )
        for axis in ("x", "y", "z"):
            if axis in table.columns:
                table[axis] = numbers(table[axis], path)
        return table[[name for name in TARGET_COLUMNS if name in table.columns]].reset_index(
            drop=True
        )

    def timeseries(self, subject: str, story: str) -> np.ndarray:
        """Return a scan's BOLD."""
        path = self.folder / f"sub-{subject}_story-{story}_timeseries.tsv"
        check_tr(self.tr, path, None, [path.with_suffix(".json")])
        table = delimited.read_frame(path)
        targets = self._targets["target"].tolist()
        missing, extra = set(targets) - set(table.columns), set(table.columns) - set(targets)
        if missing or extra:
            raise EngramError(
                f"'{path}': its columns are not the targets of '{self.folder / 'targets.tsv'}'. "
                f"Missing here: {sorted(missing)[:5]}; unknown there: {sorted(extra)[:5]}. "
                "There must be one column for each target, under its name."
            )
        values = as_float32(all_numbers(table[targets], path).to_numpy())
        return check_timeseries(values, targets, str(path), subject)

    def confounds(self, subject: str, story: str) -> np.ndarray | None:
        """Return a scan's confounds.

        A missing value (fMRIPrep's first derivatives) becomes the column's mean.
        """
        path = self.folder / f"sub-{subject}_story-{story}_confounds.tsv"
        if not is_named(path):
            return None
        table = delimited.read_frame(path)
        values = all_numbers(table, path)
        empty = values.columns[values.isna().all()].tolist()
        if empty:
            raise EngramError(f"'{path}': the column(s) {empty} have no value. Take them out.")
        regressors = as_float32(values.fillna(values.mean()).to_numpy())
        large = ~np.isfinite(regressors).all(axis=0)
        if large.any():
            raise EngramError(
                f"'{path}': the column '{values.columns[large][0]}' has numbers of up to "
                f"{values.loc[:, large].abs().max().iloc[0]:.3g}. A confound has some thousands "
                "at most; take the column out, or write n/a where a number is not known."
            )
        return regressors


def _need_content(table: pd.DataFrame, needed: Sequence[str], path: Path) -> None:
    delimited.need_columns(list(table.columns), needed, path)
    if table.empty:
        raise EngramError(f"'{path}' has a header and no rows.")


def _line(mask: pd.Series) -> int:
    """Return the line of the file of the first row that is marked."""
    return int(mask.idxmax())


def open_dataset(config: Mapping[str, Any], folder: Path, atlas: str | None) -> TableDataset:
    """Return the reader of scans; ``tr`` and ``start`` are in seconds."""
    return TableDataset(folder, config["tr"], config["start"])


def open_words(config: Mapping[str, Any], folder: Path) -> TableWords:
    """Return the reader of words."""
    return TableWords(folder, config.get("words", {}))
