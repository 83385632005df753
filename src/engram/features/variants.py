"""Variants of a model's activations of a story.

A variant is what is scored: a text with associations that one model reads, or a tuning of a model
that reads one text.

The first variant is what the others are compared with. All are scored on the same rows and folds
at the reported layer; a few of them (`layer_variant` in files) at every layer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from engram.features.vectors import DESCRIPTION

if TYPE_CHECKING:
    import xarray as xr

#: A variant: its name, the vectors of the story's words (n_layers, n_words, n_units),
#: those of inserted words that are rows of their own (n_layers, n_rows, n_units), and the
#: times of these in seconds. One that is not scored at every layer has the reported one alone.
Variant = tuple[str, np.ndarray, np.ndarray, np.ndarray]


def collect(
    variants: Iterable[Variant], n_variants: int, at_every_layer: Sequence[str], reported: int
) -> xr.Dataset:
    """Return the activations of variants, with all layers of those scored at every layer only.

    Parameters
    ----------
    variants : iterable of Variant
        Made one after the other, so that only one is in memory beside the result.
    n_variants : int
        How many there are.
    at_every_layer : sequence of str
        Names of the variants that are scored at every layer that was read of them.
    reported : int
        The layer to report, the only one that is kept of the others.

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
    all_layers_inserted, reported_inserted, onsets = [], [], []
    # Made at the first variant of each, and filled: lists and their stack would take it twice.
    # Inserted words are copied: mostly there are none, and a slice of none keeps all vectors alive.
    all_layers, layer_of_all = np.empty((0, 0, 0, 0), np.float32), np.empty((0, 0, 0), np.float32)
    for name, own, inserted, times in variants:
        if not names:
            layer_of_all = np.empty((n_variants, *own.shape[1:]), dtype=np.float32)
        if name in at_every_layer:
            if not kept:
                all_layers = np.empty((len(at_every_layer), *own.shape), dtype=np.float32)
            all_layers[len(kept)] = own
            all_layers_inserted.append(inserted.copy())
            kept.append(len(names))
        place = reported if len(own) > 1 else 0
        layer_of_all[len(names)] = own[place]
        reported_inserted.append(inserted[place].copy())
        onsets.append(times)
        names.append(name)
    return _dataset(
        names,
        kept,
        (all_layers, all_layers_inserted),
        (layer_of_all, reported_inserted),
        onsets,
        reported,
    )


def _dataset(
    names: list[str],
    kept: list[int],
    at_every_layer: tuple[np.ndarray, list[np.ndarray]],
    at_reported: tuple[np.ndarray, list[np.ndarray]],
    onsets: list[np.ndarray],
    reported: int,
) -> xr.Dataset:
    """Return the dataset of `collect`, of vectors of the story's words and of inserted ones."""
    import xarray as xr

    owner = np.repeat(np.arange(len(names)), [len(times) for times in onsets])
    index = {"description": "Index of the variant that has the row"}
    all_layers, inserted = at_every_layer
    return xr.Dataset(
        {
            "all_layers": (("layer_variant", "layer", "word", "unit"), all_layers, DESCRIPTION),
            "all_layers_inserted": (
                ("layer", "layer_row", "unit"),
                np.concatenate(inserted, axis=1),
                DESCRIPTION,
            ),
            "reported": (("variant", "word", "unit"), at_reported[0], DESCRIPTION),
            "reported_inserted": (("row", "unit"), np.concatenate(at_reported[1]), DESCRIPTION),
        },
        coords={
            "layer_variant": [names[number] for number in kept],
            "variant": names,
            "layer": np.arange(all_layers.shape[1]) if all_layers.shape[1] > 1 else [reported],
            "row_variant": ("row", owner, index),
            "row_onset": ("row", np.concatenate(onsets), {"units": "s"}),
            "layer_row_variant": ("layer_row", owner[np.isin(owner, kept)], index),
        },
        attrs={"reported_layer": reported},
    )


def kind_of(variant: str) -> str:
    """Return the kind of a variant: its name without the number, if it has one."""
    kind, _, number = variant.rpartition("-")
    return kind if kind and number.isdigit() else variant
