"""Brain scores R of every layer of a model, on every target of a group of listeners."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from engram.encoding import scores
from engram.encoding.folds import count_blocks
from engram.encoding.group import Part, open_group
from engram.files import storage
from engram.jobs.progress import progress


def score_layers(
    activations: Sequence[str],
    bold: Sequence[str],
    words: Sequence[str],
    subjects: Sequence[str],
    **options: Any,
) -> xr.Dataset:
    """Score every layer of a model on every target of a group of listeners.

    Parameters
    ----------
    activations, bold, words, subjects, **options
        As `engram.encoding.group.open_group` takes them.

    Returns
    -------
    xarray.Dataset
        ``r`` (layer, story, subject, target), Pearson, mean over folds; ``r_fold``
        (layer, story, fold, subject, region), each fold by region, so that a layer can
        be chosen on other folds than it is tested on; ``alpha`` (layer, subject, target),
        an index of ``penalties``.
    """
    read, group = open_group(activations, bold, words, subjects, "all", **options)
    n_layers, how = read[0].sizes["layer"], group.how_for(read[0])
    regions = scores.regions_of_targets(group)
    n_stories, (n_subjects, n_targets) = len(group.tested), group.shape
    # In memory once, as they will be written: for whole cortices they are gigabytes.
    r = np.empty((n_layers, n_stories, n_subjects, n_targets), dtype=np.float32)
    r_fold = np.empty(
        (n_layers, n_stories, count_blocks(group.folds), n_subjects, len(regions)),
        dtype=np.float32,
    )
    alpha = np.empty((n_layers, n_subjects, n_targets), dtype=np.uint8)

    def score(part: Part) -> None:
        for layer in progress(range(n_layers), "layers", "layer"):
            vectors = [one["activation"][layer].values for one in read]
            scored = group.score_vectors(part, vectors, how)
            by_listener = group.by_listener(scored)
            r[layer][:, part.listeners] = by_listener.mean(1)
            r_fold[layer][:, :, part.listeners] = scores.region_means(by_listener, regions)
            alpha[layer, part.listeners] = np.rint(scored.alpha.mean(0)).reshape(-1, n_targets)

    group.each_part(read[0].sizes["unit"], n_layers, score)
    return xr.Dataset(
        _variables(r, r_fold, alpha),
        coords={
            "layer": np.arange(n_layers),
            "region": [f"{hemisphere}-{roi}" for hemisphere, roi in regions],
            "penalties": (
                "penalty",
                [float(value) for value in options["alphas"]],
                {"description": "Ridge penalties to choose from"},
            ),
            **scores.target_coordinates(group),
        },
        attrs=scores.attributes(group),
    )


def _variables(r: np.ndarray, r_fold: np.ndarray, alpha: np.ndarray) -> dict[str, xr.Variable]:
    return {
        "r": scores.pearson_r(
            ("layer", "story", "subject", "target"),
            r,
            "Predicted against recorded BOLD, mean over test blocks",
            storage.packed(1.0),
        ),
        "r_fold": scores.pearson_r(
            ("layer", "story", "fold", "subject", "region"),
            r_fold,
            "The same per test block, mean over the targets of each region",
        ),
        "alpha": xr.Variable(
            ("layer", "subject", "target"),
            alpha,
            {
                "description": (
                    "Which of `penalties` the inner folds chose, mean over outer folds, rounded"
                )
            },
            storage.COMPRESSED,
        ),
    }
