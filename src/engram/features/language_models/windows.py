"""Windows: which stretch of a story a model reads for each word.

Windows are planned in words, so that several texts of one story can share a plan: every text then
reads the same stretch of story for the same word.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np

from engram.errors import EngramError
from engram.features.language_models.reader import Reader
from engram.features.language_models.tokens import TokenizedStory
from engram.vocabulary import DEFAULT_CONTEXT
from engram.wording import count

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Window:
    """A stretch of words that is read at once.

    Words ``begin`` to ``end - 1``, of which those from ``read`` on are kept.
    """

    begin: int
    read: int
    end: int


def plan_windows(
    story: TokenizedStory,
    reader: Reader,
    *,
    mode: str,
    context: int | None,
    stride: int | None,
    encoder_stride: int = 1,
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
    encoder_stride : int
        Words from one window of a bidirectional model to the next. Above 1 words see words that
        come after them, which is said in the log.
    """
    tokens = context if context is not None else min(DEFAULT_CONTEXT, reader.limit)
    if tokens > reader.limit:
        raise EngramError(
            f"activations.context is {tokens} tokens, more than the model can read "
            f"({reader.limit}). Write {reader.limit} or less."
        )
    step = stride if stride is not None else tokens // 2
    room = tokens - reader.frame
    if not reader.causal:
        if encoder_stride > 1:
            logger.warning(
                "this model reads in both directions, and its windows are %d words apart "
                "(activations.encoder_stride): a word knows up to %s after it",
                encoder_stride,
                count(encoder_stride - 1, "word"),
            )
        return exact_windows(story.lengths, room, encoder_stride)
    if mode == "exact":
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


def exact_windows(lengths: np.ndarray, context: int, words: int = 1) -> list[Window]:
    """Return each word's own window, or one for so many words.

    It ends with the word, or with the last of them, and begins as early as `context` tokens allow.

    Parameters
    ----------
    lengths : array of shape (n_words, )
        Tokens of each word.
    context : int
        Tokens that fit into a window, without special tokens.
    words : int
        Words that are kept from a window; the last one may have fewer.

    Raises
    ------
    EngramError
        If a word, or the words of a window, have more tokens than fit.
    """
    ends = np.concatenate([[0], np.cumsum(lengths)])
    windows = []
    for read in range(0, len(lengths), words):
        end = min(read + words, len(lengths))
        begin = int(np.searchsorted(ends, ends[end] - context, side="left"))
        if begin > read:
            named = f"word {read} has" if words == 1 else f"words {read} to {end - 1} have"
            shorter = "" if words == 1 else " or a shorter activations.encoder_stride"
            raise EngramError(
                f"{named} {ends[end] - ends[read]} tokens, more than a window of {context} tokens. "
                f"Use a longer activations.context{shorter}."
            )
        windows.append(Window(begin, read, end))
    return windows
