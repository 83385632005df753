"""Vectors of a story's words as an array with named dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from engram.errors import EngramError
from engram.files import storage

if TYPE_CHECKING:
    import xarray as xr

#: What an array of vectors says of itself.
DESCRIPTION = {
    "units": "arbitrary",
    "description": "A vector for each word; layer 0 is the embeddings",
}


def to_dataset(vectors: np.ndarray, half: bool = False, layer: int | None = None) -> xr.Dataset:
    """Return activations (n_layers, n_words, n_units) with their dimensions named.

    Those of a model in half precision take half of the disk. They are of all layers, or of one.
    """
    import xarray as xr

    encoding = {**storage.COMPRESSED, "chunksizes": (1, *vectors.shape[1:])} if half else {}
    return xr.Dataset(
        {"activation": (("layer", "word", "unit"), vectors, DESCRIPTION, encoding)},
        coords={"layer": np.arange(len(vectors)) if layer is None else [layer]},
    )


def together(read: xr.Dataset, layers: Sequence[int] | None) -> xr.Dataset:
    """Return activations whose one layer has the units of some layers side by side.

    Parameters
    ----------
    read : xarray.Dataset
        As `to_dataset` makes it.
    layers : sequence of int, optional
        None: the activations stay as they are.

    Raises
    ------
    EngramError
        If the model has not all of these layers.
    """
    if layers is None:
        return read
    depth = read.sizes["layer"] - 1
    if max(layers) > depth:
        raise EngramError(
            f"layers_together: {list(layers)} has layers beyond {depth}, the model's last one. "
            "Write layers that it has."
        )
    vectors = np.concatenate([read["activation"].values[layer] for layer in layers], axis=-1)
    half = "chunksizes" in read["activation"].encoding
    return to_dataset(vectors[None], half=half).assign_attrs(read.attrs)
