"""Windows: what they promise, for any lengths of words."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.errors import EngramError
from engram.features.language_models.windows import exact_windows, strided_windows

LENGTHS = st.lists(st.integers(1, 6), min_size=1, max_size=200).map(np.array)


@given(lengths=LENGTHS, context=st.integers(20, 80), data=st.data())
def test_strided_windows_keep_their_promises(
    lengths: np.ndarray, context: int, data: st.DataObject
) -> None:
    stride = data.draw(st.integers(12, context))
    ends = np.concatenate([[0], np.cumsum(lengths)])
    windows = strided_windows(lengths, context, stride)
    assert [word for window in windows for word in range(window.read, window.end)] == list(
        range(len(lengths))
    )
    for window in windows:
        assert ends[window.end] - ends[window.begin] <= context
        for word in range(window.read, window.end):
            assert ends[word] - ends[window.begin] >= min(context - stride, ends[word])
    # Read where it has most left context: not already in the window before.
    for one, other in itertools.pairwise(windows):
        assert other.read == one.end


@given(lengths=LENGTHS, context=st.integers(6, 80))
def test_exact_windows_hold_all_the_context_that_fits(lengths: np.ndarray, context: int) -> None:
    ends = np.concatenate([[0], np.cumsum(lengths)])
    for word, window in enumerate(exact_windows(lengths, context)):
        assert (window.read, window.end) == (word, word + 1)
        assert ends[word + 1] - ends[window.begin] <= context
        assert window.begin == 0 or ends[word + 1] - ends[window.begin - 1] > context


@given(lengths=LENGTHS, context=st.integers(48, 80), words=st.integers(1, 8))
def test_windows_of_several_words_end_with_every_so_many(
    lengths: np.ndarray, context: int, words: int
) -> None:
    """Each holds all the context that fits."""
    ends = np.concatenate([[0], np.cumsum(lengths)])
    windows = exact_windows(lengths, context, words)
    assert [word for window in windows for word in range(window.read, window.end)] == list(
        range(len(lengths))
    )
    for number, window in enumerate(windows):
        assert window.read == number * words
        assert window.end == min(window.read + words, len(lengths))
        assert ends[window.end] - ends[window.begin] <= context
        assert window.begin == 0 or ends[window.end] - ends[window.begin - 1] > context


def test_a_story_shorter_than_the_context_is_one_window() -> None:
    assert len(strided_windows(np.full(10, 2), 20, 10)) == 1


def test_a_word_that_does_not_fit_is_named() -> None:
    with pytest.raises(EngramError, match="word 2 has 30 tokens"):
        exact_windows(np.array([1, 1, 30]), 20)
    with pytest.raises(EngramError, match="word 2 has 15 tokens"):
        strided_windows(np.array([8, 8, 15]), 20, 8)
    with pytest.raises(EngramError, match=r"words 2 to 3 have 21 tokens.*shorter activations\.enc"):
        exact_windows(np.array([1, 1, 12, 9]), 20, 2)
