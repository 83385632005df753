"""Scores of a feature space whose values are dealt to other words: its null.

Everything is refitted for each deal, penalties too, on the same rows and folds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from engram.bold.regions import region_coordinates
from engram.encoding import scores
from engram.encoding.group import Group, open_group
from engram.features.dealt_entries import dealt_vectors
from engram.features.layers import reported_layer
from engram.files import storage
from engram.jobs.progress import progress


def score_deals(
    activations: Sequence[str],
    bold: Sequence[str],
    words: Sequence[str],
    deals: str,
    subjects: Sequence[str],
    targets: str,
    layer: int | None,
    **options: Any,
) -> xr.Dataset:
    """Score a space at its reported layer on a group of listeners, as it is and under each deal.

    Parameters
    ----------
    activations, bold, words, subjects, targets, **options
        As `engram.encoding.group.open_group` takes them; without the average listener.
    deals : path
        As `engram.features.dealt_entries.dealt_space` made it, of all stories of the study.
    layer : int or None
        The layer to report (`engram.features.layers.reported_layer`).

    Returns
    -------
    xarray.Dataset
        ``r`` (subject, region): a region's mean over targets; ``r_dealt`` (deal, region): the
        same under each deal, mean over listeners.
    """
    read, group = open_group(activations, bold, words, subjects, targets, **options)
    with storage.open_dataset(deals) as dataset:
        dealt = dataset.load()
    reported = reported_layer(read[0].sizes["layer"] - 1, layer)
    values, known = dealt["values"].values[reported], dealt["entry"].values.tolist()
    entries = [one["entry"].values.tolist() for one in read]

    def scored(donor: np.ndarray) -> np.ndarray:
        vectors = [dealt_vectors(values, known, donor, one) for one in entries]
        return _by_listener(group, vectors, group.how_for(read[0]))

    observed = scored(np.arange(len(known)))
    null = [scored(donor).mean(0) for donor in progress(dealt["donor"].values, "deals", "deal")]
    result = _dataset(group, observed, np.stack(null))
    return result.assign_attrs(
        reported_layer=reported, entries=len(known), movable=int(dealt.attrs["movable"])
    )


def _dataset(group: Group, r: np.ndarray, null: np.ndarray) -> xr.Dataset:
    """Return scores (n_subjects, n_targets) and those under deals (n_deals, n_targets)."""
    regions = scores.regions_of_targets(group)
    return xr.Dataset(
        {
            "r": scores.pearson_r(("subject", "region"), scores.region_means(r, regions)),
            "r_dealt": scores.pearson_r(
                ("deal", "region"),
                scores.region_means(null, regions),
                "With the values of other words, mean over listeners",
            ),
        },
        coords={
            "subject": group.subjects,
            "story": [one.name for one in group.stories],
            **region_coordinates(regions),
        },
        attrs=scores.attributes(group),
    )


def _by_listener(group: Group, vectors: Sequence[np.ndarray], how: str | None) -> np.ndarray:
    """Return R of word vectors, mean over folds and stories: (n_listeners, n_targets)."""
    scored = group.score_features(group.features(vectors, how), group.targets, group.others)
    mean: np.ndarray = group.by_listener(scored).mean((0, 1))
    return mean
