"""Vectors of a story's words as an array with named dimensions."""

from __future__ import annotations

import numpy as np
import xarray as xr

from engram.files import storage

#: What an array of vectors says of itself.
DESCRIPTION = {
    "units": "arbitrary",
    "description": "A vector for each word; layer 0 is the embeddings",
}


def to_dataset(vectors: np.ndarray, half: bool = False) -> xr.Dataset:
    """Return activations (n_layers, n_words, n_units) with their dimensions named.

    Those of a model in half precision take half of the disk.
    """
    encoding = {**storage.COMPRESSED, "chunksizes": (1, *vectors.shape[1:])} if half else {}
    return xr.Dataset(
        {"activation": (("layer", "word", "unit"), vectors, DESCRIPTION, encoding)},
        coords={"layer": np.arange(len(vectors))},
    )
