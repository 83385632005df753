"""R against chance: features scored on BOLD that was shifted circularly in time.

Each story's BOLD is shifted circularly by at least `MARGIN` seconds either way, by the same
distance for all listeners. This keeps what listeners share and how slowly BOLD changes, but not
when it happened. Everything is refitted, penalties too: to shift predictions that were fitted
once would be cheaper, but rejects a true null in 8 % of studies at a level of 5 %
(docs/methods/chance.md). Features stay as they are, so all shifts share one decomposition.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from engram.bold.regions import region_coordinates
from engram.encoding import scores
from engram.encoding.group import Group, open_group
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
    """Return the shifts of a story in every draw, in rows: evenly spaced, in a random order.

    Neighbouring shifts give similar scores, and none is near to the unshifted story. Shifts
    drawn independently would lie in clumps, and the unshifted story would stand out as the one
    without neighbours: of studies without any relation, up to 8 % would be rejected at 5 %
    (docs/methods/calibration.md).

    Shifts are the same for all groups of listeners, and each comes before any comes again.
    There are none if the story is too short.
    """
    allowed = allowed_shifts(n_rows, tr)
    if len(allowed) == 0:
        return np.zeros(0, dtype=int)
    rng = np.random.default_rng([seed, zlib.crc32(story.encode())])
    once = min(number, len(allowed))
    places = ((np.arange(once) + rng.random()) * len(allowed) / once).astype(int)
    return np.resize(rng.permutation(allowed[places]), number)


def shifted(targets: np.ndarray, story: np.ndarray, shifts: Sequence[int]) -> np.ndarray:
    """Return targets (n_rows, n_targets), each story's rows shifted circularly by its shift."""
    parts = [
        np.roll(targets[story == number], shift, axis=0) for number, shift in enumerate(shifts)
    ]
    return np.concatenate(parts)


def null_scores(group: Group, features: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """Return scores on shifted BOLD.

    Parameters
    ----------
    group : engram.encoding.group.Group
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
    if len(shifts) == 0:
        return np.empty((0, n_targets))
    at_once = max(1, _NUMBERS // group.targets.size)
    parts = []
    for begin in progress(range(0, len(shifts), at_once), "shifts", "batch"):
        some = shifts[begin : begin + at_once]
        others = group.others
        scored = group.score_features(
            features,
            side_by_side(group.targets, group, some),
            None if others is None else side_by_side(others, group, some),
        )
        parts.append(scored.r.mean((0, 1)).reshape(len(some), n_subjects, n_targets).mean(1))
    return np.concatenate(parts)


def side_by_side(bold: np.ndarray, group: Group, shifts: np.ndarray) -> np.ndarray:
    """Return BOLD (n_rows, n_targets) after each of some shifts: (n_rows, n_shifts * n_targets)."""
    return np.concatenate([shifted(bold, group.row_story, one) for one in shifts], axis=1)


def score_shifted(
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
    """Score the reported layer on the BOLD of a group of listeners, as it is and shifted.

    Parameters
    ----------
    activations, bold, words, subjects, targets, **options
        As `engram.encoding.group.open_group` takes them; without the average listener.
    layer : int or None
        The layer to report (`engram.features.layers.reported_layer`).
    number : int
        How many shifts.
    seed : int
        Of the shifts.

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
    scored = group.score_features(features, group.targets, group.others)
    observed = group.by_listener(scored).mean((0, 1))
    shifts = group_shifts(group, number, seed)
    null = null_scores(group, features, shifts)
    return _dataset(group, observed, null, shifts).assign_attrs(reported_layer=reported)


def group_shifts(group: Group, number: int, seed: int) -> np.ndarray:
    """Return the shifts in rows: (n_draws, n_stories); no draws where a story is too short."""
    drawn = [
        drawn_shifts(one.name, len(one.times), group.tr, number, seed) for one in group.stories
    ]
    if not all(len(one) for one in drawn):
        return np.zeros((0, len(drawn)), dtype=int)
    return np.stack(drawn, axis=1)


def _dataset(group: Group, r: np.ndarray, null: np.ndarray, shifts: np.ndarray) -> xr.Dataset:
    """Return scores (n_subjects, n_targets) and those on shifted BOLD (n_draws, n_targets)."""
    regions = scores.regions_of_targets(group)
    return xr.Dataset(
        {
            "r": scores.pearson_r(("subject", "region"), scores.region_means(r, regions)),
            "r_shifted": scores.pearson_r(
                ("shift", "region"),
                scores.region_means(null, regions),
                "On BOLD that was shifted in time, mean over listeners",
            ),
            "rows": (("shift", "story"), shifts, {"description": "Shift of each story, in rows"}),
        },
        coords={
            "subject": group.subjects,
            "story": [one.name for one in group.stories],
            "allowed": (
                "story",
                [len(allowed_shifts(len(one.times), group.tr)) for one in group.stories],
                {"description": "Shifts that there are"},
            ),
            **region_coordinates(regions),
        },
        attrs=scores.attributes(group),
    )
