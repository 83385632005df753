"""Batches of windows: their token ids, their padding, and which tokens stand for which word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engram.features.language_models.reader import Reader
from engram.features.language_models.tokens import TokenizedStory
from engram.features.language_models.windows import Window


@dataclass(frozen=True, eq=False)  # each is itself alone: it is a key
class Piece:
    """A window of a text, to be read.

    Attributes
    ----------
    text : int
        Whose window it is: an index, where several texts are read together.
    story : TokenizedStory
        The tokens of that text.
    window : Window
    """

    text: int
    story: TokenizedStory
    window: Window

    @property
    def tokens(self) -> int:
        """Tokens of the window, without the special ones around it."""
        first = self.story.first
        return int(first[self.window.end] - first[self.window.begin])

    def ids(self, reader: Reader) -> np.ndarray:
        """Return the token ids, (n_tokens, ), special tokens around them included."""
        return window_ids(self.story, self.window, reader)

    def picked(self, word: int, pooling: str) -> np.ndarray:
        """Return the tokens that stand for a word, counted from the window's first one."""
        tokens = self.story.pooled[word][-1:] if pooling == "last" else self.story.pooled[word]
        counted: np.ndarray = tokens - self.story.first[self.window.begin]
        return counted

    def same(self, pooling: str) -> tuple[bytes, tuple[bytes, ...]]:
        """Return what two windows have in common that give the same vectors: tokens and picks."""
        first, window = self.story.first, self.window
        return (
            self.story.ids[first[window.begin] : first[window.end]].tobytes(),
            tuple(self.picked(word, pooling).tobytes() for word in range(window.read, window.end)),
        )


def batches_of(pieces: Sequence[Piece], reader: Reader, batch_tokens: int) -> list[list[Piece]]:
    """Return batches of windows of like length, longest first.

    So little is padding, and memory trouble comes early.
    """
    batches: list[list[Piece]] = []
    longest = 0
    for piece in sorted(pieces, key=lambda one: -one.tokens):
        length = piece.tokens + reader.frame
        if (
            batches
            and (len(batches[-1]) + 1) * longest <= batch_tokens
            and (reader.batched_is_single or length == longest)
        ):
            batches[-1].append(piece)
        else:
            batches.append([piece])
            longest = length
    return batches


def padded(batch: Sequence[Piece], reader: Reader) -> tuple[Any, Any]:
    """Return the tokens of a batch of windows on the model's device, and which are no padding.

    Both are (n_windows, longest); the latter is None where there is no padding.

    Without a mask, attention takes its fastest road.
    """
    import torch

    sequences = [piece.ids(reader) for piece in batch]
    lengths = [len(sequence) for sequence in sequences]
    ids = np.full((len(batch), max(lengths)), sequences[0][0])
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = sequence
    mask = np.arange(max(lengths)) < np.array(lengths)[:, None]
    device = reader.model.device
    return torch.as_tensor(ids, device=device), (
        None if mask.all() else torch.as_tensor(mask.astype(np.int64), device=device)
    )


def window_ids(story: TokenizedStory, window: Window, reader: Reader) -> np.ndarray:
    """Return the token ids of a window, (n_tokens, ), special tokens around it included."""
    return np.concatenate(
        [
            reader.prefix,
            story.ids[story.first[window.begin] : story.first[window.end]],
            reader.suffix,
        ]
    ).astype(np.int64)


def picks(
    batch: Sequence[Piece], prefix: int, longest: int, pooling: str
) -> tuple[list[int], np.ndarray, np.ndarray, np.ndarray]:
    """Return how many words each window of a batch gives, and what is picked for them.

    That is, for each token picked, its place in the flattened batch, its word (counted through
    the batch) and its weight.
    """
    numbers: list[int] = []
    flat, word_of_flat, weights = [], [], []
    words = 0
    for row, piece in enumerate(batch):
        for word in range(piece.window.read, piece.window.end):
            tokens = piece.picked(word, pooling)
            flat.append(row * longest + prefix + tokens)
            word_of_flat.append(np.full(len(tokens), words))
            weights.append(
                np.full(
                    len(tokens), 1 / len(tokens) if pooling == "mean" else 1.0, dtype=np.float32
                )
            )
            words += 1
        numbers.append(piece.window.end - piece.window.read)
    return numbers, np.concatenate(flat), np.concatenate(word_of_flat), np.concatenate(weights)
