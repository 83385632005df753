"""A feature space over a story: what its job is given, and what it makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from engram.features.vectors import to_dataset

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Given:
    """What the job of a space and a story is given.

    Attributes
    ----------
    story : str
    words : pandas.DataFrame
        The story's words table.
    config : mapping
        What the job depends on: ``space`` (the section of the configuration), and what the kind
        asks for beside it (``model`` and ``reading``, ``layer``, ``seed``).
    fetched : Path, optional
        The table that was fetched.
    model : Path, optional
        Folder of the model that is read.
    activations : xarray.Dataset, optional
        Of the model whose activations of the story are taken.
    several : mapping of xarray.Dataset
        The spaces that a space is made from, by their names.
    """

    story: str
    words: pd.DataFrame
    config: Mapping[str, Any]
    fetched: Path | None = None
    model: Path | None = None
    activations: xr.Dataset | None = None
    several: Mapping[str, xr.Dataset] = field(default_factory=dict)

    @property
    def space(self) -> Mapping[str, Any]:
        """The section of the configuration."""
        section: Mapping[str, Any] = self.config["space"]
        return section


@dataclass(frozen=True)
class Space:
    """What a space lays over a story.

    Attributes
    ----------
    vectors : array of shape (n_layers, n_words, n_units)
    units : sequence of str, optional
        What each unit is called.
    known : array of bool of shape (n_words, ), optional
        Words that have a value of their own; None: all.
    entries : sequence of str, optional
        The entry of a table that each word is a form of, "" for none. Words with the same entry
        have the same vector before it is centred. None: words are not what vectors follow from.
    mean : array of shape (n_layers, n_units), optional
        What was taken off the vectors of known words; with it an entry's own values come back.
    times : array of shape (n_rows, ), optional
        When each row of vectors begins, in seconds, where rows are times and not the words.
    heads : int
        Attention heads whose units stand side by side, as many of each; 0: units are of none.
    layer : int, optional
        Number of the only layer, where it is that of a model's; None: layers count from 0.
    summed : bool
        Whether the vectors of a TR's words are summed, whatever the configuration says.
    """

    vectors: np.ndarray
    units: Sequence[str] | None = None
    known: np.ndarray | None = None
    entries: Sequence[str] | None = None
    mean: np.ndarray | None = None
    times: np.ndarray | None = None
    heads: int = 0
    layer: int | None = None
    summed: bool = False

    def dataset(self) -> xr.Dataset:
        """Return the space in the form of a model's activations."""
        vectors = np.ascontiguousarray(self.vectors, dtype=np.float32)
        result = to_dataset(vectors, layer=self.layer)
        _, n_words, n_units = vectors.shape
        known = np.ones(n_words, dtype=bool) if self.known is None else self.known
        result = result.assign_coords(
            known=("word", known.astype(np.int8), {"description": "1: a value of its own"})
        )
        if self.summed:
            result.attrs["words_to_trs"] = "sum"
        if self.times is not None:
            result = result.assign_coords(onset=("word", self.times, {"units": "s"}))
            result.attrs["words_to_trs"] = "mean"  # samples of a TR: a sum would count them
        if self.heads:
            of_unit = np.repeat(np.arange(self.heads), n_units // self.heads)
            described = {"description": "The attention head that the unit is of, from 0"}
            result = result.assign_coords(head=("unit", of_unit, described))
        if self.units is not None:
            result = result.assign_coords(unit=("unit", list(self.units)))
        if self.entries is not None:
            described = {"description": "The entry of a table that the word is a form of"}
            result = result.assign_coords(entry=("word", list(self.entries), described))
        if self.mean is not None:
            described = {
                "description": "Taken off the vectors of known words",
                "units": "arbitrary",
            }
            result["mean"] = (("layer", "unit"), self.mean, described)
        return result


def centred(vectors: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return vectors (n_words, n_units) minus the mean over a story's known words, and that mean.

    The vectors of a row's words are summed, so vectors that are not centred carry the word rate.
    A word without a value has the story's mean, which is 0 then.
    """
    result = np.zeros(vectors.shape)
    mean = vectors[known].mean(0) if known.any() else np.zeros(vectors.shape[1])
    result[known] = vectors[known] - mean
    return result, mean
