"""Variants of a model's activations of a story.

A variant is what is scored: a text with associations that one model reads, or a tuning of a model
that reads one text.

The first variant is what the others are compared with. All are scored on the same rows and folds
at the reported layer; a few of them (`layer_variant` in files) at every layer.
"""

from __future__ import annotations

from collections.abc import Container, Iterable

import numpy as np
import xarray as xr

from engram.features.layers import reported_layer
from engram.features.vectors import DESCRIPTION

#: A variant: its name, the vectors of the story's words (n_layers, n_words, n_units),
#: those of inserted words that are rows of their own (n_layers, n_rows, n_units), and the
#: times of these in seconds.
Variant = tuple[str, np.ndarray, np.ndarray, np.ndarray]


def collect(
    variants: Iterable[Variant], at_every_layer: Container[str], layer: int | None
) -> xr.Dataset:
    """Return the activations of variants, with all layers of those scored at every layer only.

    Parameters
    ----------
    variants : iterable of Variant
        Made one after the other, so that only one is in memory with all its layers.
    at_every_layer : container of str
        Names of the variants that are scored at every layer.
    layer : int or None
        The layer to report (`engram.features.layers.reported_layer`), the only one that
        is kept of the others.

    Returns
    -------
    xarray.Dataset
        ``all_layers`` (layer_variant, layer, word, unit) and ``reported`` (variant, word, unit),
        float32; ``all_layers_inserted`` (layer, layer_row, unit) and ``reported_inserted``
        (row, unit): inserted words that are rows of their own, with the index of their variant
        (``row_variant``, ``layer_row_variant``) and their time (``row_onset``).
    """
    names: list[str] = []
    kept: list[int] = []
    all_layers, all_layers_inserted, reported, reported_inserted, onsets = [], [], [], [], []
    depth = 0
    for name, own, inserted, times in variants:
        depth = reported_layer(len(own) - 1, layer)
        if name in at_every_layer:
            kept.append(len(names))
            all_layers.append(own)
            all_layers_inserted.append(inserted)
        names.append(name)
        reported.append(own[depth])
        reported_inserted.append(inserted[depth])
        onsets.append(times)
    owner = np.repeat(np.arange(len(names)), [len(times) for times in onsets])
    index = {"description": "Index of the variant that has the row"}
    return xr.Dataset(
        {
            "all_layers": (
                ("layer_variant", "layer", "word", "unit"),
                np.stack(all_layers),
                DESCRIPTION,
            ),
            "all_layers_inserted": (
                ("layer", "layer_row", "unit"),
                np.concatenate(all_layers_inserted, axis=1),
                DESCRIPTION,
            ),
            "reported": (("variant", "word", "unit"), np.stack(reported), DESCRIPTION),
            "reported_inserted": (("row", "unit"), np.concatenate(reported_inserted), DESCRIPTION),
        },
        coords={
            "layer_variant": [names[number] for number in kept],
            "variant": names,
            "layer": np.arange(len(all_layers[0])),
            "row_variant": ("row", owner, index),
            "row_onset": ("row", np.concatenate(onsets), {"units": "s"}),
            "layer_row_variant": ("layer_row", owner[np.isin(owner, kept)], index),
        },
        attrs={"reported_layer": depth},
    )


def kind_of(variant: str) -> str:
    """Return the kind of a variant: its name without the number, if it has one."""
    kind, _, number = variant.rpartition("-")
    return kind if kind and number.isdigit() else variant
