"""Plain facts about each word of a story, centred."""

from __future__ import annotations

import numpy as np

from engram.features.space import Given, Space, centred
from engram.features.word_features import word_features


def lay(given: Given) -> Space:
    """Return facts about a story's words."""
    names = given.space["facts"]
    known = np.ones(len(given.words), dtype=bool)
    vectors, mean = centred(word_features(given.words, names), known)
    return Space(vectors[None], names, known, mean=mean[None])
