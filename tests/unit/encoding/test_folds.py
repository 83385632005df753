"""Folds: contiguous, complete, with a gap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.encoding.folds import blocked_folds
from engram.errors import EngramError


def test_single_story_by_hand() -> None:
    folds = blocked_folds(np.zeros(10, int), np.arange(10), 5, 1)
    assert [test.tolist() for _, test in folds] == [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]
    assert [train.tolist() for train, _ in folds][:3] == [
        [3, 4, 5, 6, 7, 8, 9],
        [0, 5, 6, 7, 8, 9],
        [0, 1, 2, 7, 8, 9],
    ]


@given(
    lengths=st.lists(st.integers(20, 60), min_size=1, max_size=3),
    n_folds=st.integers(2, 5),
    gap=st.integers(0, 4),
    data=st.data(),
)
def test_every_row_is_tested_once_and_the_gap_holds(
    lengths: list[int], n_folds: int, gap: int, data: st.DataObject
) -> None:
    story = np.repeat(np.arange(len(lengths)), lengths)
    position = np.concatenate([np.arange(length) for length in lengths])
    hole = data.draw(st.integers(0, 15))
    begin = data.draw(st.integers(0, 40))
    # An outer fold has taken out rows already.
    kept = (position < begin) | (position >= begin + hole)
    story, position = story[kept], position[kept]
    if any((story == one).sum() < n_folds for one in range(len(lengths))):
        return
    try:
        folds = blocked_folds(story, position, n_folds, gap)
    except EngramError:
        return
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(len(story)))
    for train, test in folds:
        for one in np.unique(story):
            mine, held = position[train[story[train] == one]], position[test[story[test] == one]]
            distances = np.abs(mine[:, None] - held[None, :])
            assert (distances > gap).all()
            # Nothing more than that is left out.
            others = np.setdiff1d(position[story == one], held)
            assert len(mine) == (np.abs(others[:, None] - held[None, :]).min(1) > gap).sum()
            assert (np.diff(np.flatnonzero(np.isin(position[story == one], held))) == 1).all()


def test_too_short_stories_are_refused_with_advice() -> None:
    with pytest.raises(EngramError, match="fewer folds"):
        blocked_folds(np.zeros(3, int), np.arange(3), 5, 1)
    with pytest.raises(EngramError, match="shorter delays"):
        blocked_folds(np.zeros(12, int), np.arange(12), 2, 30)
