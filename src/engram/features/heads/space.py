"""The heads of a model's attention at each word, centred, and scaled to the same variance."""

from __future__ import annotations

import numpy as np

from engram.errors import EngramError
from engram.features.language_models import activations, attention_heads
from engram.features.layers import reported_layer
from engram.features.space import Given, Space
from engram.words.language import language_of


def lay(given: Given) -> Space:
    """Return the heads of a story's words."""
    if given.model is None:
        raise EngramError("heads need a model that reads.")
    reader, options = activations.load_configured(given.model, given.config)
    whole = given.space["layers"] == "all"
    block = None if whole else reported_layer(reader.depth, given.config["layer"])
    read = attention_heads.story_heads(
        given.words["word"].tolist(),
        reader,
        block=block,
        language=language_of(given.words),
        **options,
    )
    number = attention_heads.head_count(reader.model)
    vectors = scaled(read, number)
    if whole:  # so that a layer has the number that it has in the model
        vectors = np.concatenate([np.zeros_like(vectors[:1]), vectors])
    return Space(vectors, heads=number, layer=block)


def scaled(vectors: np.ndarray, number: int) -> np.ndarray:
    """Return vectors (n_layers, n_words, n_heads * n_units) of heads with the same variance.

    Each is centred over a story's words and divided by the root of its mean square over words and
    units. A head of large vectors would else have a lower penalty, and look special.
    """
    n_layers, n_words, width = vectors.shape
    by_head = vectors.reshape(n_layers, n_words, number, width // number)
    by_head = by_head - by_head.mean(1, keepdims=True)
    size = np.sqrt((by_head**2).mean((1, 3), keepdims=True, dtype=np.float64))
    result = by_head / np.where(size > 0, size, 1)
    return result.reshape(vectors.shape).astype(np.float32)
