"""A model reads a story with associations written into it, and the control texts.

What is kept is the activations of the story's own words.

Windows are planned in words of the story, with room for insertions, so that for every
word all texts read the same stretch of story. F at layer 0 is then exactly 0 for a model
without learned positions.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
import xarray as xr

from engram.associations.insertions import Text, inserted_rows, with_insertions
from engram.errors import EngramError
from engram.features import variants
from engram.features.language_models.reader import Reader
from engram.features.language_models.tokens import tokenize
from engram.features.language_models.windows import Window, plan_windows
from engram.features.language_models.word_vectors import ToRead, text_vectors
from engram.features.layers import reported_layer
from engram.vocabulary import DEFAULT_CONTEXT, ORIGINAL, WITH_ASSOCIATIONS
from engram.words.language import ENGLISH

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wanted:
    """A text to be read, and what is wanted of it.

    Attributes
    ----------
    name : str
        For messages.
    text : Text
    layer : int or None
        The only layer that is wanted, or None for all.
    kept : array of int, optional
        The words whose vectors are wanted, rising; None: all.
    """

    name: str
    text: Text
    layer: int | None = None
    kept: np.ndarray | None = None


class TextReading(Protocol):
    """What reads texts.

    Attributes
    ----------
    tokens : dict
        Tokens of each text that was read, by its name; empty for what knows no tokens.
    """

    tokens: dict[str, int]

    @property
    def depth(self) -> int:
        """The last layer, from 0."""

    def __call__(self, wanted: Sequence[Wanted]) -> list[np.ndarray]:
        """Return the vectors of each text, (n_layers, n_words, n_units)."""


class ModelReading:
    """A language model that reads texts of one story, all of them in common batches.

    Parameters
    ----------
    words : sequence of str
        The story. Windows are planned in its words, so that all texts read the same stretch
        of it for the same word.
    reader : Reader
    mode, context, stride, encoder_stride, pooling, batch_tokens
        The `activations` section.
    room : float
        How much longer than the story a text may be within a window.
    language : str
        Code of the story's language (`engram.words.language`).
    """

    def __init__(
        self,
        words: Sequence[str],
        reader: Reader,
        *,
        mode: str,
        context: int | None,
        stride: int | None,
        pooling: str,
        batch_tokens: int,
        room: float,
        encoder_stride: int = 1,
        language: str = ENGLISH,
    ) -> None:
        frame = reader.frame
        limit = (context if context is not None else min(DEFAULT_CONTEXT, reader.limit)) - frame
        self._reader, self._room, self._limit = reader, room, limit
        self._pooling, self._batch_tokens, self._language = pooling, batch_tokens, language
        self.tokens: dict[str, int] = {}
        self._windows = plan_windows(
            tokenize(words, reader.tokenizer, language),
            reader,
            mode=mode,
            context=int(limit / (1 + room)) + frame,
            stride=None if stride is None else int(stride / (1 + room)),
            encoder_stride=encoder_stride,
        )

    @property
    def depth(self) -> int:
        """The last layer, from 0."""
        return self._reader.depth

    def __call__(self, wanted: Sequence[Wanted]) -> list[np.ndarray]:
        """Return the vectors of each text, (n_layers, n_words, n_units)."""
        return text_vectors(
            [self._to_read(one) for one in wanted],
            self._reader,
            pooling=self._pooling,
            batch_tokens=self._batch_tokens,
        )

    def _to_read(self, wanted: Wanted) -> ToRead:
        """Return the tokens and windows of a text."""
        text = wanted.text
        tokenized = tokenize(text.words, self._reader.tokenizer, self._language)
        self.tokens[wanted.name] = len(tokenized.ids)
        # In this text a word begins where it stands, and takes the insertion behind it along.
        borders = np.append(text.place, len(text.words))
        mine = [
            Window(*(int(borders[word]) for word in (window.begin, window.read, window.end)))
            for window in self._windows
        ]
        longest = max(
            int(tokenized.first[window.end] - tokenized.first[window.begin]) for window in mine
        )
        if longest > self._limit:
            room = longest / self._limit * (1 + self._room) - 1
            raise EngramError(
                f"text {wanted.name}: a window takes {longest} tokens with its insertions, "
                f"more than the {self._limit} there are. Leave more room for them "
                f"(association_effect: {{room: {np.ceil(10 * room) / 10 + 0.1:.1f}}}), "
                "or give a longer activations.context."
            )
        return ToRead(tokenized, mine, wanted.layer, wanted.kept)


class WordRateReading:
    """What the word rate makes of texts: a layer with a unit that is 1 for every word."""

    depth = 0

    def __init__(self) -> None:
        self.tokens: dict[str, int] = {}

    def __call__(self, wanted: Sequence[Wanted]) -> list[np.ndarray]:
        """Return ones for the words of each text, (1, n_words, 1)."""
        return [
            np.ones(
                (1, len(one.text.words) if one.kept is None else len(one.kept), 1), dtype=np.float32
            )
            for one in wanted
        ]


def read_texts(
    words: pd.DataFrame,
    texts: Mapping[str, Mapping[int, str]],
    read: TextReading,
    *,
    alignment: str,
    layer: int | None,
    layers: str = "all",
) -> xr.Dataset:
    """Return the activations of the story's words in every text.

    Parameters
    ----------
    words : pandas.DataFrame
        The story's words and their times.
    texts : mapping
        Insertions by name; the original first.
    read : TextReading
    alignment : {"context", "anchor", "anchor-additive", "interpolate"}
        `anchor`: the vector of a word with an insertion is the mean of its own and its
        insertion's. Under the additive ones inserted words are kept too, with their times
        (`engram.associations.insertions.inserted_rows`).
    layer : int or None
        The layer to report (`engram.features.layers.reported_layer`), the only one
        that is read of controls.
    layers : {"all", "reported"}
        What is read of the original and of the text with associations.

    Returns
    -------
    xarray.Dataset
        As `engram.features.variants.collect` makes it; the original and the text with
        associations are those scored at every layer. ``tokens`` (variant) says how many tokens a
        model read.
    """
    story = words["word"].tolist()
    at_every_layer = [name for name in texts if name in (ORIGINAL, WITH_ASSOCIATIONS)]
    reported = reported_layer(read.depth, layer)
    written = {name: with_insertions(story, insertions) for name, insertions in texts.items()}
    found = read(
        [
            Wanted(
                name,
                text,
                None if layers == "all" and name in at_every_layer else reported,
                text.place if alignment == "context" else None,
            )
            for name, text in written.items()
        ]
    )

    result = variants.collect(
        _variants(words, texts, written, found, alignment), len(texts), at_every_layer, reported
    )
    if read.tokens:
        result = result.assign_coords(tokens=("variant", [read.tokens[name] for name in texts]))
    # As for the story alone: the mean over a TR's words would not say how many there are.
    if isinstance(read, WordRateReading):
        result.attrs["words_to_trs"] = "sum"
    return result


def _variants(
    words: pd.DataFrame,
    texts: Mapping[str, Mapping[int, str]],
    written: Mapping[str, Text],
    found: list[np.ndarray],
    alignment: str,
) -> Iterator[variants.Variant]:
    """Yield what is kept of each text, in order, and let go of what was read of it."""
    found.reverse()
    for name, text in written.items():
        vectors = found.pop()
        if alignment == "context":
            yield name, vectors, vectors[:, :0], np.empty(0)
            continue
        own = vectors[:, text.place]
        if alignment == "anchor":
            _anchor(own, vectors, text)
        rows = inserted_rows(words, texts[name], alignment)
        inserted = vectors[:, text.inserted] if len(rows) else vectors[:, :0]
        yield name, own, inserted, rows["onset"].to_numpy()


def _anchor(own: np.ndarray, vectors: np.ndarray, text: Text) -> None:
    """Make a word's vector, where it has an insertion, the mean of its own and the insertion's.

    The insertion's is a mean too. It is done in place.
    """
    borders = np.append(text.place, len(text.words))
    for word, (begin, end) in enumerate(zip(borders[:-1] + 1, borders[1:], strict=True)):
        if end > begin:
            own[:, word] = (own[:, word] + vectors[:, begin:end].mean(1)) / 2
