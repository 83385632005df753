"""Ranks of models, how sure they are, and how well several orders agree."""

from __future__ import annotations

import numpy as np

#: Draws of the bootstrap of ranks.
DRAWS = 2000


def ranks(values: np.ndarray) -> np.ndarray:
    """Return ranks along the last axis: 1 is the highest, ties get the mean of their ranks.

    NaN stays NaN and counts for no other.
    """
    values = np.asarray(values, dtype=float)
    higher = (values[..., None, :] > values[..., :, None]).sum(-1)
    same = (values[..., None, :] == values[..., :, None]).sum(-1)
    found = 1 + higher + (same - 1) / 2
    result: np.ndarray = np.where(np.isnan(values), np.nan, found)
    return result


def bootstrap_means(values: np.ndarray, seed: int, draws: int = DRAWS) -> np.ndarray:
    """Return means over units that were drawn with replacement: (n_draws, n_models).

    Parameters
    ----------
    values : array of shape (n_units, n_models)
        Units are listeners or stories: the same draw serves all models, so pairs stay pairs.
    seed, draws : int
    """
    # Sorted: the bootstrap draws by place, and the order of units means nothing.
    ordered = values[np.lexsort(values.T)]
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(ordered), size=(draws, len(ordered)))
    result: np.ndarray = np.nanmean(ordered[drawn], axis=1)
    return result


def rank_interval(means: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the 2.5th and 97.5th percentile of each model's rank over draws.

    Parameters
    ----------
    means : array of shape (n_draws, n_models)
    """
    low, high = np.percentile(ranks(means), [2.5, 97.5], axis=0, method="closest_observation")
    return low, high


def winner_changes(observed: np.ndarray, means: np.ndarray) -> float:
    """Return the share of draws in which another model wins than the one observed.

    A draw in which several tie for the first place counts by the share that others have of it.

    Parameters
    ----------
    observed : array of shape (n_models, )
    means : array of shape (n_draws, n_models)
    """
    first = np.asarray(observed) == np.nanmax(observed)
    won = means == np.nanmax(means, axis=1, keepdims=True)
    kept = (won & first).sum(1) / won.sum(1)
    return float(1 - kept.mean())


def kendalls_w(orders: np.ndarray) -> float:
    """Return Kendall's coefficient of concordance of several orders of the same models.

    It is 1 where all agree; of m independent orders it is 1 / m on average. Ties are corrected for
    (Kendall & Babington Smith 1939). NaN with fewer than two orders or models, or where all tie.

    Parameters
    ----------
    orders : array of shape (n_orders, n_models)
        Values, of which the highest is first; without NaN.
    """
    m, n = orders.shape
    if m < 2 or n < 2:
        return float("nan")
    of_each = ranks(orders)
    spread = ((of_each.sum(0) - m * (n + 1) / 2) ** 2).sum()
    ties = sum(
        float((counts**3 - counts).sum())
        for one in of_each
        for counts in [np.unique(one, return_counts=True)[1].astype(float)]
    )
    most = m**2 * (n**3 - n) - m * ties
    return float(12 * spread / most) if most > 0 else float("nan")


def kendalls_tau(one: np.ndarray, other: np.ndarray) -> float:
    """Return Kendall's tau-b of two orders; NaN with fewer than three models, or where all tie."""
    from scipy import stats

    return float(stats.kendalltau(one, other).statistic) if len(one) > 2 else float("nan")
