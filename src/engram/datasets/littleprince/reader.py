"""Le Petit Prince (Li et al. 2022, Sci Data 9:530): words, and cleaned volumes.

Each of the nine sections has an audio file and a scan of its own; words are on the clock of the
audio file. BOLD is multi-echo, cleaned by ME-ICA, and was aligned to one brain in MNI space.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from engram.datasets import time_courses
from engram.datasets.images.volumes import Volume
from engram.datasets.littleprince.facts import SLACK_TRS, check_rows
from engram.datasets.repetition_time import check_tr
from engram.words.timings.read import story_timings

logger = logging.getLogger(__name__)

#: Share of a scan's voxels that may be without variance, where an atlas is larger than what was
#: scanned of a listener; they count as 0.
MOST_CONSTANT = 0.2


class LittlePrinceWords:
    """The words of a section: from its TextGrid, or from its rows of the table."""

    def __init__(self, folder: Path, source: Mapping[str, Any]) -> None:
        self.folder, self._source = folder, source

    def words(self, story: str) -> pd.DataFrame:
        """Return the words of a section."""
        return story_timings([self._source], self.folder)


class LittlePrinceDataset:
    """The scans of a section.

    Parameters
    ----------
    folder : Path
        The dataset's root.
    scans : mapping
        Of each listener: the scan's name, its volume, and the sidecar of the raw scan.
    volumes : int
        Rows that a scan of this section has.
    atlas : Path
    regions : sequence of str or None
    start : float
        Seconds on the audio's clock at which the first row begins.
    tr : float
        Seconds; compared with what the scans' files give.
    """

    slack_trs = SLACK_TRS
    most_constant = MOST_CONSTANT
    simulated = False

    def __init__(
        self,
        folder: Path,
        scans: Mapping[str, Sequence[str]],
        *,
        volumes: int,
        atlas: Path,
        regions: Sequence[str] | None,
        start: float,
        tr: float,
    ) -> None:
        self.folder, self.tr = folder, tr
        self._scans, self._volumes, self._start = scans, volumes, start
        first = next(iter(scans.values()))
        self._space = Volume(folder / first[1], atlas, regions)
        self._said: set[str] = set()

    def start(self, subject: str, story: str) -> float:
        """Return when a scan's first row begins on the audio's clock, in seconds."""
        return self._start

    def scan_names(self, subject: str, story: str) -> str:
        """Return the scan's name."""
        return self._scans[subject][0]

    def targets(self) -> pd.DataFrame:
        """Return every voxel with a region."""
        return self._space.targets()

    def timeseries(self, subject: str, story: str) -> np.ndarray:
        """Return a scan's BOLD.

        Raises
        ------
        EngramError
            If it has not as many rows as the section: a listener's runs are counted to find it.
        """
        name, volume, sidecar = self._scans[subject]
        path = self.folder / volume
        values = self._space.read([path])
        check_rows(path, len(values), self._volumes, story, subject)
        said = check_tr(self.tr, path, self._space.tr(path), [self.folder / sidecar])
        kind = said.replace(str(path), "")
        if said and kind not in self._said:  # of many scans once
            self._said.add(kind)
            level = logging.WARNING if said.startswith("the header") else logging.INFO
            logger.log(level, "%s", said)
        return time_courses.check_timeseries(
            values, self.targets()["target"].tolist(), name, subject, MOST_CONSTANT
        )

    def confounds(self, subject: str, story: str) -> np.ndarray | None:
        """Return None: none are published, and ME-ICA has removed motion."""
        return None


def open_dataset(config: Mapping[str, Any], folder: Path, atlas: str | None) -> LittlePrinceDataset:
    """Return the reader of a section's scans."""
    names = ("scans", "volumes", "regions", "start", "tr")
    return LittlePrinceDataset(
        folder, atlas=Path(str(atlas)), **{name: config[name] for name in names}
    )


def open_words(config: Mapping[str, Any], folder: Path) -> LittlePrinceWords:
    """Return the reader of a section's words."""
    return LittlePrinceWords(folder, config["source"])
