"""What associations predict beyond nuisance features and the story itself.

It is banded ridge with a band for what insertions change.

The bands are the word rate, the other nuisance features (words since the last insertion among
them), the language model's features of the story alone, and the difference that a text's insertions
make to these. The unique contribution of a text is the score of all bands minus that without its
own. A fourth band may gain or lose by its mere size, so random texts are scored in the same way,
and only what exceeds theirs counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import xarray as xr

from engram.bold.regions import region_coordinates, region_indices
from engram.encoding.folds import blocked_folds
from engram.encoding.nuisance import (
    Kernels,
    band_kernels,
    block_scores,
    candidates,
    nuisance_bands,
    since_insertion,
    solve,
)
from engram.encoding.ridge import open_group
from engram.features.variants import kind_of
from engram.files import storage
from engram.jobs.progress import progress
from engram.vocabulary import ORIGINAL_TEXT, RANDOM, SHUFFLED, WITH_ASSOCIATIONS

#: Shares of a text's band beside all others that are tried for each target, besides none.
SHARES = (0.1, 0.5)


def text_scores(
    bands: Sequence[np.ndarray],
    text: Callable[[str], np.ndarray],
    names: Sequence[str],
    targets: np.ndarray,
    story: np.ndarray,
    position: np.ndarray,
    *,
    folds: int,
    inner_folds: int,
    gap: int,
    alphas: Sequence[float],
    backend: str,
) -> np.ndarray:
    """Return the scores of some bands alone, and with each text's band beside them.

    Parameters
    ----------
    bands : sequence of arrays of shape (n_rows, n_features)
        Delayed features that are always there.
    text : callable
        Returns the delayed features of a text by its name, as many for each.
    names : sequence of str
        The texts.
    targets, story, position, folds, inner_folds, gap, alphas, backend
        As `engram.encoding.nuisance.banded_predictions` takes them.

    Returns
    -------
    array of shape (1 + n_texts, n_stories, n_targets)
        Pearson r, mean over test blocks; first without a text.

    Notes
    -----
    In each outer fold all targets share the weights of `bands`, none of them 0: those with the
    highest mean r over targets and inner folds. So one decomposition serves all targets of a text,
    and every text stands beside the same thing. Each target then chooses a text's share,
    which may be none, and the penalty, by the highest mean r over inner folds.
    """
    r = np.zeros((1 + len(names), len(np.unique(story)), targets.shape[1]))
    mixtures = np.array([shares for shares in candidates(len(bands)) if (shares > 0).all()])
    beside = np.array([(1 - share, share) for share in SHARES])
    for train, test in progress(blocked_folds(story, position, folds, gap), "folds", "fold"):

        def search(
            kernels: Sequence[Kernels], shares: np.ndarray, rows: np.ndarray = train
        ) -> tuple[np.ndarray, np.ndarray]:
            inner = blocked_folds(story[rows], position[rows], inner_folds, gap)
            return solve(
                kernels, targets[rows], inner, alphas=alphas, shares=shares, backend=backend
            )

        n_features = sum(band.shape[1] for band in bands)
        kernels = [band_kernels(band, train, test, n_features) for band in bands]
        _, found = search(kernels, mixtures)
        weights = mixtures[found.mean(1).argmax()]
        mixed = [
            np.tensordot(weights, np.stack(parts), axes=1) for parts in zip(*kernels, strict=True)
        ]
        whole = (mixed[0], mixed[1])
        without, inner_without = search([whole], np.ones((1, 1)))
        r[0] += block_scores(without, targets[test], story[test]) / folds
        for number, name in enumerate(names, start=1):
            with_text, inner = search(
                [whole, band_kernels(text(name), train, test, n_features)], beside
            )
            chosen = np.where(inner.max(0) > inner_without[0], with_text, without)
            r[number] += block_scores(chosen, targets[test], story[test]) / folds
    return r


def group_texts(
    activations: Sequence[str],
    bold: Sequence[str],
    words: Sequence[str],
    insertions: Sequence[str],
    subjects: Sequence[str],
    features: Sequence[str],
    targets: str,
    random_texts: int | None,
    **options: Any,
) -> xr.Dataset:
    """Score the story and nuisance features, without and with what a text's insertions change.

    That is done on a group of listeners, at the reported layer.

    Parameters
    ----------
    activations, bold, words, insertions : sequences of paths
        One file per story of the group, in the same order; the first as
        `engram.features.variants.collect` made them, the last by ``workflow/scripts/texts.py``.
    subjects : sequence of str
        The group's listeners, without the average one.
    features : sequence of str
        Nuisance features (`engram.encoding.nuisance.FEATURES`).
    targets : {"all", "roi"}
        `roi`: the mean time course of each region.
    random_texts : int or None
        How many random texts are scored, and at most how many shuffled ones; None: all.
    **options
        The `encoding` section of the configuration.

    Returns
    -------
    xarray.Dataset
        ``r`` (variant, story, subject, region), mean over test blocks and a region's targets:
        original, without a text's band; the others, with it.
    """
    read, group = open_group(activations, bold, words, subjects, targets, **options)
    variants = read[0]["variant"].values.tolist()
    names = [WITH_ASSOCIATIONS]
    for kind in (RANDOM, SHUFFLED):
        names += [name for name in variants if kind_of(name) == kind][:random_texts]
    tables = [storage.read_words(path) for path in words]
    places = [map(int, storage.read_json(path)["texts"][WITH_ASSOCIATIONS]) for path in insertions]
    tables = [
        table.assign(since_insertion=since_insertion(len(table), one))
        for table, one in zip(tables, places, strict=True)
    ]

    def delayed(name: str) -> np.ndarray:
        number = variants.index(name)
        rows = [one["row_variant"].values == number for one in read]
        vectors = [
            np.concatenate([one["reported"][number].values, one["reported_inserted"].values[mine]])
            for one, mine in zip(read, rows, strict=True)
        ]
        times = [one["row_onset"].values[mine] for one, mine in zip(read, rows, strict=True)]
        return group.features(vectors, group.how_for(read[0]), times)

    original = delayed(ORIGINAL_TEXT)
    bands = [*nuisance_bands(group, tables, features).values(), original]
    settings = {name: options[name] for name in ("folds", "inner_folds", "alphas")}
    rows = (group.targets, group.row_story, group.row_position)
    scores = text_scores(
        bands,
        lambda name: delayed(name) - original,
        names,
        *rows,
        gap=group.gap,
        backend=group.backend,
        **settings,
    )
    scores = scores.reshape(len(scores), len(group.stories), *group.shape)
    regions = region_indices(group.stories[0].target_coordinates)
    r = np.stack([scores[..., index].mean(-1) for index in regions.values()], axis=-1).astype(
        np.float32
    )
    description = "Mean over test blocks and a region's targets; original: without a text's band"
    return xr.Dataset(
        {
            "r": (
                ("variant", "story", "subject", "region"),
                r,
                {"units": "Pearson r", "description": description},
            )
        },
        coords={
            "variant": [ORIGINAL_TEXT, *names],
            "story": [one.name for one in group.stories],
            "subject": list(subjects),
            **region_coordinates(regions),
        },
        attrs={
            **group.attributes(),
            "reported_layer": int(read[0].attrs["reported_layer"]),
            "nuisance": ", ".join(features),
        },
    )
