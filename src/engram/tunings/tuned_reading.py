"""A story read by a model and by its tunings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import xarray as xr

from engram.features import variants
from engram.features.language_models.activations import story_activations
from engram.features.language_models.reader import Reader
from engram.features.layers import reported_layer
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
        The `activations` section, and the story's `language`.

    Returns
    -------
    xarray.Dataset
        As `engram.features.variants.collect` makes it; the base and the first seed of each
        condition are scored at every layer.
    """
    at_every_layer = [name for name in readers if name == BASE or name.endswith("-1")]

    def variant(name: str, only: int | None) -> variants.Variant:
        reader: Reader = readers[name]()
        vectors = story_activations(words, reader, layer=only, **options)["activation"].values
        return name, vectors, vectors[:, :0], np.empty(0)

    base = variant(BASE, None)
    reported = reported_layer(len(base[1]) - 1, layer)
    tuned = (
        variant(name, None if name in at_every_layer else reported)
        for name in readers
        if name != BASE
    )
    return variants.collect(chain([base], tuned), len(readers), at_every_layer, reported)
