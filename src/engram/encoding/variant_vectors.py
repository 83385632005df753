"""Word vectors of a model's variants, as they are scored.

A file of variants (`engram.features.variants.collect`) holds the vectors of the story's own words
apart from those of inserted words that are rows of their own. They are put together here: for each
story an array of shape (n_words + n_inserted, n_units), the story's words first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr


def at_reported_layer(read: Sequence[xr.Dataset], variant: int) -> list[np.ndarray]:
    """Return the vectors of a variant, by its number, at the reported layer: one a story."""
    return [
        np.concatenate(
            [
                one["reported"][variant].values,
                one["reported_inserted"].values[one["row_variant"].values == variant],
            ]
        )
        for one in read
    ]


def at_layer(read: Sequence[xr.Dataset], variant: int, layer: int) -> list[np.ndarray]:
    """Return the vectors of a variant, by its number, at a layer, by its place: one a story.

    Raises
    ------
    ValueError
        If the variant is not among those whose layers are all kept.
    """
    name = read[0]["variant"].values[variant]
    place = read[0]["layer_variant"].values.tolist().index(name)
    return [
        np.concatenate(
            [
                one["all_layers"][place, layer].values,
                one["all_layers_inserted"][layer].values[
                    one["layer_row_variant"].values == variant
                ],
            ]
        )
        for one in read
    ]


def inserted_onsets(read: Sequence[xr.Dataset], variant: int) -> list[np.ndarray]:
    """Return when a variant's inserted words begin, in seconds: (n_inserted, ), one a story."""
    return [one["row_onset"].values[one["row_variant"].values == variant] for one in read]
