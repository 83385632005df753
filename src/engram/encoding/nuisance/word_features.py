"""Nuisance features of a group's stories, in bands."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from engram.encoding.group import Group
from engram.encoding.nuisance.bands import OTHERS, RATE
from engram.features.word_features import word_features


def nuisance_bands(
    group: Group, words: Sequence[pd.DataFrame], features: Sequence[str]
) -> dict[str, np.ndarray]:
    """Return the delayed nuisance features of a group's stories by band.

    Bands are the word rate, and the others, each where it is asked for.
    """
    bands = {}
    for band, names in ((RATE, [RATE]), (OTHERS, [name for name in features if name != RATE])):
        if set(names) & set(features):
            bands[band] = group.features([word_features(table, names) for table in words], "sum")
    return bands
