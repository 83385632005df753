"""R against chance: features scored on BOLD that was shifted in time.

A story's BOLD is moved round a circle, by at least `MARGIN` seconds either way and by the same
distance for all listeners: what listeners share, and how slowly BOLD changes, is kept, and when
it happened is not. Everything is fitted anew, penalties too: shifting predictions that were
fitted once would be cheaper, and rejects a true null in 8 % of studies at 5 % (docs/methods.md).
Features stay as they are, so all shifts share one decomposition.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from engram.bold.regions import region_coordinates, region_indices
from engram.encoding.ridge import Group, open_group
from engram.features.layers import reported_layer
from engram.jobs.progress import progress

#: BOLD is shifted by at least so many seconds, either way.
MARGIN = 20.0
#: Numbers of shifted BOLD that are in memory at once.
_NUMBERS = 1 << 26


def allowed_shifts(n_rows: int, tr: float) -> np.ndarray:
    """Return the shifts of a story, in rows, that are at least `MARGIN` seconds from either end.

    There are none where the story is too short.
    """
    margin = int(np.ceil(MARGIN / tr - 1e-6))
    return np.arange(margin, n_rows - margin + 1)


def drawn_shifts(story: str, n_rows: int, tr: float, number: int, seed: int) -> np.ndarray:
    """Return the shifts of a story in every draw, in rows.

    They are the same for all groups of listeners, and each comes before any comes again.
    There are none if the story is too short.
    """
    allowed = allowed_shifts(n_rows, tr)
    if len(allowed) == 0:
        return np.zeros(0, dtype=int)
    order = np.random.default_rng([seed, zlib.crc32(story.encode())]).permutation(allowed)
    return np.resize(order, number)


def shifted(targets: np.ndarray, story: np.ndarray, shifts: Sequence[int]) -> np.ndarray:
    """Return targets (n_rows, n_targets), each story's rows later by its shift, round a circle."""
    parts = [
        np.roll(targets[story == number], shift, axis=0) for number, shift in enumerate(shifts)
    ]
    return np.concatenate(parts)


def null_scores(group: Group, features: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """Return scores on shifted BOLD.

    Parameters
    ----------
    group : engram.encoding.ridge.Group
    features : array of shape (n_rows, n_features)
        Delayed features (`Group.features`).
    shifts : array of shape (n_draws, n_stories)
        In rows.

    Returns
    -------
    array of shape (n_draws, n_targets)
        Mean over test blocks, stories and listeners.
    """
    n_subjects, n_targets = group.shape
    at_once = max(1, _NUMBERS // group.targets.size)
    parts = []
    for begin in progress(range(0, len(shifts), at_once), "shifts", "batch"):
        some = shifts[begin : begin + at_once]
        scores = group.score_others(
            features,
            np.concatenate([shifted(group.targets, group.row_story, one) for one in some], axis=1),
        )
        parts.append(scores.r.mean((0, 1)).reshape(len(some), n_subjects, n_targets).mean(1))
    return np.concatenate(parts)


def group_null(
    activations: Sequence[str],
    bold: Sequence[str],
    words: Sequence[str],
    subjects: Sequence[str],
    layer: int | None,
    number: int,
    targets: str,
    seed: int,
    **options: Any,
) -> xr.Dataset:
    """Return the scores of a group of listeners on their BOLD and on shifted BOLD.

    They are those at the reported layer.

    Parameters
    ----------
    activations, bold, words : sequences of paths
        One file per story of the group, in the same order.
    subjects : sequence of str
        The group's listeners, without the average one.
    layer : int or None
        The layer to report (`engram.features.layers.reported_layer`).
    number : int
        How many shifts.
    targets : {"all", "roi"}
        `roi`: the mean time course of each region.
    seed : int
        Of the shifts.
    **options
        The `encoding` section of the configuration.

    Returns
    -------
    xarray.Dataset
        ``r`` (subject, region): a region's mean over targets; ``r_shifted`` (shift, region):
        the same on shifted BOLD, mean over listeners; without shifts where a story is too short.
    """
    read, group = open_group(activations, bold, words, subjects, targets, **options)
    reported = reported_layer(read[0].sizes["layer"] - 1, layer)
    features = group.features(
        [one["activation"][reported].values for one in read], group.how_for(read[0])
    )
    regions = region_indices(group.stories[0].target_coordinates)
    observed = group.by_story(group.score_others(features, group.targets)).mean((0, 1))
    drawn = [
        drawn_shifts(one.name, len(one.times), group.tr, number, seed) for one in group.stories
    ]
    shifts = (
        np.stack(drawn, axis=1)
        if all(len(one) for one in drawn)
        else np.zeros((0, len(drawn)), dtype=int)
    )
    null = null_scores(group, features, shifts) if len(shifts) else np.empty((0, group.shape[1]))
    unit = {"units": "Pearson r"}
    return xr.Dataset(
        {
            "r": (
                ("subject", "region"),
                np.stack([observed[:, index].mean(1) for index in regions.values()], axis=1),
                unit,
            ),
            "r_shifted": (
                ("shift", "region"),
                np.stack([null[:, index].mean(1) for index in regions.values()], axis=1),
                {**unit, "description": "On BOLD that was shifted in time, mean over listeners"},
            ),
            "rows": (("shift", "story"), shifts, {"description": "Shift of each story, in rows"}),
        },
        coords={
            "subject": list(subjects),
            "story": [one.name for one in group.stories],
            "allowed": (
                "story",
                [len(allowed_shifts(len(one.times), group.tr)) for one in group.stories],
                {"description": "Shifts that there are"},
            ),
            **region_coordinates(regions),
        },
        attrs={**group.attributes(), "reported_layer": reported},
    )
