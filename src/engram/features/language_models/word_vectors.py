"""Word vectors: what a model's layers hold at each word of one text, or of several.

Texts of one story are read together: their windows fill common batches, and a window that several
texts share is read once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap
from typing import Any

import numpy as np

from engram.errors import EngramError
from engram.features.language_models.early_stop import block_states
from engram.features.language_models.embeddings import check_tokens
from engram.features.language_models.hidden_states import blocks_of, hidden_states
from engram.features.language_models.reader import Reader
from engram.features.language_models.streaming import Take, stream
from engram.features.language_models.tokens import TokenizedStory
from engram.features.language_models.window_batches import Piece, batches_of, padded, picks
from engram.features.language_models.windows import Window
from engram.jobs.out_of_memory import Shrinking
from engram.jobs.progress import progress

#: Reads a batch (token ids and which are no padding), and hands over its states: of all layers
#: (None), or of one.
HandOver = Callable[[Reader, Any, Any, int | None, Take], None]

#: Where a batch was too large for the memory: what to write so that no later run tries it, and
#: what to do where even one window does not fit.
_SMALLER = (
    (
        "'activations.batch_tokens: {size}' in the configuration spares this; vectors are "
        "the same up to rounding."
    ),
    (
        "Give the job more memory (resources: mem_mb), or a smaller activations.context, "
        "compute.reading_dtype: bfloat16, or the CPU (compute.device: cpu)."
    ),
)


@dataclass(frozen=True)
class ToRead:
    """A text, and what is wanted of it.

    Attributes
    ----------
    story : TokenizedStory
        The text's tokens.
    windows : sequence of Window
    layer : int or None
        The only layer that is wanted, or None for all.
    kept : array of int, optional
        The words whose vectors are wanted, rising; None: all.
    """

    story: TokenizedStory
    windows: Sequence[Window]
    layer: int | None = None
    kept: np.ndarray | None = None


class _Vectors:
    """The vectors of a text, filled window by window."""

    def __init__(self, wanted: ToRead) -> None:
        self.layer = wanted.layer
        n_words = len(wanted.story.pooled)
        kept = np.arange(n_words) if wanted.kept is None else wanted.kept
        self._number = len(kept)
        #: Where the vector of each word goes, or -1.
        self._places = np.full(n_words, -1)
        self._places[kept] = np.arange(self._number)
        self._values: np.ndarray | None = None

    def keep(self, window: Window, layer: int, n_layers: int, vectors: np.ndarray) -> None:
        """Put what a window gives of a layer in its place: (n_words, n_units).

        It is one of all layers, or (of 1) the one that is wanted.
        """
        if self.layer is not None and n_layers > 1:
            if layer != self.layer:
                return
            layer, n_layers = 0, 1
        if self._values is None:
            shape = (n_layers, self._number, vectors.shape[-1])
            self._values = _freed_at_once(shape)
        places = self._places[window.read : window.end]
        self._values[layer, places[places >= 0]] = vectors[places >= 0]

    def values(self) -> np.ndarray:
        """Return the vectors, if they are there and finite."""
        if self._values is None:
            raise EngramError("the story has no words.")
        # A layer at a time: the test makes a copy.
        if not all(np.isfinite(layer).all() for layer in self._values):
            raise EngramError(
                "the model gives activations that are not finite. With compute.reading_dtype "
                "float16, try bfloat16 or float32."
            )
        return self._values


def _freed_at_once(shape: tuple[int, ...]) -> np.ndarray:
    """Return float32 zeros whose memory the system gets back as soon as they are let go of.

    The C library, which NumPy asks otherwise, keeps memory of a few MB for later: the vectors of
    many texts would take it twice while they are collected in one array.
    """
    number = prod(shape)
    n_bytes = max(4 * number, 1)
    memory = mmap(-1, n_bytes, flags=MAP_PRIVATE | MAP_ANONYMOUS)
    return np.frombuffer(memory, dtype=np.float32, count=number).reshape(shape)


def word_vectors(
    story: TokenizedStory,
    windows: Sequence[Window],
    reader: Reader,
    *,
    pooling: str = "last",
    batch_tokens: int = 8192,
    layer: int | None = None,
    last: int | None = None,
) -> np.ndarray:
    """Return the activations of every word of one text: (n_layers, n_words, n_units), float32.

    The parameters are those of `text_vectors` and of `ToRead`, and the last layer that is wanted:
    a model that can be stopped gives no layers above it.
    """
    (vectors,) = text_vectors(
        [ToRead(story, windows, layer)],
        reader,
        pooling=pooling,
        batch_tokens=batch_tokens,
        hand_over=None if last is None else partial(hand_over_layers, last=last),
    )
    return vectors


def text_vectors(
    texts: Sequence[ToRead],
    reader: Reader,
    *,
    pooling: str = "last",
    batch_tokens: int = 8192,
    hand_over: HandOver | None = None,
) -> list[np.ndarray]:
    """Return the activations of the words of several texts.

    Where one layer alone is wanted of a window, the model stops behind its block, if it can be
    stopped there (`engram.features.language_models.early_stop`). Where all are wanted they are
    pooled one by one, while the model reads (`engram.features.language_models.streaming`).

    Parameters
    ----------
    texts : sequence of ToRead
    reader : Reader
    pooling : {"last", "mean", "sum"}
        How a word's sub-tokens become one vector.
    batch_tokens : int
        Tokens in a batch, padding included. Where memory runs out a batch is read in
        smaller ones, with a warning.
    hand_over : callable, optional
        Reads a batch, and hands over the states to pool; default: those of layers.

    Returns
    -------
    list of arrays of shape (n_layers, n_words, n_units)
        Float32, one for each text; n_layers is the model's blocks and 1 more, or 1. Words are
        picked and pooled on the model's device, so that only their vectors are copied. Batches
        of another size give the same vectors up to the rounding of their sums.
    """
    for text in texts:
        check_tokens(text.story.ids, reader.model, reader.tokenizer)
    found = [_Vectors(text) for text in texts]
    shared = _shared(texts, pooling)
    limit = Shrinking(batch_tokens, "tokens in a batch", *_SMALLER)
    batches = list(_batches(shared, texts, reader, batch_tokens))
    for layer, batch in progress(batches, "windows", "batch"):

        def read(some: slice, layer: int | None = layer, batch: list[Piece] = batch) -> None:
            pieces = batch[some]

            def keep(place: int, n_layers: int, vectors: list[np.ndarray]) -> None:
                for piece, mine in zip(pieces, vectors, strict=True):
                    for one in shared[piece]:
                        found[one.text].keep(one.window, place, n_layers, mine)

            _read_batch(pieces, reader, pooling, layer, keep, hand_over or hand_over_layers)

        limit.each(len(batch), read, weight=max(len(piece.ids(reader)) for piece in batch))
    return [one.values() for one in found]


def _shared(texts: Sequence[ToRead], pooling: str) -> dict[Piece, list[Piece]]:
    """Return windows of which no two give the same, each with those that give the same."""
    alike: dict[Any, list[Piece]] = {}
    for number, text in enumerate(texts):
        for window in text.windows:
            piece = Piece(number, text.story, window)
            alike.setdefault(piece.same(pooling), []).append(piece)
    return {pieces[0]: pieces for pieces in alike.values()}


def _batches(
    shared: dict[Piece, list[Piece]], texts: Sequence[ToRead], reader: Reader, batch_tokens: int
) -> Iterator[tuple[int | None, list[Piece]]]:
    """Yield batches of windows, each with the layer that is wanted of all of them, or None.

    None stands for all layers: those of windows that texts share of which different ones are
    wanted, too.
    """
    of_layer: dict[int | None, list[Piece]] = {}
    for piece, pieces in shared.items():
        wanted = {texts[one.text].layer for one in pieces}
        of_layer.setdefault(wanted.pop() if len(wanted) == 1 else None, []).append(piece)
    for layer, mine in of_layer.items():
        for batch in batches_of(mine, reader, batch_tokens):
            yield layer, batch


def _read_batch(
    batch: Sequence[Piece],
    reader: Reader,
    pooling: str,
    layer: int | None,
    keep: Callable[[int, int, list[np.ndarray]], None],
    hand_over: HandOver,
) -> None:
    """Read a batch of windows, and hand over, layer by layer, the words' vectors of each window.

    `keep` gets a layer's place, the number of layers, and arrays of shape (n_words, n_units). A
    layer is let go of before the next one is pooled.
    """
    import torch

    ids, mask = padded(batch, reader)
    numbers, flat, word_of_flat, weights = picks(batch, len(reader.prefix), ids.shape[1], pooling)
    device = reader.model.device
    index, target = (
        torch.as_tensor(flat, device=device),
        torch.as_tensor(word_of_flat, device=device),
    )
    scale = torch.as_tensor(weights, device=device)[:, None]
    ends = np.cumsum(numbers)[:-1]

    def take(place: int, n_layers: int, state: Any) -> None:
        tokens = state.reshape(-1, state.shape[-1])[index].float() * scale
        pooled = torch.zeros(sum(numbers), state.shape[-1], device=device)
        vectors = pooled.index_add_(0, target, tokens).cpu().numpy()
        keep(place, n_layers, np.split(vectors, ends))

    with torch.inference_mode():
        hand_over(reader, ids, mask, layer, take)


def hand_over_layers(
    reader: Reader, ids: Any, mask: Any, layer: int | None, take: Take, last: int | None = None
) -> None:
    """Read a batch, and hand over the states of all layers (layer None), or of one.

    As few are held at once as the model was found to allow, and those above the last that is wanted
    are left out, where it can be stopped.
    """
    model = reader.model
    if layer is not None and reader.stops and 0 < layer < len(blocks_of(model)):
        take(0, 1, block_states(model, ids, mask, [layer])[0])
    elif layer is None and reader.streams:
        above = last is not None and reader.stops and 0 < last < len(blocks_of(model))
        stream(model, ids, mask, take, last if above else None)
    else:
        states = hidden_states(model, ids, mask, reader.layers_from)
        wanted = range(len(states)) if layer is None else [layer]
        for place, index in enumerate(wanted):
            state, states[index] = states[index], None
            take(place, len(wanted), state)
