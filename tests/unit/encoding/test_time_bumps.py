"""Bumps in time predict nothing under folds with a gap: what is near in time is not enough."""

from __future__ import annotations

import numpy as np
import pytest

from engram.encoding.ridge import encode


@pytest.mark.parametrize(("gap", "leaks"), [(4, False), (0, True)])
def test_bumps_narrower_than_the_gap_score_0(gap: int, leaks: bool) -> None:
    """Without the gap they would, on BOLD that is slow: it is the folds that are tried here."""
    rng = np.random.default_rng(0)
    rows = np.arange(160)
    bumps = np.maximum(0, 1 - np.abs(rows[:, None] - rows[None, ::2]) / 2.0)
    slow = np.cumsum(rng.standard_normal((160, 20)), axis=0)
    slow -= slow.mean(0)
    scores = encode(
        bumps.astype(np.float32),
        slow.astype(np.float32),
        np.zeros(160, dtype=int),
        rows,
        folds=40 if leaks else 5,
        inner_folds=3,
        gap=gap,
        alphas=[0.1, 10.0],
        backend="numpy",
    )
    if leaks:
        assert np.abs(scores.r).max() > 0.5
    else:
        np.testing.assert_allclose(scores.r, 0, atol=0.01)  # rounding of constants, if anything
