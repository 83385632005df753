"""Scores of attention heads: of each by itself, and its part of what all heads of a layer predict.

All heads of a layer are fitted together, once. A head's split score is the part of Pearson's r
that its weights carry: the covariance of its part of the prediction with BOLD, over the standard
deviations of the whole prediction and of BOLD (as in St-Yves & Naselaris 2018, NeuroImage 180:188;
Kumar et al. 2024, Nat Commun 15:5523). Split scores of a layer's heads add up to R of the layer,
and can be negative. A head by itself is fitted alone: heads that hold the same score alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from engram.bold.regions import region_coordinates
from engram.encoding import circular_shift, predictions, scores
from engram.encoding.correlation import standardize
from engram.encoding.group import Group, open_group
from engram.features.layers import reported_layer
from engram.jobs.progress import progress

#: Numbers of shifted BOLD that are scored at once.
_NUMBERS = 1 << 24
_DIMENSIONS = {
    "r": ("layer", "head", "subject", "region"),
    "r_split": ("layer", "head", "subject", "region"),
    "r_half": ("half", "head", "subject", "region"),
    "r_shifted": ("shift", "head", "region"),
    "r_split_shifted": ("shift", "head", "region"),
}


def score_heads(
    activations: Sequence[str],
    bold: Sequence[str],
    words: Sequence[str],
    subjects: Sequence[str],
    targets: str,
    layer: int | None,
    number: int,
    seed: int,
    **options: Any,
) -> xr.Dataset:
    """Score the heads of every layer that was read on a group of listeners.

    Parameters
    ----------
    activations, bold, words, subjects, targets, **options
        As `engram.encoding.group.open_group` takes them; without the average listener.
    layer : int or None
        The layer to report (`engram.features.layers.reported_layer`): shifts and halves are scored
        there alone.
    number, seed : int
        Circular shifts of BOLD.

    Returns
    -------
    xarray.Dataset
        ``r`` and ``r_split`` (layer, head, subject, region): a head by itself, and its part of all;
        ``r_half`` (half, head, subject, region): split scores within either half of the stories;
        ``r_shifted`` and ``r_split_shifted`` (shift, head, region): on shifted BOLD, mean over
        listeners. A region's is the mean over its targets.
    """
    read, group = open_group(activations, bold, words, subjects, targets, **options)
    numbers, heads = read[0]["layer"].values.tolist(), read[0]["head"].values
    places = [place for place, one in enumerate(numbers) if one > 0]
    reported = 0 if len(numbers) == 1 else reported_layer(len(numbers) - 1, layer)
    alone, split = [], []
    for place in progress(places, "layers", "layer"):
        features, sets = _features(group, read, place, heads)
        alone.append(_alone(group, features, sets, group.targets, group.others))
        split.append(_split(group, features, sets, group.targets, group.others))
    features, sets = _features(group, read, reported, heads)
    shifts = circular_shift.group_shifts(group, number, seed)
    null = np.stack(
        [circular_shift.null_scores(group, features[:, one], shifts) for one in sets], 1
    )
    found = {
        "r": np.stack(alone),
        "r_split": np.stack(split),
        "r_half": _halves(group, features, sets),
        "r_shifted": null,
        "r_split_shifted": _split_null(group, features, sets, shifts),
    }
    result = _dataset(group, found).assign_coords(layer=[numbers[place] for place in places])
    return result.assign_attrs(reported_layer=numbers[reported])


def _dataset(group: Group, found: Mapping[str, np.ndarray]) -> xr.Dataset:
    """Return scores by target, their last dimension, as scores by region."""
    regions = scores.regions_of_targets(group)
    variables = {
        name: scores.pearson_r(
            _DIMENSIONS[name], scores.region_means(values, regions).astype(np.float32)
        )
        for name, values in found.items()
    }
    return xr.Dataset(
        variables,
        coords={
            "head": np.arange(found["r"].shape[1]),
            "subject": group.subjects,
            "story": [one.name for one in group.tested],
            "allowed": (
                "story",
                [
                    len(circular_shift.allowed_shifts(len(one.times), group.tr))
                    for one in group.tested
                ],
                {"description": "Shifts that there are"},
            ),
            **region_coordinates(regions),
        },
        attrs=scores.attributes(group),
    )


def _features(
    group: Group, read: Sequence[xr.Dataset], place: int, heads: np.ndarray
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return a layer's delayed features, and which of their columns are of each head."""
    vectors = [one["activation"].values[place] for one in read]
    features = group.features(vectors, group.how_for(read[0]))
    of_column = np.tile(heads, features.shape[1] // len(heads))
    return features, [np.flatnonzero(of_column == one) for one in np.unique(heads)]


def _alone(
    group: Group, features: np.ndarray, sets: Sequence[np.ndarray], targets: Any, others: Any
) -> np.ndarray:
    """Return R of each head by itself: (n_heads, n_subjects, n_targets)."""
    found = []
    for columns in sets:
        scored = group.score_features(np.ascontiguousarray(features[:, columns]), targets, others)
        found.append(group.by_listener(scored).mean((0, 1)))
    return np.stack(found)


def _split(
    group: Group, features: np.ndarray, sets: Sequence[np.ndarray], targets: Any, others: Any
) -> np.ndarray:
    """Return split scores, mean over test blocks and stories: (n_heads, n_subjects, n_targets)."""
    return split_scores(group, features, sets, targets, others).reshape(
        len(sets), -1, group.shape[1]
    )


def split_scores(
    group: Group,
    features: np.ndarray,
    sets: Sequence[np.ndarray],
    targets: Any,
    others: Any = None,
) -> np.ndarray:
    """Return the parts of R that sets of features carry in one regression of all of them.

    Parameters
    ----------
    group : engram.encoding.group.Group
        Its rows, folds and options are used.
    features : array of shape (n_rows, n_features)
        Delayed features.
    sets : sequence of arrays of int
        Columns of the features.
    targets, others
        As `Group.score_features` takes them.

    Returns
    -------
    array of shape (n_sets, n_targets)
        Mean over test blocks and stories; over sets they add up to R.
    """
    total, blocks = np.zeros((len(sets), targets.shape[1])), 0
    n_listeners, n_targets = group.shape
    ties = predictions.ties_of(group, targets.shape[1] // (n_listeners * n_targets))
    for held_out in predictions.of_targets(group, features, targets, others=others, tied=ties):
        stories = held_out.parts

        def take(
            some: np.ndarray,
            parts: np.ndarray,
            recorded: np.ndarray,
            stories: Sequence[slice] = stories,
        ) -> None:
            for rows in stories:
                total[:, some] += _shares(parts[:, rows], recorded[rows])

        held_out.each_split(sets, take)
        blocks += len(stories)
    return total / blocks


def _shares(parts: np.ndarray, recorded: np.ndarray) -> np.ndarray:
    """Return how much of Pearson's r of the sum of parts each part carries.

    Parameters
    ----------
    parts : array of shape (n_sets, n_rows, n_targets)
    recorded : array of shape (n_rows, n_targets)

    Returns
    -------
    array of shape (n_sets, n_targets)
        0 where the whole prediction is constant.
    """
    whole = parts.sum(0, dtype=np.float64)
    centred = whole - whole.mean(0)
    size = np.sqrt((centred**2).sum(0))
    constant = size <= 1e-6 * np.sqrt((whole**2).sum(0))
    products = (parts * standardize(recorded.astype(np.float64))).sum(1)
    return np.where(constant, 0.0, products / np.where(constant, 1.0, size))


def _halves(group: Group, features: np.ndarray, sets: Sequence[np.ndarray]) -> np.ndarray:
    """Return split scores of either half of each story: (2, n_heads, n_subjects, n_targets).

    Each half is learned from and tested by itself. Were weights learned from both, the two would
    agree by chance: each would be the covariance of the same two halves of the noise.
    """
    found = []
    for first in (True, False):
        rows = np.flatnonzero(_is_first(group) == first)
        others = None if group.others is None else group.others[rows]
        part = group.of_rows(rows)
        found.append(_split(part, features[rows], sets, group.targets[rows], others))
    return np.stack(found)


def _is_first(group: Group) -> np.ndarray:
    """Return which rows are in the first half of their story."""
    lengths = np.array([len(one.times) for one in group.stories])
    return np.asarray(group.row_position < lengths[group.row_story] // 2)


def _split_null(
    group: Group, features: np.ndarray, sets: Sequence[np.ndarray], shifts: np.ndarray
) -> np.ndarray:
    """Return split scores on shifted BOLD, mean over listeners: (n_shifts, n_heads, n_targets)."""
    n_subjects, n_targets = group.shape
    found = [np.empty((0, len(sets), n_targets))]
    at_once = max(1, _NUMBERS // group.targets.size)
    for begin in progress(range(0, len(shifts), at_once), "shifts", "batch"):
        some = shifts[begin : begin + at_once]
        bold = circular_shift.side_by_side(group.targets, group, some)
        others = (
            None if group.others is None else circular_shift.side_by_side(group.others, group, some)
        )
        of_targets = split_scores(group, features, sets, bold, others)
        by_shift = of_targets.reshape(len(sets), len(some), n_subjects, n_targets).mean(2)
        found.append(by_shift.swapaxes(0, 1))
    return np.concatenate(found)
