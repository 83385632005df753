"""Files of a small group of listeners, and its comparison with a model by a metric beside R."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from conftest import regions

from engram.decoding.comparison import Comparison
from engram.features.vectors import to_dataset
from engram.files import storage

TR = 1.5
NAMES = ["01", "02", "03", "04", "average"]
OPTIONS: dict[str, Any] = {
    "words_to_trs": "sum",
    "longest_delay": 4.5,
    "delays": None,
    "folds": 4,
    "inner_folds": 2,
    "alphas": [0.1, 10.0, 1000.0],
    "alpha_by": "r",
    "backend": "numpy",
}
#: What `Comparison.of_files` takes beside.
ASKED: dict[str, Any] = {
    "layers": "all",
    "layer": None,
    "number": 19,
    "seed": 0,
    "subjects": NAMES,
    "targets": "all",
}


def files(
    folder: Path, onsets: np.ndarray, vectors: np.ndarray, bold: np.ndarray, story: str = "tale"
) -> dict[str, list[str]]:
    """Write what a job reads of a story, and return the paths.

    Parameters
    ----------
    onsets : array of shape (n_words, )
    vectors : array of shape (n_layers, n_words, n_units)
    bold : array of shape (n_subjects, n_rows, n_targets)
    """
    activations, of_bold, words = (
        str(folder / f"{story}_{name}") for name in ("a.nc", "b.nc", "w.tsv")
    )
    storage.write_dataset(activations, to_dataset(vectors.astype(np.float32)))
    n_rows, n_targets = bold.shape[1:]
    places = {name: ("target", regions(n_targets)[name]) for name in ("hemisphere", "roi")}
    dataset = xr.Dataset(
        {"bold": (("subject", "time", "target"), bold.astype(np.float32))},
        coords={"subject": NAMES[-len(bold) :], "time": TR * np.arange(n_rows), **places},
        attrs={"story": story, "tr": TR},
    )
    storage.write_dataset(of_bold, dataset)
    table = pd.DataFrame({"word": "a", "onset": onsets, "offset": onsets + 0.2})
    storage.write_table(words, table, "Words.", dict.fromkeys(table.columns, "x"))
    return {"activations": [activations], "bold": [of_bold], "words": [words]}


def together(*stories: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return the files of several stories."""
    return {name: [path for one in stories for path in one[name]] for name in stories[0]}


def compared(paths: dict[str, list[str]], **changes: Any) -> Comparison:
    """Open files as the job does, with some settings or options changed."""
    given: dict[str, Any] = {**ASKED, **OPTIONS, **changes, **paths}
    return Comparison.of_files(**given)


def split(changes: dict[str, Any], own: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a metric's own settings, and those of a comparison, with changes of either."""
    mine = {name: changes.get(name, value) for name, value in own.items()}
    return mine, {name: value for name, value in changes.items() if name not in own}


def standardised(bold: np.ndarray) -> np.ndarray:
    """Return BOLD (n_subjects, n_rows, n_targets) with a mean of 0 and a variance of 1."""
    result: np.ndarray = (bold - bold.mean(1, keepdims=True)) / bold.std(1, keepdims=True)
    return result
