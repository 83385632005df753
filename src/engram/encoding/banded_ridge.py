"""Banded ridge regression: a penalty for each band of features, chosen for each target.

Nunez-Elizalde, Huth & Gallant (2019, NeuroImage 197:482), with himalaya's multiple-kernel solver
(Dupre la Tour et al. 2022, NeuroImage 264:119728), on the rows and folds of the scores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from engram.encoding.correlation import deviations, pearson, standardize
from engram.encoding.folds import Folds, inner_folds_of, outer_folds
from engram.encoding.group import Group
from engram.encoding.story_folds import StoryFolds
from engram.jobs.progress import progress

#: Shares of a band, beside those before it, that are tried for each target.
SHARES = (0.0, 0.1, 0.5, 0.9)
#: A band's linear kernels: (n_train, n_train) and (n_test, n_train).
Kernels = tuple[np.ndarray, np.ndarray]
#: Delayed features that share a penalty, (n_rows, n_features); several arrays weigh the same.
Band = np.ndarray | Sequence[np.ndarray]
#: Pearson r, or the share of variance that predictions explain (R squared).
Measure = Literal["r", "r2"]


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


def set_scores(
    group: Group,
    bands: Mapping[str, Band],
    sets: Mapping[str, Sequence[str]],
    shares: Mapping[str, np.ndarray],
    *,
    inner_folds: int,
    alphas: Sequence[float],
    measure: Measure = "r",
    size: int | None = None,
) -> np.ndarray:
    """Return how well sets of bands predict the BOLD of a group, by nested cross-validation.

    Parameters
    ----------
    group : Group
        Its rows, folds and backend are used.
    bands : mapping
        Bands by name.
    sets : mapping
        Names of bands that are fitted together, by the name of the set.
    shares : mapping
        Weights of bands to choose from, by the name of the set (`banded_predictions`).
    inner_folds, alphas
        As `banded_predictions` takes them.
    measure : {"r", "r2"}
        What weights and penalties are chosen by, and what is returned.
    size : int, optional
        As `banded_predictions` takes it.

    Returns
    -------
    array of shape (n_sets, n_stories, n_subjects * n_targets)
        Mean over test blocks.
    """
    rows = (group.targets, group.row_story, group.row_position)
    scores = []
    for name, members in progress(sets.items(), "feature sets", "set"):
        predictions = banded_predictions(
            [bands[one] for one in members],
            *rows,
            folds=group.folds,
            inner_folds=inner_folds,
            gap=group.gap,
            alphas=alphas,
            shares=shares[name],
            backend=group.backend,
            measure=measure,
            size=size,
        )
        scores.append(score_predictions(predictions, *rows, group.folds, group.gap, measure))
    return np.stack(scores)


def banded_predictions(
    bands: Sequence[Band],
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
    measure: Measure = "r",
    size: int | None = None,
) -> np.ndarray:
    """Return held-out predictions of a banded ridge regression.

    Parameters
    ----------
    bands : sequence of Band
        Delayed features.
    targets : array of shape (n_rows, n_targets)
        BOLD.
    story, position, folds, inner_folds, gap, alphas, backend
        As `engram.encoding.ridge.encode` takes them.
    shares : array of shape (n_candidates, n_bands)
        Weights of the bands' kernels to choose from; each target gets the candidate and the penalty
        with the highest mean of `measure` over inner folds. A band's kernel is divided by its
        number of features, so that a share is one of variance.
    measure : {"r", "r2"}
    size : int, optional
        As how many features each kernel counts, which is what penalties go by; None: those of all
        bands. Sets of bands that are compared need the same.

    Returns
    -------
    array of shape (n_rows, n_targets)
        Without the intercept, a constant in each fold: beside it float32 would lose the small
        predictions of large penalties.
    """
    predictions = np.empty(targets.shape, dtype=np.float32)
    parts = [[band] if isinstance(band, np.ndarray) else list(band) for band in bands]
    n_features = size or count_features(bands)
    for train, test in outer_folds(story, position, folds, gap):
        kernels = [_mean_kernels(some, train, test, n_features) for some in parts]
        inner = inner_folds_of(story[train], position[train], folds, inner_folds, gap)
        predictions[test], _ = solve(
            kernels,
            targets[train],
            inner,
            alphas=alphas,
            shares=shares,
            backend=backend,
            measure=measure,
        )
    return predictions


def count_features(bands: Sequence[Band]) -> int:
    """Return how many delayed features bands have together."""
    return sum(
        band.shape[1] if isinstance(band, np.ndarray) else count_features(band) for band in bands
    )


def solve(
    kernels: Sequence[Kernels],
    targets: np.ndarray,
    inner: Folds,
    *,
    alphas: Sequence[float],
    shares: np.ndarray,
    backend: str,
    measure: Measure = "r",
) -> tuple[np.ndarray, np.ndarray]:
    """Return predictions of test rows, and how well each candidate did in inner folds.

    Parameters
    ----------
    kernels : sequence of Kernels
        One for each band.
    targets : array of shape (n_train, n_targets)
    inner : Folds
        Of the training rows.
    alphas, shares, backend, measure
        As `banded_predictions` takes them.

    Returns
    -------
    predictions : array of shape (n_test, n_targets)
    scores : array of shape (n_candidates, n_targets)
        Mean of `measure` over inner folds, at each target's best penalty.
    """
    from himalaya.backend import set_backend
    from himalaya.kernel_ridge import solve_multiple_kernel_ridge_random_search
    from himalaya.scoring import correlation_score, r2_score

    xp = set_backend(backend)
    with np.errstate(divide="ignore"):  # the logarithm of a share of 0
        deltas, dual, scores, _ = solve_multiple_kernel_ridge_random_search(
            xp.asarray(np.stack([fit for fit, _ in kernels])),
            xp.asarray(targets.astype(np.float64)),
            n_iter=xp.asarray(shares),
            alphas=xp.asarray(np.asarray(alphas, dtype=np.float64)),
            score_func={"r": correlation_score, "r2": r2_score}[measure],
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
    mean, scale = fit.mean(0), deviations(fit)
    scale = scale + (scale == 0)
    fit, held_out = (fit - mean) / scale, (band[test] - mean) / scale
    size = n_features / band.shape[1]
    return size * fit @ fit.T, size * held_out @ fit.T


def _mean_kernels(
    parts: Sequence[np.ndarray], train: np.ndarray, test: np.ndarray, n_features: int
) -> Kernels:
    """Return the mean of the kernels of a band's parts, which so weigh the same."""
    kernels = [band_kernels(part, train, test, n_features) for part in parts]
    if len(kernels) == 1:
        return kernels[0]
    fit, held_out = (np.mean(some, axis=0) for some in zip(*kernels, strict=True))
    return fit, held_out


def score_predictions(
    predictions: np.ndarray,
    targets: np.ndarray,
    story: np.ndarray,
    position: np.ndarray,
    folds: int | StoryFolds,
    gap: int,
    measure: Measure = "r",
) -> np.ndarray:
    """Return a measure per tested story, mean over test blocks: (n_stories, n_targets)."""
    blocks = [
        block_scores(predictions[test], targets[test], story[test], measure)
        for _, test in outer_folds(story, position, folds, gap)
    ]
    return np.mean(blocks, axis=0) if isinstance(folds, int) else folds.by_story(blocks)


def block_scores(
    predictions: np.ndarray, targets: np.ndarray, story: np.ndarray, measure: Measure = "r"
) -> np.ndarray:
    """Return a measure per story of the rows of one test block: (n_stories, n_targets)."""
    of_rows = {"r": _correlation, "r2": explained_variance}[measure]
    return np.stack(
        [of_rows(targets[story == name], predictions[story == name]) for name in np.unique(story)]
    )


def _correlation(recorded: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    return pearson(standardize(recorded), predicted)


def explained_variance(recorded: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Return R squared: 1 minus the variance of what is left over that of what was recorded.

    Means of the rows count neither for nor against predictions, as in Pearson r. It is negative
    where predictions are worse than none, and 0 where nothing varies.

    Parameters
    ----------
    recorded, predicted : arrays of shape (n_rows, n_targets)

    Returns
    -------
    array of shape (n_targets, )
        Float64.
    """
    whole = recorded.astype(np.float64).var(0)
    left = (recorded.astype(np.float64) - predicted).var(0)
    return np.where(whole > 0, 1 - left / np.where(whole > 0, whole, 1), 0.0)
