"""The Narratives dataset (Nastase et al. 2021, Sci Data 8:250).

It is a DataLad clone, a plain folder with its tree, or a simulated one.

Times: words are on the clock of the audio file; row k of a scan begins k TRs (of 1.5 s
in Narratives) after the scan does, and the audio ``audio_onset`` seconds after it. BOLD
is `desc-clean` of afni-nosmooth or afni-smooth, on a FreeSurfer average surface or in MNI space;
vertices and voxels that the atlas gives no region are left out (the medial wall among them).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from engram.datasets import time_courses
from engram.datasets.images.surfaces import Surface
from engram.datasets.images.volumes import Volume
from engram.datasets.narratives import layout
from engram.datasets.narratives.facts import TR, Fact, check_facts
from engram.datasets.narratives.words import NarrativesWords
from engram.datasets.repetition_time import check_tr
from engram.errors import EngramError

logger = logging.getLogger(__name__)

#: Scans of a story, and runs of a listener, may differ by so many TRs; they
#: are cut to the shortest.
SLACK_TRS = 5
#: Share of a scan's targets that may be without variance (outside of the field of view,
#: say); they count as 0.
MOST_CONSTANT = 0.05


class Space(Protocol):
    """Where BOLD lives: which targets there are, and how a scan's files become rows of them."""

    def targets(self) -> pd.DataFrame:
        """Return target, hemisphere, roi, and where each is."""

    def read(self, paths: Sequence[Path]) -> np.ndarray:
        """Return a scan's BOLD, float32, of shape (n_trs, n_targets)."""

    def tr(self, path: Path) -> float | None:
        """Return the TR that a file's own header gives, in seconds."""


class NarrativesDataset:
    """Narratives.

    Parameters
    ----------
    folder : Path
        The dataset's root.
    scans : sequence of Fact
        The scans in use.
    pipeline : {"afni-nosmooth", "afni-smooth"}
    space : {"fsaverage6", "fsaverage5", "MNI152NLin2009cAsym"}
    runs : {"mean", "first", "last"}
        Which of a listener's runs of a story count.
    atlas : str or None
        A file instead of the dataset's Destrieux parcellation: `Surface` and `Volume` say which.
    regions : sequence of str or None
        ROI sets or regions to keep; None: all.
    tr : float
        Seconds; compared with what the scans' files give.
    simulated : bool
        Whether the listeners are simulated.
    """

    slack_trs = SLACK_TRS
    most_constant = MOST_CONSTANT

    def __init__(
        self,
        folder: Path,
        scans: Sequence[Fact],
        *,
        pipeline: str = "afni-nosmooth",
        space: str = "fsaverage6",
        runs: str = "mean",
        atlas: str | None = None,
        regions: Sequence[str] | None = None,
        tr: float = TR,
        simulated: bool = False,
    ) -> None:
        self.tr, self.simulated = tr, simulated
        self.folder, self.pipeline, self.space_name, self.runs = folder, pipeline, space, runs
        self._facts = [fact for fact in scans if fact.excluded is None]
        self._said: set[str] = set()
        self._space: Space
        if space == layout.VOLUME:
            if atlas is None:
                raise EngramError(
                    f"dataset.space is {space}, for which the dataset has no parcellation: "
                    "name one (dataset.atlas)."
                )
            grid = folder / layout.bold_files(pipeline, space, self._facts[0].scan)[0]
            self._space = Volume(grid, Path(atlas), regions)
        else:
            paths = (
                [atlas.replace("{hemi}", side) for side in layout.SIDES.values()]
                if atlas
                else [str(folder / path) for path in layout.parcellation_files()]
            )
            self._space = Surface(
                space, dict(zip(layout.SIDES, map(Path, paths), strict=True)), regions
            )

    def start(self, subject: str, story: str) -> float:
        """Return the time of a scan's first row on the audio's clock, in seconds."""
        return -self._runs(subject, story)[0].audio_onset

    def targets(self) -> pd.DataFrame:
        """Return every vertex or voxel with a region."""
        return self._space.targets()

    def timeseries(self, subject: str, story: str) -> np.ndarray:
        """Return a scan's BOLD; of a listener's runs, the chosen one or their mean."""
        chosen = self._runs(subject, story)
        self._check_metadata(chosen)
        values = time_courses.mean_of_runs(
            [self._read(fact.scan) for fact in chosen],
            [fact.audio_onset for fact in chosen],
            self.tr,
            SLACK_TRS,
            f"sub-{subject}, story {story}",
        )
        name = f"{self.scan_names(subject, story)} ({self.pipeline}, {self.space_name})"
        return time_courses.check_timeseries(
            values, self.targets()["target"].tolist(), name, subject, MOST_CONSTANT
        )

    def confounds(self, subject: str, story: str) -> np.ndarray | None:
        """Return None: confounds are removed from `desc-clean` data already."""
        return None

    def scan_names(self, subject: str, story: str) -> str:
        """Return the names of the scans that are read."""
        return " ".join(fact.scan for fact in self._runs(subject, story))

    def _read(self, scan: str) -> np.ndarray:
        """Return a scan's BOLD, after a look at the TR that its files give."""
        paths = [
            self.folder / path for path in layout.bold_files(self.pipeline, self.space_name, scan)
        ]
        sidecars = [
            self.folder / path for path in layout.tr_files(self.pipeline, self.space_name, scan)
        ]
        values = self._space.read(paths)
        for path in paths:
            said = check_tr(self.tr, path, self._space.tr(path), sidecars)
            kind = said.replace(str(path), "")
            if said and kind not in self._said:  # of many scans once
                self._said.add(kind)
                logger.log(
                    logging.WARNING if said.startswith("the header") else logging.INFO, "%s", said
                )
        return values

    def _runs(self, subject: str, story: str) -> list[Fact]:
        found = [fact for fact in self._facts if (fact.subject, fact.story) == (subject, story)]
        return {"mean": found, "first": found[:1], "last": found[-1:]}[self.runs]

    def _check_metadata(self, chosen: Sequence[Fact]) -> None:
        """Compare the facts that planned the study with the dataset's metadata.

        That is done where they are there.
        """
        there = [fact for fact in chosen if (self.folder / layout.events_file(fact.scan)).exists()]
        if len(there) < len(chosen):
            logger.warning(
                "no events of %s in '%s': its times are those of the facts table, unchecked",
                chosen[0].scan,
                self.folder,
            )
        if there:
            check_facts(self.folder, there)


def open_dataset(config: Mapping[str, Any], folder: Path, atlas: str | None) -> NarrativesDataset:
    """Return the reader of scans; ``scans`` are the facts of those in use."""
    scans = [Fact(*row) for row in config["scans"]]
    names = ("pipeline", "space", "runs", "regions", "tr", "simulated")
    return NarrativesDataset(folder, scans, atlas=atlas, **{name: config[name] for name in names})


def open_words(config: Mapping[str, Any], folder: Path) -> NarrativesWords:
    """Return the reader of words; ``scans`` are the facts of one scan of the story."""
    return NarrativesWords(folder, [Fact(*row) for row in config["scans"]])
