"""The maximum statistic: tests of many regions at once, by the largest of each draw of the null.

With a few dozen draws no p is small enough for a correction that goes by p alone. What is found in
one region is therefore held against the largest value that each draw reaches in any region
(Westfall & Young 1993; Nichols & Holmes 2002; single step). Regions are put on one scale by mean
and standard deviation over all draws, the observed one included: by the others alone the observed
one would not be exchangeable with them, and with 39 draws a true null would be rejected in 7 to
8 % of studies for 6 regions, and in 16 to 21 % for 148.

A draw of the null is the same in all regions: the same text, the same circular shift, the same
labels of seeds. So whatever regions share is in the null as it is in what was observed.
"""

from __future__ import annotations

import math
from functools import cache
from itertools import combinations

import numpy as np

from engram.statistics.significance import LEVEL, POWER

#: Values that differ by rounding alone are ties, which count against what was observed.
_TIE = 1e-9
#: More labellings of seeds than this are sampled: up to eight seeds of each all are taken.
_ALL_LABELLINGS, _SAMPLED = 13_000, 10_000
#: Simulated studies from which a detectable effect is taken: as many as fit into so many numbers.
_MOST_STUDIES, _FEWEST_STUDIES, _NUMBERS = 2000, 250, 20_000_000
#: Labellings of seeds of such a study; more hardly change it.
_SIMULATED_LABELLINGS = 300
#: Effects beyond so many standard deviations count as never found.
_LARGEST_EFFECT = 100.0


def standardised(draws: np.ndarray) -> np.ndarray:
    """Return draws on one scale, by each region's mean and standard deviation over all of them.

    Parameters
    ----------
    draws : array of shape (..., n_draws, n_regions)

    Returns
    -------
    array of the same shape
        Minus infinity in regions where all draws are the same, or one is missing: these never are
        the largest.
    """
    if draws.shape[-2] < 2:
        return np.full(draws.shape, -np.inf)
    centred = draws - draws.mean(axis=-2, keepdims=True)
    constant = ~(np.ptp(draws, axis=-2, keepdims=True) > 0)
    spread = np.where(constant, 1.0, draws.std(axis=-2, ddof=1, keepdims=True))
    result: np.ndarray = np.where(constant, -np.inf, centred / spread)
    return result


def corrected_p(observed: np.ndarray, null: np.ndarray) -> np.ndarray:
    """Return one-sided p-values, corrected over regions by the maximum statistic.

    It is (1 + draws whose largest standardised value over regions reaches the region's own) /
    (1 + draws), in a single step. The chance that any region falls to 0.05 or below, where nothing
    is to be found, is at most 0.05.

    Parameters
    ----------
    observed : array of shape (n_regions, )
    null : array of shape (n_draws, n_regions)
        Exchangeable with what was observed, row by row.

    Returns
    -------
    array of shape (n_regions, )
        1 where all draws are the same; NaN where one is missing.
    """
    draws = np.vstack([observed, null])
    values = standardised(draws)
    largest = values[1:].max(axis=1, initial=-np.inf)
    reached = (largest[:, None] >= values[0] - _TIE).sum(axis=0)
    p = np.where(np.isneginf(values[0]), 1.0, (1 + reached) / len(draws))
    result: np.ndarray = np.where(np.isnan(draws).any(axis=0), np.nan, p)
    return result


def labellings(tunings: int, controls: int, most: int = _ALL_LABELLINGS) -> np.ndarray:
    """Return how seeds are weighted in the difference of means, for each labelling of them.

    Parameters
    ----------
    tunings, controls : int
        Seeds of each; tunings come first.
    most : int
        Where there are more labellings, so many, or at most 10,000, are drawn.

    Returns
    -------
    array of shape (n_labellings, tunings + controls)
        The first is the true one.
    """
    seeds = tunings + controls
    if math.comb(seeds, tunings) <= most:
        chosen = np.array(list(combinations(range(seeds), tunings)))
    else:
        rng = np.random.default_rng(0)
        several = min(most, _SAMPLED) - 1
        drawn = rng.permuted(np.tile(np.arange(seeds), (several, 1)), axis=1)[:, :tunings]
        chosen = np.vstack([np.arange(tunings), drawn])
    weights = np.full((len(chosen), seeds), -1 / controls)
    np.put_along_axis(weights, chosen, 1 / tunings, axis=1)
    return weights


def seed_p(tunings: np.ndarray, controls: np.ndarray) -> np.ndarray:
    """Return one-sided p-values of tunings above control tunings, corrected over regions.

    Labels of seeds are permuted, in all regions alike; what is compared is the standardised
    difference of means.

    Parameters
    ----------
    tunings, controls : arrays of shape (n_seeds, n_regions)

    Returns
    -------
    array of shape (n_regions, )
    """
    draws = labellings(len(tunings), len(controls)) @ np.vstack([tunings, controls])
    return corrected_p(draws[0], draws[1:])


def detectable(null: np.ndarray) -> np.ndarray:
    """Return the smallest effect above the null's mean that is found in a region after correction.

    It is there in this region alone, and is found in 80 % of studies, as `detectable_spreads`
    simulates them with the null's own standard deviations and correlations. NaN where there are
    too few draws for p to reach 0.05.

    Parameters
    ----------
    null : array of shape (n_draws, n_regions)

    Returns
    -------
    array of shape (n_regions, )
    """
    if len(null) < 2:
        return np.full(null.shape[1], np.nan)
    spread = null.std(axis=0, ddof=1)
    varying = null[:, spread > 0]
    if not varying.shape[1]:
        return np.full(null.shape[1], np.nan)
    result: np.ndarray = np.where(spread > 0, detectable_spreads(varying) * spread, np.nan)
    return result


def detectable_spreads(null: np.ndarray) -> float:
    """Return by how many standard deviations an effect in one region must exceed the null's mean.

    It is the smallest that is found after correction in 80 % of simulated studies. Draws are
    normal; their correlations over regions are those of the null, drawn towards independence by as
    much as so few draws ask for (Ledoit & Wolf 2004). Without correlation, and with 39 draws, it
    is about 3.5 for 6 regions and 4.8 for 148.

    Parameters
    ----------
    null : array of shape (n_draws, n_regions)
        Draws that vary in every region.
    """
    from sklearn.covariance import ledoit_wolf_shrinkage

    n_null, n_regions = null.shape
    if _may_reach(1 + n_null) < 0:
        return math.nan
    scaled = (null - null.mean(axis=0)) / null.std(axis=0)
    alone = float(ledoit_wolf_shrinkage(scaled)) if n_regions > 1 else 1.0
    shared = (math.sqrt((1 - alone) / n_null) * scaled).astype(np.float32)
    rng = np.random.default_rng(0)
    found = []
    for studies in _parts((1 + n_null) * n_regions):
        draws = rng.standard_normal((studies, 1 + n_null, n_regions), dtype=np.float32)
        draws *= math.sqrt(alone)
        if alone < 1:
            draws += rng.standard_normal((studies, 1 + n_null, n_null), dtype=np.float32) @ shared
        found.append(_needed(draws, np.eye(1, 1 + n_null)[0], rng))
    return _power_quantile(np.concatenate(found))


@cache
def detectable_seed_spreads(tunings: int, controls: int, n_regions: int) -> float:
    """Return the smallest difference that a test over seeds finds in one region after correction.

    It is in standard deviations of a seed, and is found in 80 % of simulated studies. Seeds are
    normal, and regions independent of each other: a bound, since regions that go together are
    corrected for less.
    """
    weights = labellings(tunings, controls, _SIMULATED_LABELLINGS)
    if _may_reach(len(weights)) < 0:
        return math.nan
    rng = np.random.default_rng(0)
    found = []
    for studies in _parts(len(weights) * n_regions):
        seeds = rng.standard_normal((studies, tunings + controls, n_regions))
        found.append(_needed(weights @ seeds, weights[:, :tunings].sum(axis=1), rng))
    return _power_quantile(np.concatenate(found))


def _may_reach(draws: int) -> int:
    """Return how many draws of the null may reach what is found; below 0: none can be found."""
    return math.floor(LEVEL * draws + 1e-9) - 1


def _parts(size: int) -> list[int]:
    """Return numbers of simulated studies, each of this size, that are in memory together."""
    studies = int(np.clip(_NUMBERS // size, _FEWEST_STUDIES, _MOST_STUDIES))
    together = max(1, _NUMBERS // 10 // size)
    return [min(together, studies - first) for first in range(0, studies, together)]


def _needed(draws: np.ndarray, gain: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return how large an effect in one region had to be to be found, for each study.

    Parameters
    ----------
    draws : array of shape (n_studies, n_draws, n_regions)
        Without any effect, the observed draw first.
    gain : array of shape (n_draws, )
        How much of the effect each draw has.
    rng : numpy.random.Generator
        Draws the region.
    """
    studies, n_draws, n_regions = draws.shape
    place: np.ndarray = rng.integers(n_regions, size=(studies,))
    one = np.take_along_axis(draws, place[:, None, None], axis=2)[:, :, 0].astype(float)
    values = standardised(draws)
    np.put_along_axis(values, place[:, None, None], -np.inf, axis=2)
    others = values.max(axis=2)
    # Mean and variance with an effect follow from those without, so that no draw is scaled anew.
    centred, more = one - one.mean(axis=1, keepdims=True), gain - gain.mean()
    freedom = n_draws - 1
    variance, covariance = (centred**2).sum(axis=1) / freedom, centred @ more / freedom
    low, high = np.zeros(studies), np.full(studies, _LARGEST_EFFECT)
    for _ in range(24):
        middle = (low + high) / 2
        mine = centred + middle[:, None] * more
        spread = np.sqrt(variance + 2 * middle * covariance + middle**2 * (more @ more) / freedom)
        by_others = others[:, 1:] * spread[:, None] >= mine[:, :1]
        reached = (by_others | (mine[:, 1:] >= mine[:, :1])).sum(axis=1)
        found = reached <= _may_reach(n_draws)
        low, high = np.where(found, low, middle), np.where(found, middle, high)
    result: np.ndarray = high
    return result


def _power_quantile(needed: np.ndarray) -> float:
    """Return the effect that suffices in 80 % of studies; NaN where no effect does."""
    smallest = float(np.quantile(needed, POWER))
    return smallest if smallest < _LARGEST_EFFECT / 2 else math.nan
