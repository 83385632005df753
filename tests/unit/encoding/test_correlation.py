"""Pearson correlation against SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import pearsonr

from engram.encoding import correlation, ridge
from engram.encoding.backends import arrays


def test_pearson_equals_scipy_and_a_constant_scores_zero() -> None:
    rng = np.random.default_rng(0)
    targets, predictions = rng.standard_normal((40, 5)) + 7, rng.standard_normal((3, 40, 5)) - 4
    predictions[1, :, 2] = 3.0
    found = correlation.pearson(correlation.standardize(targets), predictions)
    for one in range(3):
        for target in range(5):
            expected = (
                0.0
                if (one, target) == (1, 2)
                else pearsonr(targets[:, target], predictions[one, :, target])[0]
            )
            assert found[one, target] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("value", [0.1, -0.57735, 1e6, 1 / 3])
@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_constant_targets_score_zero_in_single_precision_too(value: float, kind: str) -> None:
    """Their mean is not quite their value there, and what is left must not be scaled up."""
    xp, rng = arrays(kind), np.random.default_rng(0)
    targets = rng.standard_normal((77, 9)).astype(np.float32)
    targets[:, 4] = value
    predictions = xp.asarray(rng.standard_normal((77, 9)) + 3, dtype=xp.float32)
    found = correlation.pearson(correlation.standardize(xp.asarray(targets)), predictions)
    assert float(found[4]) == 0 and (np.abs(xp.to_numpy(found)) <= 1).all()
    assert np.count_nonzero(xp.to_numpy(found)) == 8


@pytest.mark.parametrize("learn_from", ["own", "both", "others"])
def test_a_target_that_varies_in_one_block_alone_scores_zero(learn_from: str) -> None:
    """Such as a time course whose end was filled up with one value."""
    rng, rows = np.random.default_rng(0), 160
    features = rng.standard_normal((rows, 8)).cumsum(0)
    targets = rng.standard_normal((rows, 6)).astype(np.float32)
    targets[40:] = np.float32(0.1) * np.arange(1, 7)
    found = ridge.encode(
        features,
        targets,
        np.zeros(rows, int),
        np.arange(rows),
        folds=4,
        inner_folds=3,
        gap=2,
        alphas=[0.1, 10.0, 1000.0],
        others=None if learn_from == "own" else targets,
        own=learn_from != "others",
    )
    np.testing.assert_array_equal(found.r, 0)
