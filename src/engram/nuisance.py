"""Nuisance control: what a language model predicts beyond how many words there are, how long they are and where they stand.

Bands of features (the word rate, the other nuisance features, the language model), each with a penalty of its own for each
target: banded ridge (Nunez-Elizalde, Huth & Gallant 2019, NeuroImage 197:482) with himalaya's multiple-kernel solver (Dupre la
Tour et al. 2022, NeuroImage 264:119728), on the rows and folds of the scores. The unique contribution of the language model is
the score of all bands minus that of the nuisance bands alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from engram import storage
from engram.encoding import open_group, region_indices
from engram.folds import blocked_folds
from engram.jobs import progress
from engram.scoring import pearson, standardize
from engram.tables import reported_layer

#: Shares of a band, beside those before it, that are tried for each target.
SHARES = (0.0, 0.1, 0.5, 0.9)
#: The bands: how many words there are, the other nuisance features, the language model.
RATE, OTHERS, LANGUAGE = "word-rate", "others", "language"
#: Behind the name of a nuisance set: the same and the language model.
WITH_LANGUAGE = "+language"
#: The nuisance set of all features.
ALL = "all"


def _lengths(words: pd.DataFrame) -> np.ndarray:
    return words["word"].str.count(r"\w").to_numpy(float)


def _sentence_lengths(words: pd.DataFrame) -> np.ndarray:
    return words.groupby("sentence")["word"].transform("size").to_numpy(float)


def _place_in_sentence(words: pd.DataFrame) -> np.ndarray:
    return words.groupby("sentence").cumcount().to_numpy(float)


def _place_in_story(words: pd.DataFrame) -> np.ndarray:
    return np.linspace(0, 1, len(words))


def _pauses(words: pd.DataFrame) -> np.ndarray:
    ends = np.r_[words["onset"].iloc[0], words["offset"].to_numpy(float)[:-1]]
    return np.maximum(words["onset"].to_numpy(float) - ends, 0.0)


#: Nuisance features: a number for each word of a words table, by the names that the configuration knows.
FEATURES: dict[str, Callable[[pd.DataFrame], np.ndarray]] = {
    "word-rate": lambda words: np.ones(len(words)),
    "word-length": _lengths,
    "sentence-length": _sentence_lengths,
    "place-in-sentence": _place_in_sentence,
    "place-in-story": _place_in_story,
    "pause": _pauses,
}


def nuisance_vectors(words: pd.DataFrame, names: Sequence[str]) -> np.ndarray:
    """Return the nuisance features of every word: (n_words, n_features); summed over a row's words like a model's vectors."""
    return np.stack([FEATURES[name](words) for name in names], axis=1)


def banded_predictions(
    bands: Sequence[np.ndarray],
    targets: np.ndarray,
    story: np.ndarray,
    position: np.ndarray,
    *,
    folds: int,
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
        As `engram.encoding.encode` takes them.
    shares : array of shape (n_candidates, n_bands)
        Weights of the bands' kernels to choose from; each target gets the candidate and the penalty with the highest mean
        Pearson r over inner folds. A band's kernel is divided by its number of features, so that a share is one of variance.

    Returns
    -------
    array of shape (n_rows, n_targets)
        Without the intercept, a constant in each fold: beside it float32 would lose the small predictions of large penalties.
    """
    from himalaya.backend import set_backend
    from himalaya.kernel_ridge import solve_multiple_kernel_ridge_random_search
    from himalaya.scoring import correlation_score

    xp = set_backend(backend)
    predictions = np.empty(targets.shape, dtype=np.float32)
    n_features = sum(band.shape[1] for band in bands)
    for train, test in blocked_folds(story, position, folds, gap):
        kernels, test_kernels = zip(*[_kernels(band, train, test, n_features) for band in bands], strict=True)
        with np.errstate(divide="ignore"):  # the logarithm of a share of 0
            deltas, dual, _, _ = solve_multiple_kernel_ridge_random_search(
                xp.asarray(np.stack(kernels)),
                xp.asarray(targets[train].astype(np.float64)),
                n_iter=xp.asarray(shares),
                alphas=xp.asarray(np.asarray(alphas, dtype=np.float64)),
                score_func=correlation_score,
                cv=blocked_folds(story[train], position[train], inner_folds, gap),
                fit_intercept=True,
                return_weights="dual",
                progress_bar=False,
            )
        weights = np.exp(xp.to_numpy(deltas))
        parts = [weight * (kernel @ xp.to_numpy(dual)) for weight, kernel in zip(weights, test_kernels, strict=True)]
        predictions[test] = np.sum(parts, axis=0)
    return predictions


def _kernels(band: np.ndarray, train: np.ndarray, test: np.ndarray, n_features: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a band's linear kernels (n_train, n_train) and (n_test, n_train), of features scaled by the training rows, as large as all features'."""
    fit = band[train].astype(np.float64)
    mean, scale = fit.mean(0), fit.std(0)
    scale = scale + (scale == 0)
    fit, held_out = (fit - mean) / scale, (band[test] - mean) / scale
    size = n_features / band.shape[1]
    return size * fit @ fit.T, size * held_out @ fit.T


def candidates(n_bands: int) -> np.ndarray:
    """Return the weights of bands to choose from: (n_candidates, n_bands), each beside those before it, and the last one alone."""
    found = np.ones((1, 1))
    for _ in range(1, n_bands):
        found = np.concatenate([np.column_stack([(1 - share) * found, np.full(len(found), share)]) for share in SHARES])
    return np.concatenate([found, np.eye(n_bands)[-1:]]) if n_bands > 1 else found


def feature_sets(bands: Collection[str]) -> dict[str, list[str]]:
    """Return which bands are scored together, by name: the language model; the word rate, and all nuisance features, each without and with it."""
    nuisance = [band for band in (RATE, OTHERS) if band in bands]
    sets = {LANGUAGE: [LANGUAGE]}
    for name, mine in ((RATE, [RATE] if RATE in nuisance else []), (ALL, nuisance)):
        if mine and list(sets.values())[-1] != [*mine, LANGUAGE]:
            sets |= {name: mine, name + WITH_LANGUAGE: [*mine, LANGUAGE]}
    return sets


def score_predictions(predictions: np.ndarray, targets: np.ndarray, story: np.ndarray, position: np.ndarray, folds: int, gap: int) -> np.ndarray:
    """Return Pearson r per story, mean over test blocks: (n_stories, n_targets)."""
    names = np.unique(story)
    r = np.zeros((len(names), targets.shape[1]))
    for _, test in blocked_folds(story, position, folds, gap):
        for number, name in enumerate(names):
            rows = test[story[test] == name]
            r[number] += pearson(standardize(targets[rows]), predictions[rows]) / folds
    return r


def group_nuisance(
    activations: Sequence[str],
    bold: Sequence[str],
    words: Sequence[str],
    subjects: Sequence[str],
    layer: int | None,
    features: Sequence[str],
    targets: str,
    **options: Any,
) -> xr.Dataset:
    """Score nuisance features, a language model at its reported layer, and both together, on a group of listeners.

    Parameters
    ----------
    activations, bold, words : sequences of paths
        One file per story of the group, in the same order.
    subjects : sequence of str
    layer : int or None
        The layer to report (`engram.tables.reported_layer`).
    features : sequence of str
        Nuisance features (`FEATURES`).
    targets : {"all", "roi"}
        `roi`: the mean time course of each region.
    **options
        The `encoding` section of the configuration.

    Returns
    -------
    xarray.Dataset
        ``r`` (features, story, subject, region), mean over test blocks and a region's targets.
    """
    read, group = open_group(activations, bold, words, subjects, targets, **options)
    reported = reported_layer(read[0].sizes["layer"] - 1, layer)
    bands = {LANGUAGE: group.features([one["activation"][reported].values for one in read])}
    for band, names in ((RATE, [RATE]), (OTHERS, [name for name in features if name != RATE])):
        if set(names) & set(features):
            bands[band] = group.features([nuisance_vectors(storage.read_words(path), names) for path in words], "sum")
    rows = (group.targets, group.row_story, group.row_position)
    settings = {name: options[name] for name in ("folds", "inner_folds", "alphas")}
    wanted = feature_sets(bands)
    regions = region_indices(group.stories[0].target_coordinates)
    r = np.empty((len(wanted), len(group.stories), len(subjects), len(regions)), dtype=np.float32)
    for number, name in enumerate(progress(wanted, "feature sets", "set")):
        chosen = [bands[one] for one in wanted[name]]
        predictions = banded_predictions(chosen, *rows, gap=group.gap, shares=candidates(len(chosen)), backend=group.backend, **settings)
        scores = score_predictions(predictions, *rows, options["folds"], group.gap).reshape(len(group.stories), *group.shape)
        for region, index in enumerate(regions.values()):
            r[number, ..., region] = scores[..., index].mean(-1)
    return xr.Dataset(
        {"r": (("features", "story", "subject", "region"), r, {"units": "Pearson r", "description": "Mean over test blocks and a region's targets"})},
        coords={
            "features": list(wanted),
            "story": [one.name for one in group.stories],
            "subject": list(subjects),
            "region_hemisphere": ("region", [side for side, _ in regions]),
            "region_roi": ("region", [roi for _, roi in regions]),
            "region_targets": ("region", [len(index) for index in regions.values()]),
        },
        attrs={**group.attributes(), "reported_layer": reported, "nuisance": ", ".join(features)},
    )
