"""Batches of windows: their token ids, their padding, and which tokens stand for which word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engram.features.language_models.reader import Reader
from engram.features.language_models.tokens import TokenizedStory
from engram.features.language_models.windows import Window


def batches_of(
    story: TokenizedStory, windows: Sequence[Window], reader: Reader, batch_tokens: int
) -> list[list[Window]]:
    """Return batches of windows of like length, longest first.

    So little is padding, and memory trouble comes early.
    """
    ordered = sorted(
        windows, key=lambda window: story.first[window.begin] - story.first[window.end]
    )
    batches: list[list[Window]] = []
    longest = 0
    for window in ordered:
        length = int(story.first[window.end] - story.first[window.begin]) + reader.frame
        if (
            batches
            and (len(batches[-1]) + 1) * longest <= batch_tokens
            and (reader.batched_is_single or length == longest)
        ):
            batches[-1].append(window)
        else:
            batches.append([window])
            longest = length
    return batches


def padded(story: TokenizedStory, batch: Sequence[Window], reader: Reader) -> tuple[Any, Any]:
    """Return the tokens of a batch of windows on the model's device, and which are no padding.

    Both are (n_windows, longest); the latter is None where there is no padding.

    Without a mask, attention takes its fastest road.
    """
    import torch

    sequences = [window_ids(story, window, reader) for window in batch]
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
    story: TokenizedStory, batch: Sequence[Window], prefix: int, longest: int, pooling: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return which words a batch gives, and what is picked for them.

    That is, for each token picked, its place in the flattened batch, its word and its weight.
    """
    words: list[int] = []
    flat, word_of_flat, weights = [], [], []
    for row, window in enumerate(batch):
        for word in range(window.read, window.end):
            tokens = story.pooled[word][-1:] if pooling == "last" else story.pooled[word]
            flat.append(row * longest + prefix + tokens - story.first[window.begin])
            word_of_flat.append(np.full(len(tokens), len(words)))
            weights.append(
                np.full(
                    len(tokens), 1 / len(tokens) if pooling == "mean" else 1.0, dtype=np.float32
                )
            )
            words.append(word)
    return (
        np.asarray(words),
        np.concatenate(flat),
        np.concatenate(word_of_flat),
        np.concatenate(weights),
    )
