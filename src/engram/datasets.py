"""Readers of raw data: words, time courses, confounds and targets, whatever the kind of dataset.

No later stage asks which kind it is. Every reader checks what it reads; an error names the file, what was found, what
was expected and what to do.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from engram import delimited
from engram.delimited import numbers
from engram.errors import EngramError
from engram.facts import Fact, scan_name
from engram.names import TARGET_COLUMNS
from engram.repetition_time import check_tr
from engram.word_checks import check_words

logger = logging.getLogger(__name__)

HEMISPHERES = ("L", "R", "B")
#: How programs write a missing value where text stands; as a region's name each would join what belongs apart.
_NO_NAME = ("NA", "NaN", "nan", "None", "null", "NULL", "<NA>", "N/A")
WORD_COLUMNS = ["word", "onset", "offset", "sentence_end"]


class Words(Protocol):
    """What a story's words can be asked of."""

    def words(self, story: str) -> pd.DataFrame:
        """Return a story's words: word, onset and offset (seconds, NaN where unknown), sentence_end (bool or NA), log_frequency where it is given."""


class Dataset(Protocol):
    """What every kind of dataset can be asked for."""

    tr: float
    #: Scans of a story may differ by so many TRs; they are cut to the shortest.
    slack_trs: int
    #: Share of a scan's targets that may be without variance; they count as 0.
    most_constant: float
    #: Whether the listeners are simulated, and need not follow the rate of words.
    simulated: bool

    def start(self, subject: str, story: str) -> float:
        """Return the time of a scan's first row on the story's clock, in seconds."""

    def scan_names(self, subject: str, story: str) -> str:
        """Return what a listener's scan of a story is called, as `engram.plan` names it where one is left out."""

    def targets(self) -> pd.DataFrame:
        """Return the targets: target, hemisphere (L, R or B for both), roi, and x, y, z (MNI, mm) where known."""

    def timeseries(self, subject: str, story: str) -> np.ndarray:
        """Return a scan's BOLD, float32, of shape (n_trs, n_targets)."""

    def confounds(self, subject: str, story: str) -> np.ndarray | None:
        """Return a scan's confounds, of shape (n_trs, n_confounds), where there are any."""


def open_dataset(config: dict[str, Any], folder: str | Path, atlas: str | None = None) -> Dataset:
    """Return the reader of a dataset.

    Parameters
    ----------
    config : dict
        What readers need of the checked `dataset` section of the configuration (`engram.plan.reader_config`).
    folder : path
        Where its files are.
    atlas : str, optional
        An atlas instead of the dataset's own.
    """
    if config["kind"] == "alice":
        from engram.alice import AliceDataset

        return AliceDataset(Path(folder), config["spheres"])
    if config["kind"] == "narratives":
        from engram.narratives import NarrativesDataset

        scans = [Fact(*row) for row in config["scans"]]
        return NarrativesDataset(
            Path(folder), scans, atlas=atlas, **{name: config[name] for name in ("pipeline", "space", "runs", "regions", "tr", "simulated")}
        )
    return TableDataset(Path(folder), config["tr"], config["start"])


def open_words(config: dict[str, Any], folder: str | Path) -> Words:
    """Return the reader of a dataset's words, which needs to know less, so that fewer changes read them anew.

    Parameters
    ----------
    config : dict
        ``kind``; for Narratives ``scans``, the facts of a scan of the story.
    folder : path
    """
    if config["kind"] == "alice":
        from engram.alice import AliceWords

        return AliceWords(Path(folder))
    if config["kind"] == "narratives":
        from engram.narratives import NarrativesWords

        return NarrativesWords(Path(folder), [Fact(*row) for row in config["scans"]])
    return TableWords(Path(folder))


class TableWords:
    """The words in a folder of tables."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def words(self, story: str) -> pd.DataFrame:
        """Return a story's words."""
        path = self.folder / f"story-{story}_words.tsv"
        table = delimited.read_frame(path, text=("word",), known=("onset", "offset", "log_frequency"))
        _need_content(table, ["word", "onset", "offset"], path)
        words = table["word"].str.strip()
        result = pd.DataFrame({"word": words, "onset": numbers(table["onset"], path), "offset": numbers(table["offset"], path)})
        result["sentence_end"] = pd.NA
        if "log_frequency" in table:
            result["log_frequency"] = numbers(table["log_frequency"], path)
            if result["log_frequency"].isna().all():
                raise EngramError(f"'{path}': the column 'log_frequency' has no value. Fill it in, or take it out.")
        check_words(result, path)
        return result.reset_index(drop=True)


class TableDataset(TableWords):
    """A folder of tables, as described in docs/data.md."""

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
            raise EngramError(f"dataset.start has no time for story '{story}'. Known: {sorted(self._start)}. Add '{story}: 0.0'.")
        return self._start[story]

    def scan_names(self, subject: str, story: str) -> str:
        """Return the scan's name."""
        return scan_name(subject, story)

    def targets(self) -> pd.DataFrame:
        """Return the targets."""
        path = self.folder / "targets.tsv"
        table = delimited.read_frame(path, text=TARGET_COLUMNS[:3], known=TARGET_COLUMNS[3:])
        _need_content(table, TARGET_COLUMNS[:3], path)
        for name in TARGET_COLUMNS[:3]:
            table[name] = table[name].str.strip()
        duplicated = table["target"].duplicated()
        if duplicated.any():
            raise EngramError(f"'{path}', line {_line(duplicated)}: target '{table['target'][duplicated].iloc[0]}' is there twice.")
        wrong = ~table["hemisphere"].isin(HEMISPHERES)
        if wrong.any():
            found = table["hemisphere"][wrong].iloc[0]
            raise EngramError(f"'{path}', line {_line(wrong)}: hemisphere '{found}'. Allowed: L, R, or B (both, or neither).")
        if table["roi"].isna().any():
            raise EngramError(f"'{path}', line {_line(table['roi'].isna())}: no roi. Name the region; targets without one may share a name.")
        unnamed = table["roi"].isin(_NO_NAME)
        if unnamed.any():
            found = table["roi"][unnamed].iloc[0]
            raise EngramError(f"'{path}', line {_line(unnamed)}: roi '{found}', which is how programs write a missing value. Name the region.")
        if table["target"].isna().any():
            raise EngramError(f"'{path}', line {_line(table['target'].isna())}: no target. Every row names one.")
        for axis in ("x", "y", "z"):
            if axis in table.columns:
                table[axis] = numbers(table[axis], path)
        return table[[name for name in TARGET_COLUMNS if name in table.columns]].reset_index(drop=True)

    def timeseries(self, subject: str, story: str) -> np.ndarray:
        """Return a scan's BOLD."""
        path = self.folder / f"sub-{subject}_story-{story}_timeseries.tsv"
        check_tr(self.tr, path, None, [path.with_suffix(".json")])
        table = delimited.read_frame(path)
        targets = self.targets()["target"].tolist()
        missing, extra = set(targets) - set(table.columns), set(table.columns) - set(targets)
        if missing or extra:
            raise EngramError(
                f"'{path}': its columns are not the targets of '{self.folder / 'targets.tsv'}'. Missing here: {sorted(missing)[:5]}; "
                f"unknown there: {sorted(extra)[:5]}. There must be one column for each target, under its name."
            )
        values = table[targets].apply(lambda column: numbers(column, path)).to_numpy(np.float32)
        return check_timeseries(values, targets, str(path), subject)

    def confounds(self, subject: str, story: str) -> np.ndarray | None:
        """Return a scan's confounds; a missing value (fMRIPrep's first derivatives) becomes the column's mean."""
        path = self.folder / f"sub-{subject}_story-{story}_confounds.tsv"
        if not path.exists():
            return None
        table = delimited.read_frame(path)
        values = table.apply(lambda column: numbers(column, path))
        empty = values.columns[values.isna().all()].tolist()
        if empty:
            raise EngramError(f"'{path}': the column(s) {empty} have no value. Take them out.")
        return values.fillna(values.mean()).to_numpy(np.float32)


def check_timeseries(values: np.ndarray, targets: list[str], name: str, subject: str, most_constant: float = 0.0) -> np.ndarray:
    """Return the values; raise `EngramError` if a target has missing values, or more than a share of them does not vary."""
    if len(values) < 2:
        raise EngramError(f"{name}: {len(values)} rows. A time course has a row for each TR.")
    remedy = f"Repair the file, or leave the listener out (dataset: exclude: {{'{subject}': reason}})"
    bad = ~np.isfinite(values).all(axis=0)
    if bad.any():
        column = int(np.argmax(bad))
        row = int(np.argmax(~np.isfinite(values[:, column])))
        raise EngramError(
            f"{name}: target '{targets[column]}' has a missing value in row {row} (rows count from 0); {bad.sum()} of {len(targets)} "
            f"targets are affected. {remedy}, or take these targets out of the study (a folder of tables: out of targets.tsv and every file)."
        )
    refuse_constant(values, targets, name, subject, most_constant)
    return values


def refuse_constant(values: np.ndarray, targets: Sequence[str], name: str, subject: str, most_constant: float, where: str = "") -> np.ndarray:
    """Return which targets do not vary; raise `EngramError` if they are more than a share of all.

    Parameters
    ----------
    values : array of shape (n_rows, n_targets)
    targets : sequence of str
    name, subject : str
        The scan and the listener, for messages.
    most_constant : float
    where : str
        Which rows these are, for messages, where they are not all.

    Returns
    -------
    array of shape (n_targets, )
        Bool.
    """
    constant: np.ndarray = np.ptp(values, axis=0) == 0
    if constant.mean() > most_constant:
        column = int(np.argmax(constant))
        raise EngramError(
            f"{name}: target '{targets[column]}' is constant{where}; {constant.sum()} of {len(targets)} targets are. A time course that "
            f"does not vary cannot be predicted. Repair the file, or leave the listener out (dataset: exclude: {{'{subject}': reason}}), or take these targets "
            "out of the study (a folder of tables: out of targets.tsv and every file)."
        )
    return constant


def _need_content(table: pd.DataFrame, needed: Sequence[str], path: Path) -> None:
    delimited.need_columns(list(table.columns), needed, path)
    if table.empty:
        raise EngramError(f"'{path}' has a header and no rows.")


def _line(mask: pd.Series) -> int:
    """Return the line of the file of the first row that is marked."""
    return int(mask.idxmax())
