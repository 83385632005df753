"""Cleaning against a direct regression."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.fft import idct

from engram.bold import cleaning
from engram.datasets import time_courses
from engram.errors import EngramError


def direct_residual(raw: np.ndarray, regressors: np.ndarray) -> np.ndarray:
    design = np.column_stack([np.ones(len(raw)), regressors])
    residual = raw - design @ np.linalg.lstsq(design, raw, rcond=None)[0]
    return (residual - residual.mean(0)) / residual.std(0)


def test_confounds_and_drifts_are_regressed_out_together() -> None:
    """Also where a confound looks like a drift, as slow head motion does.

    Nothing of either is left.
    """
    rng = np.random.default_rng(1)
    n_trs, tr = 362, 2.0
    # The second cosine drift itself, nearly.
    slow = np.cos(np.pi * 2 * (np.arange(n_trs) + 0.5) / n_trs)
    confounds = np.column_stack(
        [slow + 0.01 * rng.standard_normal(n_trs), rng.standard_normal(n_trs), np.full(n_trs, 3.0)]
    )
    n_drifts = int(np.floor(2 * n_trs * tr / 128))
    drifts = np.column_stack([idct(np.eye(n_trs)[k], norm="ortho") for k in range(1, n_drifts + 1)])
    raw = rng.standard_normal((n_trs, 4)) + 5 * drifts[:, :4] * 10 + confounds[:, :1]
    cleaned = cleaning.clean(raw, confounds, tr, 1 / 128)
    np.testing.assert_allclose(
        time_courses.zscore(cleaned),
        direct_residual(raw, np.column_stack([confounds[:, :2], drifts])),
        atol=1e-6,
    )
    assert (
        np.abs(
            cleaned.T @ np.column_stack([drifts, confounds[:, :2] - confounds[:, :2].mean(0)])
        ).max()
        < 1e-6
    )


def test_nothing_to_remove_only_standardises() -> None:
    raw = np.random.default_rng(0).standard_normal((50, 3)).astype(np.float32) * 5 + 100
    np.testing.assert_allclose(
        time_courses.zscore(cleaning.clean(raw, None, 2.0, None)),
        time_courses.zscore(raw.astype(float)),
        atol=1e-6,
    )


def test_confounds_that_leave_nothing_are_refused(caplog: pytest.LogCaptureFixture) -> None:
    rng = np.random.default_rng(0)
    raw = rng.standard_normal((60, 2))
    with pytest.raises(
        EngramError, match="sub-01, story tale: 55 confounds and drifts leave 4 of 60 rows free"
    ):
        cleaning.clean(raw, rng.standard_normal((60, 55)), 2.0, None, "sub-01, story tale")
    cleaning.clean(raw, rng.standard_normal((60, 40)), 2.0, None)
    assert "use up 41 of 60 rows" in caplog.text
    # The same five again and again.
    cleaning.clean(raw, np.tile(rng.standard_normal((60, 5)), 11), 2.0, None)
