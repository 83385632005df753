"""Windows: which stretch of a story a model reads for each word.

Windows are planned in words, so that several texts of one story can share a plan: every text then
reads the same stretch of story for the same word.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engram.errors import EngramError
from engram.features.language_models.reader import Reader
from engram.features.language_models.tokens import TokenizedStory
from engram.vocabulary import DEFAULT_CONTEXT


@dataclass(frozen=True)
class Window:
    """A stretch of words that is read at once.

    Words ``begin`` to ``end - 1``, of which those from ``read`` on are kept.
    """

    begin: int
    read: int
    end: int


def plan_windows(
    story: TokenizedStory, reader: Reader, *, mode: str, context: int | None, stride: int | None
) -> list[Window]:
    """Return the windows that a model reads a story by.

    Parameters
    ----------
    story : TokenizedStory
    reader : Reader
    mode : {"strided", "exact"}
        A bidirectional model always gets `exact`: its windows end with the word being read.
    context, stride : int or None
        In tokens, special tokens included; None: the smaller of 1024 and the model's
        limit, and half of that.
    """
    tokens = context if context is not None else min(DEFAULT_CONTEXT, reader.limit)
    if tokens > reader.limit:
        raise EngramError(
            f"activations.context is {tokens} tokens, more than the model can read "
            f"({reader.limit}). Write {reader.limit} or less."
        )
    step = stride if stride is not None else tokens // 2
    room = tokens - reader.frame
    if mode == "exact" or not reader.causal:
        return exact_windows(story.lengths, room)
    if step > room:
        raise EngramError(
            f"activations.stride is {step}, more than the {room} tokens of a "
            f"window. Write {room} or less."
        )
    return strided_windows(story.lengths, room, step)


def strided_windows(lengths: np.ndarray, context: int, stride: int) -> list[Window]:
    """Return overlapping windows in which every word is read where it has most left context.

    Parameters
    ----------
    lengths : array of shape (n_words, )
        Tokens of each word.
    context : int
        Tokens that fit into a window, without special tokens.
    stride : int
        Every word keeps at least ``context - stride`` tokens of left context, or all there are.

    Returns
    -------
    list of Window
        Each word is kept from exactly one window.

    Raises
    ------
    EngramError
        If a word does not fit beside the left context that it is owed.
    """
    ends = np.concatenate([[0], np.cumsum(lengths)])
    n_words, windows, read = len(lengths), [], 0
    while read < n_words:
        owed = min(context - stride, int(ends[read]))
        begin = int(np.searchsorted(ends, ends[read] - owed, side="right")) - 1
        end = int(np.searchsorted(ends, ends[begin] + context, side="right")) - 1
        if end <= read:
            raise EngramError(
                f"word {read} has {lengths[read]} tokens and does not fit into a window "
                f"of {context} tokens beside {owed} tokens of left context. Use a longer "
                "activations.context or a longer activations.stride."
            )
        windows.append(Window(begin, read, end))
        read = end
    return windows


def exact_windows(lengths: np.ndarray, context: int) -> list[Window]:
    """Return each word's own window.

    It ends with the word and begins as early as `context` tokens allow.
    """
    ends = np.concatenate([[0], np.cumsum(lengths)])
    windows = []
    for word in range(len(lengths)):
        begin = int(np.searchsorted(ends, ends[word + 1] - context, side="left"))
        if begin > word:
            raise EngramError(
                f"word {word} has {lengths[word]} tokens, more than a window of {context} tokens. "
                "Use a longer activations.context."
            )
        windows.append(Window(begin, word, word + 1))
    return windows
