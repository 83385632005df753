"""The Alice dataset: 28 listeners, chapter 1 of Alice in Wonderland, six regions.

It was published by Brennan et al. (2016).

Sources: time courses and motion from the authors' release (CC BY 4.0); word times from
OpenNeuro ds002322 (CC0).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from engram.datasets import time_courses
from engram.datasets.alice.facts import DROPPED_VOLUMES, REGIONS, TR
from engram.errors import EngramError
from engram.files import delimited, text_files
from engram.paths import ALICE_SENTENCE_ENDS
from engram.vocabulary import scan_name

logger = logging.getLogger(__name__)

#: How the transcript writes contractions, apart from the apostrophe that it may or may not have.
_CONTRACTIONS = {"nt": "n't"}


class AliceWords:
    """The published words, as they come."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def words(self, story: str) -> pd.DataFrame:
        """Return the words.

        A contraction, which has no time of its own, joins the word before it.
        """
        path = _present(self.folder / "annotations.tsv")
        columns = ["Words", "Word Onset", "Word Offset"]
        table = delimited.read_frame(path, text=columns)
        delimited.need_columns(list(table.columns), columns, path)
        words: list[str] = []
        times: list[tuple[float, float]] = []
        for word, onset, offset in table[columns].fillna("").itertuples(index=False):
            if onset.strip():
                words.append(word.replace("\u2019", "'"))
                times.append((float(onset), float(offset)))
            else:
                words[-1] += _contraction(word)
        result = pd.DataFrame(times, columns=["onset", "offset"])
        result.insert(0, "word", words)
        backwards = result["offset"] < result["onset"]
        for index in result.index[backwards]:
            logger.warning(
                (
                    "word %d ('%s') ends before it begins in the published table; "
                    "its offset is set to its onset"
                ),
                index,
                words[index],
            )
        result["offset"] = result[["onset", "offset"]].max(axis=1)
        ends = [
            int(line)
            for line in text_files.read_text(ALICE_SENTENCE_ENDS).splitlines()
            if not line.startswith("#")
        ]
        result["sentence_end"] = result.index.isin(ends)
        return result


class AliceDataset(AliceWords):
    """The published files, as they come."""

    tr = TR
    slack_trs = 0
    most_constant = 0.0
    simulated = False

    def __init__(self, folder: Path, spheres: str) -> None:
        super().__init__(folder)
        self.spheres = spheres

    def start(self, subject: str, story: str) -> float:
        """Return 20 s.

        The ten volumes before the first published row lasted that long on the words' clock.
        """
        return DROPPED_VOLUMES * self.tr

    def scan_names(self, subject: str, story: str) -> str:
        """Return the scan's name."""
        return scan_name(subject, story)

    def targets(self) -> pd.DataFrame:
        """Return the six regions, by hemisphere."""
        return pd.DataFrame(
            {
                "target": REGIONS,
                "hemisphere": [name[0] for name in REGIONS],
                "roi": [name[1:] for name in REGIONS],
            }
        )

    def timeseries(self, subject: str, story: str) -> np.ndarray:
        """Return a listener's six time courses."""
        path = _present(self.folder / self.spheres / f"s{subject}-timecourses.txt")
        values = np.loadtxt(path, dtype=np.float32)
        return time_courses.check_timeseries(values, list(REGIONS), str(path), subject)

    def confounds(self, subject: str, story: str) -> np.ndarray | None:
        """Return the six motion parameters of the volumes that the time courses kept."""
        matches = sorted(self.folder.glob(f"s{subject}-rp_*.txt"))
        if len(matches) != 1:
            raise EngramError(
                f"sub-{subject}: one file of motion parameters was expected in '{self.folder}', "
                f"found {len(matches)}. Run again with '--forcerun fetch_alice'."
            )
        motion: np.ndarray = np.loadtxt(matches[0], dtype=np.float32)[DROPPED_VOLUMES:]
        return motion


def _contraction(part: str) -> str:
    part = part.replace("\u2019", "'")
    if part.isalpha() and len(part) > 2:
        # "There are", said as "There're": the transcript gives it as a full word without a time.
        return " " + part
    return _CONTRACTIONS.get(part, "'" + part.lstrip("'"))


def _present(path: Path) -> Path:
    if not path.exists():
        raise EngramError(
            f"'{path}' was fetched once and is gone. Bring it back with '--forcerun fetch_alice'."
        )
    return path


def open_dataset(config: Mapping[str, Any], folder: Path, atlas: str | None) -> AliceDataset:
    """Return the reader of scans; ``spheres`` is their radius."""
    return AliceDataset(folder, config["spheres"])


def open_words(config: Mapping[str, Any], folder: Path) -> AliceWords:
    """Return the reader of words."""
    return AliceWords(folder)
