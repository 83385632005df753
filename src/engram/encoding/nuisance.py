"""Nuisance control: what a language model predicts beyond plain facts about words.

These are how many words there are, how long they are and where they stand.

Bands of features (the word rate, the other nuisance features, the language model), each with a
penalty of its own for each
target: banded ridge (Nunez-Elizalde, Huth & Gallant 2019, NeuroImage 197:482) with himalaya's
multiple-kernel solver (Dupre la Tour et al. 2022, NeuroImage 264:119728), on the rows and folds
of the scores. The unique contribution of the language model is the score of all bands minus that of
the nuisance bands alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from engram.bold.regions import region_coordinates, region_indices
from engram.encoding.correlation import pearson, standardize
from engram.encoding.folds import blocked_folds
from engram.encoding.ridge import Group, open_group
from engram.features.layers import reported_layer
from engram.files import storage
from engram.jobs.progress import progress

#: Shares of a band, beside those before it, that are tried for each target.
SHARES = (0.0, 0.1, 0.5, 0.9)
#: The bands: how many words there are, the other nuisance features, the language model.
RATE, OTHERS, LANGUAGE = "word-rate", "others", "language"
#: Behind the name of a nuisance set: the same and the language model.
WITH_LANGUAGE = "+language"
#: The nuisance set of all features.
ALL = "all"
#: The nuisance feature that only a story with insertions has.
SINCE = "since-insertion"


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


def _log_frequencies(words: pd.DataFrame) -> np.ndarray:
    # The plan has looked for the column. A word of unknown frequency counts as a usual one.
    values = words["log_frequency"].astype(float)
    return values.fillna(values.mean()).to_numpy()


def since_insertion(n_words: int, places: Iterable[int]) -> np.ndarray:
    """Return how many words stand between each word of a story and the insertion before it.

    The shape is (n_words, ).

    Parameters
    ----------
    n_words : int
    places : iterable of int
        Words behind which something is inserted. Words before the first insertion, which none can
        act on, count as those farthest from one.
    """
    result = np.full(n_words, -1)
    for place in sorted(places):
        result[place + 1 :] = np.arange(n_words - place - 1)
    result[result < 0] = result.max(initial=0)
    return result.astype(float)


#: Nuisance features: a number for each word of a words table, by the names that the configuration
#: knows; `since_insertion` adds the column of the last.
FEATURES: dict[str, Callable[[pd.DataFrame], np.ndarray]] = {
    "word-rate": lambda words: np.ones(len(words)),
    "word-length": _lengths,
    "sentence-length": _sentence_lengths,
    "place-in-sentence": _place_in_sentence,
    "place-in-story": _place_in_story,
    "pause": _pauses,
    "log-frequency": _log_frequencies,
    SINCE: lambda words: words["since_insertion"].to_numpy(float),
}


def nuisance_vectors(words: pd.DataFrame, names: Sequence[str]) -> np.ndarray:
    """Return the nuisance features of every word: (n_words, n_features).

    They are summed over a row's words like a model's vectors.
    """
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
    for train, test in blocked_folds(story, position, folds, gap):
        kernels = [band_kernels(band, train, test, n_features) for band in bands]
        inner = blocked_folds(story[train], position[train], inner_folds, gap)
        predictions[test], _ = solve(
            kernels, targets[train], inner, alphas=alphas, shares=shares, backend=backend
        )
    return predictions


#: A band's linear kernels: (n_train, n_train) and (n_test, n_train).
Kernels = tuple[np.ndarray, np.ndarray]


def solve(
    kernels: Sequence[Kernels],
    targets: np.ndarray,
    inner: Sequence[tuple[np.ndarray, np.ndarray]],
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
    inner : sequence of (fit, held out)
        Inner folds of the training rows.
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


def feature_sets(bands: Collection[str]) -> dict[str, list[str]]:
    """Return which bands are scored together, by name.

    These are the language model, the word rate, and all nuisance features, the latter two
    each without and with it.
    """
    nuisance = [band for band in (RATE, OTHERS) if band in bands]
    sets = {LANGUAGE: [LANGUAGE]}
    for name, mine in ((RATE, [RATE] if RATE in nuisance else []), (ALL, nuisance)):
        if mine and list(sets.values())[-1] != [*mine, LANGUAGE]:
            sets |= {name: mine, name + WITH_LANGUAGE: [*mine, LANGUAGE]}
    return sets


def nuisance_bands(
    group: Group, words: Sequence[pd.DataFrame], features: Sequence[str]
) -> dict[str, np.ndarray]:
    """Return the delayed nuisance features of a group's stories by band.

    Bands are the word rate, and the others, each where it is asked for.
    """
    bands = {}
    for band, names in ((RATE, [RATE]), (OTHERS, [name for name in features if name != RATE])):
        if set(names) & set(features):
            bands[band] = group.features([nuisance_vectors(table, names) for table in words], "sum")
    return bands


def score_predictions(
    predictions: np.ndarray,
    targets: np.ndarray,
    story: np.ndarray,
    position: np.ndarray,
    folds: int,
    gap: int,
) -> np.ndarray:
    """Return Pearson r per story, mean over test blocks: (n_stories, n_targets)."""
    blocks = [
        block_scores(predictions[test], targets[test], story[test])
        for _, test in blocked_folds(story, position, folds, gap)
    ]
    return np.mean(blocks, axis=0)


def block_scores(predictions: np.ndarray, targets: np.ndarray, story: np.ndarray) -> np.ndarray:
    """Return Pearson r per story of the rows of one test block: (n_stories, n_targets)."""
    return np.stack(
        [
            pearson(standardize(targets[story == name]), predictions[story == name])
            for name in np.unique(story)
        ]
    )


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
    """Score nuisance features, a language model, and both together, on a group of listeners.

    The language model is scored at its reported layer.

    Parameters
    ----------
    activations, bold, words : sequences of paths
        One file per story of the group, in the same order.
    subjects : sequence of str
    layer : int or None
        The layer to report (`engram.features.layers.reported_layer`).
    features : sequence of str
        Nuisance features (`FEATURES`); words since the last insertion are left out, since
        the story alone has none.
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
    features = [name for name in features if name != SINCE]
    bands = {LANGUAGE: group.features([one["activation"][reported].values for one in read])}
    bands |= nuisance_bands(group, [storage.read_words(path) for path in words], features)
    rows = (group.targets, group.row_story, group.row_position)
    settings = {name: options[name] for name in ("folds", "inner_folds", "alphas")}
    wanted = feature_sets(bands)
    regions = region_indices(group.stories[0].target_coordinates)
    r = np.empty((len(wanted), len(group.stories), len(subjects), len(regions)), dtype=np.float32)
    for number, name in enumerate(progress(wanted, "feature sets", "set")):
        chosen = [bands[one] for one in wanted[name]]
        predictions = banded_predictions(
            chosen,
            *rows,
            gap=group.gap,
            shares=candidates(len(chosen)),
            backend=group.backend,
            **settings,
        )
        scores = score_predictions(predictions, *rows, options["folds"], group.gap).reshape(
            len(group.stories), *group.shape
        )
        for region, index in enumerate(regions.values()):
            r[number, ..., region] = scores[..., index].mean(-1)
    return xr.Dataset(
        {
            "r": (
                ("features", "story", "subject", "region"),
                r,
                {
                    "units": "Pearson r",
                    "description": "Mean over test blocks and a region's targets",
                },
            )
        },
        coords={
            "features": list(wanted),
            "story": [one.name for one in group.stories],
            "subject": list(subjects),
            **region_coordinates(regions),
        },
        attrs={**group.attributes(), "reported_layer": reported, "nuisance": ", ".join(features)},
    )
