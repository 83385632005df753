"""R against chance: features scored on BOLD that was shifted circularly in time.

Each story's BOLD is shifted circularly by at least `MARGIN` seconds either way, by the same
distance for all listeners. This keeps what listeners share and how slowly BOLD changes, but not
when it happened. Everything is refitted, penalties too: to shift predictions that were fitted
once would be cheaper, but rejects a true null in 8 % of studies at a level of 5 %
(docs/methods/chance.md). Features stay as they are, so all shifts share one decomposition.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import xarray as xr

from engram.bold.regions import region_coordinates
from engram.encoding import ridge, scores
from engram.encoding.group import Group, open_group
from engram.encoding.other_listeners import OtherListeners
from engram.encoding.windows import Windows
from engram.features.layers import reported_layer
from engram.jobs.progress import progress
from engram.vocabulary import AVERAGE, FEWEST_LISTENERS

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

    Shifts are the same for all groups of listeners. Each comes before any comes again, then in
    another order: in the same one, two stories of one length would repeat their shifts together.
    There are none if the story is too short.
    """
    allowed = allowed_shifts(n_rows, tr)
    if len(allowed) == 0:
        return np.zeros(0, dtype=int)
    rng = np.random.default_rng([seed, zlib.crc32(story.encode())])
    once = min(number, len(allowed))
    places = ((np.arange(once) + rng.random()) * len(allowed) / once).astype(int)
    passes = [rng.permutation(allowed[places]) for _ in range(0, number, max(1, once))]
    return np.concatenate([np.zeros(0, dtype=int), *passes])[:number]


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
    parts = [np.empty((0, group.shape[1]))]
    for scored in _refitted(group, features, shifts):
        parts.append(_over_listeners(scored.r.mean((0, 1)), group))
    return np.concatenate(parts)


def _refitted(
    group: Group, features: np.ndarray, shifts: np.ndarray, windows: np.ndarray | None = None
) -> Iterator[ridge.Scores]:
    """Yield scores on BOLD after some shifts, side by side, until all were tried."""
    at_once = max(1, _NUMBERS // group.targets.size)
    for begin in progress(range(0, len(shifts), at_once), "shifts", "batch"):
        some = shifts[begin : begin + at_once]
        others = group.others
        yield group.score_features(
            features,
            side_by_side(group.targets, group, some),
            None if others is None else side_by_side(others, group, some),
            windows,
        )


def _over_listeners(r: np.ndarray, group: Group) -> np.ndarray:
    """Return means over listeners, by shift: of (..., n_columns), (..., n_shifts, n_targets)."""
    by_listener = r.reshape(*r.shape[:-1], -1, *group.shape)
    result: np.ndarray = by_listener.mean(-2)
    return result


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
    window: float | None = None,
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
    window : float, optional
        Length of the windows in which R is taken too, in seconds.

    Returns
    -------
    xarray.Dataset
        ``r`` (subject, region): a region's mean over targets; ``r_shifted`` (shift, region):
        the same on shifted BOLD, mean over listeners; without shifts where a story is too short.
        With windows, ``r_window`` and ``others_window`` (window, subject, region), the latter the
        correlation with the mean of the other listeners, and ``r_window_shifted``
        (shift, window, region).
    """
    read, group = open_group(activations, bold, words, subjects, targets, **options)
    reported = reported_layer(read[0].sizes["layer"] - 1, layer)
    features = group.features(
        [one["activation"][reported].values for one in read], group.how_for(read[0])
    )
    windows = None if window is None else Windows.of(group, window)
    of_row = None if windows is None else windows.of_row
    scored = group.score_features(features, group.targets, group.others, of_row)
    observed = group.by_listener(scored).mean((0, 1))
    shifts = group_shifts(group, number, seed)
    null, by_window = _null_with_windows(group, features, shifts, windows)
    result = _dataset(group, observed, null, shifts)
    if windows is not None and scored.windows is not None:
        result = result.assign(_in_windows(group, windows, scored.windows))
        result["r_window_shifted"] = scores.pearson_r(
            ("shift", "window", "region"),
            by_window.astype(np.float32),
            "On BOLD that was shifted in time, mean over listeners",
        )
    return result.assign_attrs(reported_layer=reported)


def _null_with_windows(
    group: Group, features: np.ndarray, shifts: np.ndarray, windows: Windows | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return scores on shifted BOLD, as `null_scores` does, and by window and region.

    The latter are (n_draws, n_windows, n_regions); no windows, if there are none.
    """
    regions = scores.regions_of_targets(group)
    null = [np.empty((0, group.shape[1]))]
    by_window = [np.empty((0, 0 if windows is None else len(windows.story), len(regions)))]
    for one in _refitted(group, features, shifts, None if windows is None else windows.of_row):
        null.append(_over_listeners(one.r.mean((0, 1)), group))
        if one.windows is not None:
            found = scores.region_means(_over_listeners(one.windows, group), regions)
            by_window.append(found.swapaxes(0, 1))
    return np.concatenate(null), np.concatenate(by_window)


def _in_windows(group: Group, windows: Windows, r: np.ndarray) -> xr.Dataset:
    """Return R in each window, of (n_windows, n_subjects * n_targets), beside what others share."""
    regions, shape = scores.regions_of_targets(group), (len(windows.story), *group.shape)
    heard = [sum(one != AVERAGE for one in story.bold["subject"].values) for story in group.stories]
    others = np.full(r.shape, np.nan)
    if min(heard) > 1:
        means = OtherListeners(group.stories).means(group.targets, group.subjects)
        enough = np.array(heard)[windows.story] >= FEWEST_LISTENERS
        others[enough] = windows.correlations(group.targets, means)[enough]
    dims = ("window", "subject", "region")
    found = {
        "r_window": (r, "Predicted against recorded BOLD in each window"),
        "others_window": (others, "Mean BOLD of the other listeners against recorded BOLD"),
    }
    return xr.Dataset(
        {
            name: scores.pearson_r(
                dims, scores.region_means(values.reshape(shape), regions).astype(np.float32), said
            )
            for name, (values, said) in found.items()
        },
        coords={
            "window_story": ("window", [group.stories[one].name for one in windows.story]),
            "window_begin": ("window", windows.begin, {"units": "s"}),
            "window_end": ("window", windows.end, {"units": "s"}),
        },
    )


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
