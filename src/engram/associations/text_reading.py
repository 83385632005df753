"""A model reads a story with associations written into it, and the control texts.

What is kept is the activations of the story's own words.

Windows are planned in words of the story, with room for insertions, so that for every
word all texts read the same stretch of story. F at layer 0 is then exactly 0 for a model
without learned positions.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from engram.associations.insertions import Text, inserted_rows, with_insertions
from engram.errors import EngramError
from engram.features import variants
from engram.features.language_models.activations import word_vectors
from engram.features.language_models.reader import Reader
from engram.features.language_models.tokens import tokenize
from engram.features.language_models.windows import DEFAULT_CONTEXT, Window, plan_windows
from engram.vocabulary import ORIGINAL, WITH_ASSOCIATIONS

logger = logging.getLogger(__name__)


def text_reader(
    words: Sequence[str],
    reader: Reader,
    *,
    mode: str,
    context: int | None,
    stride: int | None,
    pooling: str,
    batch_tokens: int,
    room: float,
) -> Callable[[str, Text], np.ndarray]:
    """Return a function that reads a named text and returns the vectors of all its words.

    They have the shape (n_layers, n_words, n_units).

    Parameters
    ----------
    words : sequence of str
        The story. Windows are planned in its words, so that all texts read the same stretch
        of it for the same word.
    reader : Reader
    mode, context, stride, pooling, batch_tokens
        The `activations` section.
    room : float
        How much longer than the story a text may be within a window.
    """
    frame = reader.frame
    limit = (context if context is not None else min(DEFAULT_CONTEXT, reader.limit)) - frame
    fit = int(limit / (1 + room))
    story = tokenize(words, reader.tokenizer)
    windows = plan_windows(
        story,
        reader,
        mode=mode,
        context=fit + frame,
        stride=None if stride is None else int(stride / (1 + room)),
    )

    def read(name: str, text: Text) -> np.ndarray:
        tokenized = tokenize(text.words, reader.tokenizer)
        # In this text a word begins where it stands, and takes the insertion behind it along.
        borders = np.append(text.place, len(text.words))
        mine = [
            Window(*(int(borders[word]) for word in (window.begin, window.read, window.end)))
            for window in windows
        ]
        longest = max(
            int(tokenized.first[window.end] - tokenized.first[window.begin]) for window in mine
        )
        if longest > limit:
            raise EngramError(
                f"text {name}: a window takes {longest} tokens with its insertions, "
                f"more than the {limit} there are. Leave more room for them (association_effect: "
                f"{{room: {np.ceil(10 * (longest / limit * (1 + room) - 1)) / 10 + 0.1:.1f}}}), "
                "or give a longer activations.context."
            )
        return word_vectors(tokenized, mine, reader, pooling=pooling, batch_tokens=batch_tokens)

    return read


def count_words(name: str, text: Text) -> np.ndarray:
    """Return what the word rate makes of a text: a layer with a unit that is 1 for every word."""
    return np.ones((1, len(text.words), 1), dtype=np.float32)


def read_texts(
    words: pd.DataFrame,
    texts: Mapping[str, Mapping[int, str]],
    read: Callable[[str, Text], np.ndarray],
    *,
    alignment: str,
    layer: int | None,
) -> xr.Dataset:
    """Return the activations of the story's words in every text.

    Parameters
    ----------
    words : pandas.DataFrame
        The story's words and their times.
    texts : mapping
        Insertions by name; the original first.
    read : callable
        `text_reader`'s, or `count_words`.
    alignment : {"context", "anchor", "anchor-additive", "interpolate"}
        `anchor`: the vector of a word with an insertion is the mean of its own and its
        insertion's. Under the additive ones inserted words are kept too, with their times
        (`engram.associations.insertions.inserted_rows`).
    layer : int or None
        The layer to report (`engram.features.layers.reported_layer`), the only one
        that is kept of controls.

    Returns
    -------
    xarray.Dataset
        As `engram.features.variants.collect` makes it; the original and the text with
        associations are scored at every layer.
    """
    story = words["word"].tolist()

    def variant(name: str, insertions: Mapping[int, str]) -> variants.Variant:
        text = with_insertions(story, insertions)
        vectors = read(name, text)
        own = vectors[:, text.place]
        if alignment == "anchor":
            _anchor(own, vectors, text)
        rows = inserted_rows(words, insertions, alignment)
        return (
            name,
            own,
            vectors[:, text.inserted] if len(rows) else vectors[:, :0],
            rows["onset"].to_numpy(),
        )

    result = variants.collect(
        (variant(name, insertions) for name, insertions in texts.items()),
        (ORIGINAL, WITH_ASSOCIATIONS),
        layer,
    )
    # As for the story alone: the mean over a TR's words would not say how many there are.
    if read is count_words:
        result.attrs["words_to_trs"] = "sum"
    return result


def _anchor(own: np.ndarray, vectors: np.ndarray, text: Text) -> None:
    """Make a word's vector, where it has an insertion, the mean of its own and the insertion's.

    The insertion's is a mean too. It is done in place.
    """
    borders = np.append(text.place, len(text.words))
    for word, (begin, end) in enumerate(zip(borders[:-1] + 1, borders[1:], strict=True)):
        if end > begin:
            own[:, word] = (own[:, word] + vectors[:, begin:end].mean(1)) / 2
