"""Readers of raw data: words, time courses, confounds and targets, whatever the kind of dataset.

No later stage asks which kind it is. Every reader checks what it reads; an error names the file,
what was found, what was expected and what to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from engram.datasets.protocols import Dataset, Reader, Words


def open_dataset(
    config: Mapping[str, Any], folder: str | Path, atlas: str | None = None
) -> Dataset:
    """Return the reader of a dataset.

    Parameters
    ----------
    config : mapping
        ``reader``, the folder of `engram.datasets` whose reader it is, and what that reader needs
        (`engram.datasets.planned.PlannedDataset.scans_config`).
    folder : path
        Where its files are.
    atlas : str, optional
        An atlas instead of the dataset's own.
    """
    return _reader(config["reader"]).open_dataset(config, Path(folder), atlas)


def open_words(config: Mapping[str, Any], folder: str | Path) -> Words:
    """Return the reader of a dataset's words.

    It needs to know less than other readers, so that fewer changes read words anew.

    Parameters
    ----------
    config : mapping
        ``reader``, and what that reader needs for words
        (`engram.datasets.planned.PlannedDataset.words_config`).
    folder : path
    """
    return _reader(config["reader"]).open_words(config, Path(folder))


def _reader(kind: str) -> Reader:
    # The digest of a job's code follows this import, with the kind of the study.
    module: Any = import_module(f"engram.datasets.{kind}.reader")
    reader: Reader = module
    return reader
