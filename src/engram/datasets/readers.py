"""Readers of raw data: words, time courses, confounds and targets, whatever the kind of dataset.

No later stage asks which kind it is. Every reader checks what it reads; an error names the file,
what was found, what was expected and what to do.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engram.datasets.narratives.facts import Fact
from engram.datasets.protocols import Dataset, Words
from engram.datasets.tables.reader import TableDataset, TableWords


def open_dataset(config: dict[str, Any], folder: str | Path, atlas: str | None = None) -> Dataset:
    """Return the reader of a dataset.

    Parameters
    ----------
    config : dict
        What readers need of the checked `dataset` section of the
        configuration (`engram.study.plan.reader_config`).
    folder : path
        Where its files are.
    atlas : str, optional
        An atlas instead of the dataset's own.
    """
    if config["kind"] == "alice":
        from engram.datasets.alice.reader import AliceDataset

        return AliceDataset(Path(folder), config["spheres"])
    if config["kind"] == "narratives":
        from engram.datasets.narratives.reader import NarrativesDataset

        scans = [Fact(*row) for row in config["scans"]]
        return NarrativesDataset(
            Path(folder),
            scans,
            atlas=atlas,
            **{
                name: config[name]
                for name in ("pipeline", "space", "runs", "regions", "tr", "simulated")
            },
        )
    return TableDataset(Path(folder), config["tr"], config["start"])


def open_words(config: dict[str, Any], folder: str | Path) -> Words:
    """Return the reader of a dataset's words.

    It needs to know less than other readers, so that fewer changes read words anew.

    Parameters
    ----------
    config : dict
        ``kind``; for Narratives ``scans``, the facts of a scan of the story.
    folder : path
    """
    if config["kind"] == "alice":
        from engram.datasets.alice.reader import AliceWords

        return AliceWords(Path(folder))
    if config["kind"] == "narratives":
        from engram.datasets.narratives.words import NarrativesWords

        return NarrativesWords(Path(folder), [Fact(*row) for row in config["scans"]])
    return TableWords(Path(folder))
