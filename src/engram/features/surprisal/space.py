"""Surprisal and entropy of each word, centred; the first word has none."""

from __future__ import annotations

import numpy as np

from engram.errors import EngramError
from engram.features.language_models import activations
from engram.features.language_models.predictions import word_predictions
from engram.features.space import Given, Space, centred
from engram.words.language import language_of


def lay(given: Given) -> Space:
    """Return surprisal and entropy of a story's words."""
    if given.model is None:
        raise EngramError("surprisal needs a model that reads.")
    words, names = given.words["word"].tolist(), given.space["units"]
    reader, options = activations.load_configured(given.model, given.config)
    language = language_of(given.words)
    found = word_predictions(words, reader, given.model, given.config, language=language, **options)
    values = np.stack([found[name] for name in names], axis=1)
    known = np.isfinite(values).all(1)
    vectors, mean = centred(np.nan_to_num(values), known)
    return Space(vectors[None], names, known, mean=mean[None])
