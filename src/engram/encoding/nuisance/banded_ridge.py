"""Banded ridge regression: a penalty for each band of features, chosen for each target.

Nunez-Elizalde, Huth & Gallant (2019, NeuroImage 197:482), with himalaya's multiple-kernel solver
(Dupre la Tour et al. 2022, NeuroImage 264:119728), on the rows and folds of the scores.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engram.encoding.correlation import pearson, standardize
from engram.encoding.folds import Folds, inner_folds_of, outer_folds
from engram.encoding.story_folds import StoryFolds

#: Shares of a band, beside those before it, that are tried for each target.
SHARES = (0.0, 0.1, 0.5, 0.9)
#: A band's linear kernels: (n_train, n_train) and (n_test, n_train).
Kernels = tuple[np.ndarray, np.ndarray]


def candidates(n_bands: int) -> np.ndarray:
    """Return the weights of bands to choose from, (n_candidates, n_bands).

    There is each band beside those before it, and the last one alone.
    """
    found = np.ones((1, 1))
    for _ in range(1, n_bands):
        found = np.concatenate(
            [np.column_stack([(1 - share) * found, np.full(len(found), share)]) for share in SHARES]
        )
    return np.concatenate([found, np.eye(n_bands)[-1:]]) if n_bands > 1 else found


def banded_predictions(
    bands: Sequence[np.ndarray],
    targets: np.ndarray,
    story: np.ndarray,
    position: np.ndarray,
    *,
    folds: int | StoryFolds,
    inner_folds: int,
    gap: int,
    alphas: Sequence[float],
    shares: np.ndarray,
    backend: str,
) -> np.ndarray:
    """Return held-out predictions of a banded ridge regression.

    Parameters
    ----------
    bands : sequence of arrays of shape (n_rows, n_features)
        Delayed features.
    targets : array of shape (n_rows, n_targets)
        BOLD.
    story, position, folds, inner_folds, gap, alphas, backend
        As `engram.encoding.ridge.encode` takes them.
    shares : array of shape (n_candidates, n_bands)
        Weights of the bands' kernels to choose from; each target gets the candidate and the penalty
        with the highest mean Pearson r over inner folds. A band's kernel is divided by its number
        of features, so that a share is one of variance.

    Returns
    -------
    array of shape (n_rows, n_targets)
        Without the intercept, a constant in each fold: beside it float32 would lose the small
        predictions of large penalties.
    """
    predictions = np.empty(targets.shape, dtype=np.float32)
    n_features = sum(band.shape[1] for band in bands)
    for train, test in outer_folds(story, position, folds, gap):
        kernels = [band_kernels(band, train, test, n_features) for band in bands]
        inner = inner_folds_of(story[train], position[train], folds, inner_folds, gap)
        predictions[test], _ = solve(
            kernels, targets[train], inner, alphas=alphas, shares=shares, backend=backend
        )
    return predictions


def solve(
    kernels: Sequence[Kernels],
    targets: np.ndarray,
    inner: Folds,
    *,
    alphas: Sequence[float],
    shares: np.ndarray,
    backend: str,
) -> tuple[np.ndarray, np.ndarray]:
    """Return predictions of test rows, and how well each candidate did in inner folds.

    Parameters
    ----------
    kernels : sequence of Kernels
        One for each band.
    targets : array of shape (n_train, n_targets)
    inner : Folds
        Of the training rows.
    alphas, shares, backend
        As `banded_predictions` takes them.

    Returns
    -------
    predictions : array of shape (n_test, n_targets)
    scores : array of shape (n_candidates, n_targets)
        Mean Pearson r over inner folds, at each target's best penalty.
    """
    from himalaya.backend import set_backend
    from himalaya.kernel_ridge import solve_multiple_kernel_ridge_random_search
    from himalaya.scoring import correlation_score

    xp = set_backend(backend)
    with np.errstate(divide="ignore"):  # the logarithm of a share of 0
        deltas, dual, scores, _ = solve_multiple_kernel_ridge_random_search(
            xp.asarray(np.stack([fit for fit, _ in kernels])),
            xp.asarray(targets.astype(np.float64)),
            n_iter=xp.asarray(shares),
            alphas=xp.asarray(np.asarray(alphas, dtype=np.float64)),
            score_func=correlation_score,
            cv=inner,
            fit_intercept=True,
            return_weights="dual",
            progress_bar=False,
        )
    weights = np.exp(xp.to_numpy(deltas))
    parts = [
        weight * (held_out @ xp.to_numpy(dual))
        for weight, (_, held_out) in zip(weights, kernels, strict=True)
    ]
    return np.sum(parts, axis=0), xp.to_numpy(scores)


def band_kernels(band: np.ndarray, train: np.ndarray, test: np.ndarray, n_features: int) -> Kernels:
    """Return a band's kernels, of features scaled by the training rows.

    They are as large as those of `n_features` features.
    """
    fit = band[train].astype(np.float64)
    mean, scale = fit.mean(0), fit.std(0)
    scale = scale + (scale == 0)
    fit, held_out = (fit - mean) / scale, (band[test] - mean) / scale
    size = n_features / band.shape[1]
    return size * fit @ fit.T, size * held_out @ fit.T


def score_predictions(
    predictions: np.ndarray,
    targets: np.ndarray,
    story: np.ndarray,
    position: np.ndarray,
    folds: int | StoryFolds,
    gap: int,
) -> np.ndarray:
    """Return Pearson r per tested story, mean over test blocks: (n_stories, n_targets)."""
    blocks = [
        block_scores(predictions[test], targets[test], story[test])
        for _, test in outer_folds(story, position, folds, gap)
    ]
    return np.mean(blocks, axis=0) if isinstance(folds, int) else folds.by_story(blocks)


def block_scores(predictions: np.ndarray, targets: np.ndarray, story: np.ndarray) -> np.ndarray:
    """Return Pearson r per story of the rows of one test block: (n_stories, n_targets)."""
    return np.stack(
        [
            pearson(standardize(targets[story == name]), predictions[story == name])
            for name in np.unique(story)
        ]
    )
