"""Pearson correlation against SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import pearsonr

from engram.encoding import correlation


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
