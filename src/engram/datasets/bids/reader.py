"""A BIDS dataset with fMRIPrep derivatives, by the files that the plan found.

Times: row k of BOLD covers the time from k TRs after the first volume's beginning; a story begins
at its onset in the events, in seconds from there.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from engram.datasets import time_courses
from engram.datasets.bids import confounds, names, sidecars
from engram.datasets.images.cifti import Dense, Parcels
from engram.datasets.images.surfaces import Surface, count_vertices
from engram.datasets.images.volumes import Volume
from engram.datasets.repetition_time import check_tr
from engram.datasets.time_courses import mean_of_runs
from engram.errors import EngramError
from engram.words.timings.read import story_timings

logger = logging.getLogger(__name__)

#: Scans of a story may differ by so many TRs; they are cut to the shortest.
SLACK_TRS = 5
#: Share of a scan's targets that may be without variance (outside of the field of view, say);
#: they count as 0. A parcel without variance is a fault.
MOST_CONSTANT = {"volume": 0.05, "surface": 0.05, "dense": 0.05, "parcels": 0.0}
_SIDES = {"L": "lh", "R": "rh"}


class Space(Protocol):
    """Where BOLD lives: which targets there are, and how a scan's files become rows of them."""

    def targets(self) -> pd.DataFrame:
        """Return target, hemisphere, roi, and where each is."""

    def read(self, paths: Sequence[Path]) -> np.ndarray:
        """Return a scan's BOLD, float32, of shape (n_trs, n_targets)."""

    def tr(self, path: Path) -> float | None:
        """Return the TR that a file's own header gives, in seconds."""


class BidsWords:
    """The words of one story.

    Parameters
    ----------
    sources : sequence of mapping
        Its files of word timings (`engram.words.timings.read.story_timings`).
    folder : Path
        Where relative paths start.
    """

    def __init__(self, sources: Sequence[Mapping[str, Any]], folder: Path) -> None:
        self._sources, self._folder = sources, folder

    def words(self, story: str) -> pd.DataFrame:
        """Return the story's words."""
        return story_timings(self._sources, self._folder)


class BidsDataset:
    """The scans of one story.

    Parameters
    ----------
    config : mapping
        What `engram.datasets.bids.plan.PlannedBids.scans_config` returns.
    atlas : str or None
        A file of regions, or one with ``{hemi}`` for each hemisphere.
    """

    slack_trs = SLACK_TRS
    simulated = False

    def __init__(self, config: Mapping[str, Any], atlas: str | None) -> None:
        self.tr: float = config["tr"]
        self._config = config
        self.most_constant = MOST_CONSTANT[config["format"]]
        self._scans: list[Mapping[str, Any]] = list(config["scans"])
        self._space = self._open_space(atlas)
        self._targets = self._space.targets()
        self._said: set[str] = set()

    def _open_space(self, atlas: str | None) -> Space:
        config = self._config
        files, regions = list(map(Path, self._scans[0]["files"])), config["regions"]
        if config["format"] == "parcels":
            return Parcels(files[0], regions)
        if config["format"] == "dense":
            return Dense(files[0], None if atlas is None else Path(atlas), regions)
        if config["format"] == "surface":
            parsed = [names.parsed(path) for path in files]
            sides = [one.entities["hemi"] for one in parsed if one is not None]
            files_of_atlas = {
                side: None if atlas is None else Path(atlas.replace("{hemi}", _SIDES[side]))
                for side in sides
            }
            name = config["surface"] or "the surface"
            return Surface(name, files_of_atlas, regions, count_vertices(files[0]))
        masks = [config["mask"]] if config["mask"] else config["masks"]
        return Volume(
            files[0],
            None if atlas is None else Path(atlas),
            regions,
            [Path(mask).expanduser() for mask in masks],
            config["smoothing"],
        )

    def start(self, subject: str, story: str) -> float:
        """Return the time of a scan's first row on the story's clock, in seconds."""
        if self._config["start"] is not None:
            return float(self._config["start"])
        return self._begins(self._runs(subject, story)[0])

    def _begins(self, run: Mapping[str, Any]) -> float:
        found = list(map(Path, run["sidecars"][0]))
        return round(sidecars.first_row_begins(found, self.tr) - float(run["onset"]), 6)

    def scan_names(self, subject: str, story: str) -> str:
        """Return the names of the recordings that are read."""
        return " ".join(run["name"] for run in self._runs(subject, story))

    def targets(self) -> pd.DataFrame:
        """Return the targets; vertices have numbers where maps can be drawn of them."""
        if self._config["format"] == "surface" and self._config["surface"] is None:
            return self._targets.drop(columns="vertex")
        return self._targets

    def timeseries(self, subject: str, story: str) -> np.ndarray:
        """Return a scan's BOLD; of a listener's runs, the chosen one or their mean."""
        chosen = self._runs(subject, story)
        begins = [0.0 if run["onset"] is None else self._begins(run) for run in chosen]
        name = f"sub-{subject}, story {story}"
        values = mean_of_runs([self._read(run) for run in chosen], begins, self.tr, SLACK_TRS, name)
        files = ", ".join(path for run in chosen for path in run["files"])
        return time_courses.check_timeseries(
            values, self._targets["target"].tolist(), files, subject, self.most_constant
        )

    def confounds(self, subject: str, story: str) -> np.ndarray | None:
        """Return the confounds of a scan, where the study takes some."""
        chosen = self._config["confounds"]
        if chosen is None:
            return None
        path = self._runs(subject, story)[0]["confounds"]
        if not path:
            raise EngramError(
                f"sub-{subject}, story {story} has no confounds (desc-confounds_timeseries.tsv). "
                "Add them, or write dataset: {confounds: null}."
            )
        return confounds.read(Path(path), chosen, self._config["cosines"])

    def _runs(self, subject: str, story: str) -> list[Mapping[str, Any]]:
        return [
            scan for scan in self._scans if (scan["subject"], scan["story"]) == (subject, story)
        ]

    def _read(self, run: Mapping[str, Any]) -> np.ndarray:
        """Return a recording's BOLD, after a look at the TR that its files give."""
        paths = list(map(Path, run["files"]))
        values = self._space.read(paths)
        for path, beside in zip(paths, run["sidecars"], strict=True):
            said = check_tr(self.tr, path, self._space.tr(path), list(map(Path, beside)))
            kind = said.replace(str(path), "")
            if said and kind not in self._said:  # of many scans once
                self._said.add(kind)
                is_wrong = said.startswith("the header")
                logger.log(logging.WARNING if is_wrong else logging.INFO, "%s", said)
        return values


def open_dataset(config: Mapping[str, Any], folder: Path, atlas: str | None) -> BidsDataset:
    """Return the reader of a story's scans."""
    named = config["atlas"] if atlas is None else atlas
    return BidsDataset(config, None if named is None else str(Path(named).expanduser()))


def open_words(config: Mapping[str, Any], folder: Path) -> BidsWords:
    """Return the reader of a story's words."""
    return BidsWords(config["words"], folder)
