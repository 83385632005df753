"""What every kind of dataset can be asked for: words, and scans."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd


class Words(Protocol):
    """What a story's words can be asked of."""

    def words(self, story: str) -> pd.DataFrame:
        """Return a story's words.

        Columns are word, onset and offset (seconds, NaN where unknown), sentence_end (bool or NA),
        and log_frequency where it is given.
        """


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
        """Return what a listener's scan of a story is called in tables and messages."""

    def targets(self) -> pd.DataFrame:
        """Return the targets.

        Columns are target, hemisphere (L, R or B for both), roi, and x, y, z (MNI, mm) where known.
        """

    def timeseries(self, subject: str, story: str) -> np.ndarray:
        """Return a scan's BOLD, float32, of shape (n_trs, n_targets)."""

    def confounds(self, subject: str, story: str) -> np.ndarray | None:
        """Return a scan's confounds, of shape (n_trs, n_confounds), where there are any."""


@runtime_checkable
class Repeated(Protocol):
    """What a dataset has beside that in which listeners heard a story more than once."""

    def repeats(self, subject: str, story: str) -> np.ndarray | None:
        """Return the BOLD of each time, of shape (n_repeats, n_trs, n_targets); None if once.

        The dataset's `timeseries` are then their mean.
        """


class Reader(Protocol):
    """What the module `reader.py` of a kind of dataset holds."""

    def open_dataset(self, config: Mapping[str, Any], folder: Path, atlas: str | None) -> Dataset:
        """Return the reader of scans, by what the kind's plan gave the job and where files are."""

    def open_words(self, config: Mapping[str, Any], folder: Path) -> Words:
        """Return the reader of words."""
