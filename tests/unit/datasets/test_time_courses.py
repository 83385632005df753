"""Time courses in single precision."""

from __future__ import annotations

import numpy as np
import pytest

from engram.datasets import time_courses


def test_digits_beside_a_large_mean_are_kept() -> None:
    signal = np.random.default_rng(4).standard_normal((200, 3))
    kept = time_courses.as_float32(signal + np.array([0, 1e3, 1e7]))
    assert kept.dtype == np.float32 and [
        np.corrcoef(signal[:, i], kept[:, i])[0, 1] for i in range(3)
    ] == pytest.approx([1, 1, 1], abs=1e-7)
    plain = signal + np.array([0, 1e3, -1e3])
    # Not centred where nothing is lost.
    np.testing.assert_array_equal(time_courses.as_float32(plain), plain.astype(np.float32))
    odd = np.array([[np.nan, 1e300, 7.0, 1e39], [1.0, -1e300, 7.0, 1.0]])
    np.testing.assert_array_equal(
        time_courses.as_float32(odd), [[np.nan, np.inf, 7, np.inf], [1, -np.inf, 7, 1]]
    )
