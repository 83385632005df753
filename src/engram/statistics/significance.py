"""Tests over texts, over seeds of tunings and over listeners, intervals, false discovery rate.

Texts are a random factor: all listeners hear the same stimulus, and a text that is written into it
is one draw. Tunings are a random factor too: a seed is one draw. A test over listeners alone would
reject a true null far too often. It is given beside the others, and its column says to what it
generalises.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
import pandas as pd

#: Power at which the smallest effect that could have been found is given, and the level of tests.
POWER, LEVEL = 0.8, 0.05
#: Fewest seeds of a tuning, and of a control, between which a test is made; with four and four
#: the smallest p is 1/70.
FEWEST_SEEDS = 4
#: Fewest stimuli over which a test is made; with six the smallest two-sided p of
#: Wilcoxon's test is 1/32.
FEWEST_STIMULI = 6


def text_test(observed: float, null: np.ndarray) -> float:
    """Return the one-sided p of a statistic among those of exchangeable texts.

    It is (1 + how many reach it) / (1 + how many there are).
    """
    return float((1 + np.sum(null >= observed)) / (1 + len(null)))


def detectable(null: np.ndarray) -> float:
    """Return the smallest effect above the null's mean that the test over texts would have found.

    It would have been found with 80 % power. The texts and the one that is tested are taken as
    normal with the null's standard deviation, and independent. NaN where there are too few for p
    to reach 0.05.
    """
    return float(_detectable_spreads(len(null)) * np.std(null, ddof=1)) if len(null) > 1 else np.nan


@cache
def _detectable_spreads(draws: int) -> float:
    """Return by how many standard deviations an effect must exceed the null's mean to be found.

    It is found with 80 % power, among so many draws of the null.
    """
    from scipy import integrate, optimize
    from scipy.special import bdtr, ndtr

    above = math.floor(LEVEL * (1 + draws) + 1e-9) - 1  # how many draws may reach the effect
    if above < 0:
        return math.nan

    def found(x: float, effect: float) -> float:
        # By functions without scipy.stats' checks of each argument: there are thousands of calls.
        density = math.exp(-((x - effect) ** 2) / 2) / math.sqrt(2 * math.pi)
        return float(bdtr(above, draws, ndtr(-x))) * density

    def power(effect: float) -> float:
        whole = integrate.quad(found, effect - 8, effect + 8, args=(effect,))
        return float(whole[0]) - POWER

    return float(optimize.brentq(power, 0, 20))


def interval(values: Sequence[float] | np.ndarray, seed: int) -> tuple[float, float]:
    """Return the 95 % bootstrap interval (BCa) of a mean over listeners.

    It is NaN with fewer than three, or no spread.
    """
    from scipy import stats

    # Sorted: the bootstrap draws by place, and the order of listeners means nothing.
    data = np.sort(np.asarray(values, dtype=float))
    if len(data) < 3 or not np.ptp(data) > 0:
        return np.nan, np.nan
    found = stats.bootstrap(
        (data,), np.mean, confidence_level=0.95, n_resamples=2000, rng=np.random.default_rng(seed)
    ).confidence_interval
    return float(found.low), float(found.high)


def spread_interval(value: float, draws: np.ndarray, of_mean: bool = False) -> tuple[float, float]:
    """Return the 95 % t interval of the effect behind one draw of a random factor.

    It follows from how other draws spread.

    Parameters
    ----------
    value : float
        The draw, such as the F of a text.
    draws : array of shape (n_draws, )
        Exchangeable ones, such as the F of random texts.
    of_mean : bool
        The value is the mean of these draws.
    """
    from scipy import stats

    if len(draws) < 2:
        return np.nan, np.nan
    half = float(
        stats.t.ppf(0.975, len(draws) - 1)
        * draws.std(ddof=1)
        / (math.sqrt(len(draws)) if of_mean else 1)
    )
    return value - half, value + half


def difference_interval(one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """Return the 95 % t interval (Welch) of the difference of two means over a random factor.

    It is NaN with fewer than two draws of either, or no spread.

    Parameters
    ----------
    one, other : arrays of shape (n_draws, )
    """
    from scipy import stats

    if min(len(one), len(other)) < 2 or not (np.ptp(one) > 0 or np.ptp(other) > 0):
        return np.nan, np.nan
    found = stats.ttest_ind(one, other, equal_var=False).confidence_interval(0.95)
    return float(found.low), float(found.high)


def widest(*intervals: tuple[float, float]) -> tuple[float, float]:
    """Return the lowest and highest ends of intervals over several random factors.

    They are NaN if one is not known.
    """
    lows, highs = zip(*intervals, strict=True)
    return float(np.min(lows)), float(np.max(highs))


def listener_test(values: Sequence[float] | np.ndarray) -> float:
    """Return the two-sided p of Wilcoxon's signed-rank test over listeners.

    It tells what holds of other listeners of the same texts.
    """
    from scipy import stats

    data = np.asarray(values, dtype=float)
    return float(stats.wilcoxon(data).pvalue) if len(data) > 1 and np.any(data != 0) else np.nan


def story_test(values: Sequence[float] | np.ndarray) -> float:
    """Return the two-sided p of Wilcoxon's signed-rank test over stimuli.

    It is NaN with fewer than six, where it could show nothing.
    """
    data = np.asarray(values, dtype=float)
    return listener_test(data) if len(data) >= FEWEST_STIMULI else np.nan


def effect_size(values: Sequence[float] | np.ndarray) -> float:
    """Return the mean over the standard deviation (Cohen's d of paired differences).

    It is NaN without a spread.
    """
    data = np.asarray(values, dtype=float)
    return (
        float(data.mean() / data.std(ddof=1)) if len(data) > 1 and data.std(ddof=1) > 0 else np.nan
    )


def detectable_mean(values: Sequence[float] | np.ndarray) -> float:
    """Return the smallest mean that a two-sided test would find with 80 % power.

    The test is over so many values, spread so far (normal approximation).
    """
    from scipy import stats

    data = np.asarray(values, dtype=float)
    if len(data) < 3:
        return np.nan
    return float(
        (stats.norm.ppf(1 - LEVEL / 2) + stats.norm.ppf(POWER))
        * data.std(ddof=1)
        / np.sqrt(len(data))
    )


def detectable_difference(spread: float, tunings: int, controls: int) -> float:
    """Return the smallest difference of two means that a test over seeds would find.

    The test is a one-sided t test with 80 % power, and goes by their standard deviation.
    """
    from scipy import optimize, stats

    freedom = tunings + controls - 2
    critical = stats.t.ppf(1 - LEVEL, freedom)
    distance = optimize.brentq(
        lambda effect: stats.nct.sf(critical, freedom, effect) - POWER, 0, 50
    )
    return float(distance * spread * math.sqrt(1 / tunings + 1 / controls))


def corrected(table: pd.DataFrame, column: str, family: Sequence[str]) -> pd.Series:
    """Return p-values corrected within families (Benjamini and Hochberg 1995).

    They are NaN where there is none.
    """
    from scipy import stats

    result = pd.Series(np.nan, index=table.index)
    for _, part in table.dropna(subset=[column]).groupby(list(family), sort=False):
        result[part.index] = stats.false_discovery_control(part[column].to_numpy())
    return result


def ratio_interval(
    numerator: np.ndarray, denominator: np.ndarray, seed: int
) -> tuple[float, float]:
    """Return the 95 % bootstrap interval (BCa) of a ratio of means over listeners.

    Listeners are drawn in pairs. It is NaN with fewer than three, or no spread.

    Parameters
    ----------
    numerator, denominator : arrays of shape (n_listeners, )
    seed : int
    """
    from scipy import stats

    if len(numerator) < 3 or not np.ptp(numerator) > 0:
        return np.nan, np.nan
    order = np.lexsort((denominator, numerator))  # the order of listeners means nothing
    numerator, denominator = numerator[order], denominator[order]

    def ratio(above: np.ndarray, below: np.ndarray, axis: int = -1) -> np.ndarray:
        result: np.ndarray = above.mean(axis=axis) / below.mean(axis=axis)
        return result

    found = stats.bootstrap(
        (numerator, denominator),
        ratio,
        paired=True,
        vectorized=True,
        confidence_level=0.95,
        n_resamples=2000,
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(found.low), float(found.high)


def seed_test(tunings: np.ndarray, controls: np.ndarray) -> float:
    """Return the one-sided p of tunings scoring higher than control tunings.

    Labels are permuted in all ways. It is NaN with fewer than four of either.

    Parameters
    ----------
    tunings, controls : arrays of shape (n_seeds, )
        A statistic of each tuned model. Seeds are the random factor: listeners share whatever
        a tuned model happens to be.
    """
    from scipy import stats

    if min(len(tunings), len(controls)) < FEWEST_SEEDS:
        return np.nan

    def difference(one: np.ndarray, other: np.ndarray, axis: int = -1) -> np.ndarray:
        result: np.ndarray = one.mean(axis=axis) - other.mean(axis=axis)
        return result

    # Exact while there are fewer ways than resamples: up to ten seeds of each.
    found = stats.permutation_test(
        (tunings, controls),
        difference,
        vectorized=True,
        alternative="greater",
        n_resamples=200_000,
        rng=np.random.default_rng(0),
    )
    return float(found.pvalue)


def smallest_seed_p(tunings: int, controls: int) -> float:
    """Return the smallest p that `seed_test` can give for so many seeds.

    It is NaN where it makes no test.
    """
    return (
        1 / math.comb(tunings + controls, tunings)
        if min(tunings, controls) >= FEWEST_SEEDS
        else math.nan
    )
