"""Tests over texts and over listeners, intervals, false discovery rate.

Texts are a random factor: all listeners hear one stimulus, and one text that is inserted into it is one draw. A test over
listeners alone would reject a true null far too often; it is given beside, and says so.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

#: Power at which the smallest effect that could have been found is given, and the level of tests.
POWER, LEVEL = 0.8, 0.05


def text_test(observed: float, null: np.ndarray) -> float:
    """Return the one-sided p of a statistic among those of exchangeable texts: (1 + how many reach it) / (1 + how many there are)."""
    return float((1 + np.sum(null >= observed)) / (1 + len(null)))


def detectable(null: np.ndarray) -> float:
    """Return the smallest effect, above the null's mean, that the test over texts would have found with 80 % power (normal approximation)."""
    from scipy import stats

    return float((stats.norm.ppf(1 - LEVEL) + stats.norm.ppf(POWER)) * np.std(null, ddof=1))


def interval(values: Sequence[float] | np.ndarray, seed: int) -> tuple[float, float]:
    """Return the 95 % bootstrap interval (BCa) of a mean over listeners; NaN with fewer than three, or no spread."""
    from scipy import stats

    data = np.asarray(values, dtype=float)
    if len(data) < 3 or np.ptp(data) == 0:
        return np.nan, np.nan
    found = stats.bootstrap((data,), np.mean, confidence_level=0.95, n_resamples=2000, rng=np.random.default_rng(seed)).confidence_interval
    return float(found.low), float(found.high)


def listener_test(values: Sequence[float] | np.ndarray) -> float:
    """Return the two-sided p of Wilcoxon's signed-rank test over listeners: what holds of other listeners of the same texts."""
    from scipy import stats

    data = np.asarray(values, dtype=float)
    return float(stats.wilcoxon(data).pvalue) if len(data) > 1 and np.any(data != 0) else np.nan


def corrected(table: pd.DataFrame, column: str, family: Sequence[str]) -> pd.Series:
    """Return p-values corrected within families (Benjamini and Hochberg 1995); NaN where there is none."""
    from scipy import stats

    result = pd.Series(np.nan, index=table.index)
    for _, part in table.dropna(subset=[column]).groupby(list(family), sort=False):
        result[part.index] = stats.false_discovery_control(part[column].to_numpy())
    return result
