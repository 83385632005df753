"""Units of several spaces side by side, each at its reported layer."""

from __future__ import annotations

import numpy as np

from engram.errors import EngramError
from engram.features.layers import reported_layer
from engram.features.space import Given, Space


def lay(given: Given) -> Space:
    """Return the units of all spaces for each word of a story.

    A word is known if any of the spaces knows it.

    Raises
    ------
    EngramError
        If rows of a space are times, and not the story's words.
    """
    vectors, units, known = [], [], np.zeros(len(given.words), dtype=bool)
    for name, read in given.several.items():
        if "onset" in read.coords:
            raise EngramError(
                f"features: {name} has rows of its own in time, and cannot stand beside spaces of "
                "words. Name it in a group of a partition (partitions) instead."
            )
        layer = reported_layer(read.sizes["layer"] - 1, given.config["layer"])
        vectors.append(read["activation"].values[layer])
        named = "unit" in read.coords
        of_space = read["unit"].values.tolist() if named else range(vectors[-1].shape[1])
        units += [f"{name}:{unit}" for unit in of_space]
        known |= read["known"].values.astype(bool) if "known" in read.coords else True
    summed = any(read.attrs.get("words_to_trs") == "sum" for read in given.several.values())
    return Space(np.concatenate(vectors, axis=1)[None], units, known, summed=summed)
