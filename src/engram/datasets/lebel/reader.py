"""LeBel et al. (2023, Sci Data 10:555): words, and responses of a listener's own voxels.

Words are on the clock of the audio file. A response file (HDF5) has an array `data` with a row for
each TR and a column for each voxel; of a story that was heard several times `individual_repeats`
holds each of them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from engram.datasets import time_courses
from engram.datasets.images.image_files import broken, need
from engram.errors import EngramError
from engram.vocabulary import scan_name
from engram.words.timings.read import word_timings

logger = logging.getLogger(__name__)

#: Share of a listener's voxels that may be without variance, or without values; they count as 0.
MOST_CONSTANT = 0.05
_DATA, _REPEATS = "data", "individual_repeats"


class LebelWords:
    """The words of a story, from its TextGrid."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def words(self, story: str) -> pd.DataFrame:
        """Return the words of a story."""
        return word_timings(self._path)


class LebelDataset:
    """A listener's responses to a story.

    Parameters
    ----------
    path : Path
        The response file.
    voxels, rows, repeats : int
        What it must hold: the listener's voxels, the story's rows, and how often it was heard.
    start : float
        Seconds on the audio's clock at which the first row begins.
    tr : float
        Seconds.
    """

    slack_trs = 0
    most_constant = MOST_CONSTANT
    simulated = False

    def __init__(
        self, path: Path, *, voxels: int, rows: int, repeats: int, start: float, tr: float
    ) -> None:
        self._path, self.tr, self._start = path, tr, start
        self._voxels, self._rows, self._n_repeats = voxels, rows, repeats

    def start(self, subject: str, story: str) -> float:
        """Return when the first row begins on the audio's clock, in seconds."""
        return self._start

    def scan_names(self, subject: str, story: str) -> str:
        """Return the scan's name."""
        return scan_name(subject, story)

    def targets(self) -> pd.DataFrame:
        """Return the listener's voxels: numbered, all of the cortex, of neither hemisphere.

        Their places are in a database of pycortex, which is not read here.
        """
        names = [f"V{voxel}" for voxel in range(self._voxels)]
        return pd.DataFrame({"target": names, "hemisphere": "B", "roi": "cortex"})

    def timeseries(self, subject: str, story: str) -> np.ndarray:
        """Return the responses; of a story that was heard several times the mean of the repeats."""
        repeats = self.repeats(subject, story)
        if repeats is not None:
            values = repeats.mean(0)
        else:
            values = self._whole(self._read(_DATA, (self._rows, self._voxels)))
        return time_courses.check_timeseries(
            values,
            self.targets()["target"].tolist(),
            self.scan_names(subject, story),
            subject,
            MOST_CONSTANT,
        )

    def repeats(self, subject: str, story: str) -> np.ndarray | None:
        """Return each repeat of a story, (n_repeats, n_trs, n_targets); None if heard once."""
        if self._n_repeats < 2:
            return None
        shape = (self._n_repeats, self._rows, self._voxels)
        return np.stack([self._whole(one) for one in self._read(_REPEATS, shape)])

    def confounds(self, subject: str, story: str) -> np.ndarray | None:
        """Return None: responses are cleaned already."""
        return None

    def _read(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """Return an array of the file in single precision; refuse one of another shape."""
        import h5py

        need(self._path)
        try:
            with h5py.File(self._path, "r") as stream:
                there = {key: getattr(stream[key], "shape", ()) for key in stream}
                if there.get(name) == shape:
                    found: np.ndarray = stream[name].astype(np.float32)[()]
                    return found
        except OSError as error:
            raise broken(self._path, error) from error
        listed = ", ".join(f"{key} {size}" for key, size in there.items()) or "nothing"
        raise EngramError(
            f"'{self._path}' has no array '{name}' of shape {shape} (rows of the story, voxels of "
            f"the listener); it holds {listed}. Is it the file of another story or listener, or "
            "of another version of the dataset?"
        )

    def _whole(self, values: np.ndarray) -> np.ndarray:
        """Return responses in which voxels without any value are 0, and so do not vary."""
        empty = np.isnan(values).all(axis=0)
        if empty.any():
            logger.info("'%s': %d voxels have no values; they count as 0", self._path, empty.sum())
            values = np.where(empty, np.float32(0), values)
        return values


def open_dataset(config: Mapping[str, Any], folder: Path, atlas: str | None) -> LebelDataset:
    """Return the reader of a listener's responses to a story."""
    names = ("voxels", "rows", "repeats", "start", "tr")
    return LebelDataset(folder / config["file"], **{name: config[name] for name in names})


def open_words(config: Mapping[str, Any], folder: Path) -> LebelWords:
    """Return the reader of a story's words."""
    return LebelWords(folder / config["file"])
