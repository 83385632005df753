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
    scale(read, number)
    return Space(read, heads=number, layer=block)


def scale(vectors: np.ndarray, number: int) -> None:
    """Give heads the same variance, in place, a layer at a time: of large models they fill memory.

    Each is centred over a story's words and divided by the root of its mean square over words and
    units. A head of large vectors would else have a lower penalty, and look special.

    Parameters
    ----------
    vectors : array of shape (n_layers, n_words, n_heads * units of a head)
    number : int
        Of heads.
    """
    for layer in vectors:
        layer -= layer.mean(0, dtype=np.float64)
        by_head = layer.reshape(len(layer), number, -1)
        size = np.sqrt((by_head**2).mean((0, 2), dtype=np.float64))
        by_head /= np.where(size > 0, size, 1)[:, None]
