"""A story read by a model and by its tunings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from engram.features import variants
from engram.features.language_models.activations import story_activations
from engram.features.language_models.reader import Reader
from engram.vocabulary import BASE


def read_story(
    words: Sequence[str], readers: Mapping[str, Any], layer: int | None, **options: Any
) -> xr.Dataset:
    """Return the activations of a story in a base model and its tunings.

    Parameters
    ----------
    words : sequence of str
    readers : mapping
        Functions that load a model (`engram.features.language_models.reader.Reader`),
        by the variant's name, the base first; one is in memory at a time.
    layer : int or None
        The layer to report.
    **options
        The `activations` section.

    Returns
    -------
    xarray.Dataset
        As `engram.features.variants.collect` makes it; the base and the first seed of each
        condition are scored at every layer.
    """

    def variant(name: str) -> variants.Variant:
        reader: Reader = readers[name]()
        vectors = story_activations(words, reader, **options)["activation"].values
        return name, vectors, vectors[:, :0], np.empty(0)

    at_every_layer = [name for name in readers if name == BASE or name.endswith("-1")]
    return variants.collect((variant(name) for name in readers), at_every_layer, layer)
