"""R against chance: held-out predictions shifted in time against the recorded BOLD.

A story's predictions are moved round a circle, by at least `MARGIN` seconds either way, by the same distance for all
listeners: what listeners share, and how slowly BOLD changes, is kept, and when it happened is not. All distances are one
product of spectra. Nothing is fitted anew: the predictions are those that R is the score of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from engram import inference, storage
from engram.encoding import Group, check_words, load_story, region_indices
from engram.folds import blocked_folds
from engram.scoring import standardize
from engram.tables import reported_layer

#: Predictions are shifted by at least so many seconds, either way.
MARGIN = 20.0
#: Shifts that are drawn where there are several stories, each with its own; of one story all shifts are taken.
DRAWS = 1999
#: Numbers that are transformed at once.
_NUMBERS = 1 << 23

CHANCE = (
    "R against chance at each model's reported layer, by region: the mean over listeners beside what it is when held-out predictions are shifted in time "
    "within each story, by 20 s or more and by the same distance for all listeners. The test generalises to other BOLD of these listeners with these stories; "
    "neighbouring shifts resemble each other, so that their number says how small p can be, not how many independent draws there are."
)
CHANCE_COLUMNS = {
    "model": "Model or baseline.",
    "layer": "Layer, fixed beforehand.",
    "hemisphere": "L, R, or B (both, or neither).",
    "roi": "Region.",
    "n_targets": "Targets in the region.",
    "n_listeners": "Listeners; 'average' is not among them.",
    "n_stories": "Stories, each shifted by itself.",
    "score": "Brain score R, mean over listeners.",
    "low": "95 % bootstrap interval (BCa) over listeners.",
    "high": "Its upper end.",
    "null_mean": "Mean R of shifted predictions.",
    "null_sd": "Their standard deviation.",
    "null_95": "Their 95th percentile.",
    "effect_size": "R minus the mean of shifted predictions, over their standard deviation.",
    "detectable": "Smallest R that would have been found with 80 % power (normal approximation).",
    "n_shifts": "Shifts: all that a single story allows, or as many as were drawn.",
    "smallest_p": "The smallest p that so many shifts can give.",
    "p": "One-sided p: (1 + shifts whose R reaches this one) / (1 + shifts); n/a where a story is too short to be shifted.",
    "p_fdr": "The same, corrected for the regions of this model (Benjamini-Hochberg).",
}


def unit_blocks(values: np.ndarray, blocks: Sequence[np.ndarray]) -> np.ndarray:
    """Return values (n_rows, n_targets) with mean 0 and sum of squares 1 within each block of rows; constant ones become 0."""
    result = np.empty(values.shape, dtype=np.float32)
    for rows in blocks:
        part = values[rows]
        # As in the score: of a prediction that hardly varies beside its mean, float32 has no digits left.
        varies = part.var(0) > 1e-6 * (part**2).mean(0)
        result[rows] = standardize(part) * varies
    return result


def shifted_scores(predictions: np.ndarray, bold: np.ndarray, blocks: Sequence[np.ndarray], groups: Sequence[np.ndarray]) -> np.ndarray:
    """Return the mean score of groups of targets for every circular shift of a story's predictions.

    Parameters
    ----------
    predictions, bold : arrays of shape (n_rows, n_targets)
        Of one story.
    blocks : sequence of arrays
        Rows of each test block.
    groups : sequence of arrays
        Indices of the targets that are averaged.

    Returns
    -------
    array of shape (n_rows, n_groups)
        At shift 0 the score R: Pearson's r per block, averaged. At shift s predictions are later by s rows; those of each
        block keep the scale that they have there.
    """
    from scipy import fft

    n_rows = len(bold)
    at_once = max(1, _NUMBERS // n_rows)
    curves = np.empty((n_rows, len(groups)))
    for number, targets in enumerate(groups):
        product = np.zeros(n_rows // 2 + 1, dtype=complex)
        for begin in range(0, len(targets), at_once):
            some = targets[begin : begin + at_once]
            predicted, recorded = (fft.rfft(unit_blocks(values[:, some], blocks), axis=0) for values in (predictions, bold))
            product += (predicted.conj() * recorded).sum(1)
        curves[:, number] = fft.irfft(product, n_rows) / len(targets) / len(blocks)
    return curves


def group_null(activations: Sequence[str], bold: Sequence[str], words: Sequence[str], subjects: Sequence[str], layer: int | None, **options: Any) -> xr.Dataset:
    """Return the scores of shifted predictions of a group of listeners, at the reported layer.

    Parameters
    ----------
    activations, bold, words : sequences of paths
        One file per story of the group, in the same order.
    subjects : sequence of str
        The group's listeners, without the average one.
    layer : int or None
        The layer to report (`engram.tables.reported_layer`).
    **options
        The `encoding` section of the configuration.

    Returns
    -------
    xarray.Dataset
        ``r`` (story, shift, region): mean over listeners and a region's targets, for every circular shift in rows, 0 among them.
    """
    read = [storage.open_dataset(path) for path in activations]
    group = Group([load_story(*files) for files in zip(bold, words, strict=True)], subjects, **options)
    for path, one, words_file in zip(activations, read, words, strict=True):
        check_words(path, one.sizes["word"], words_file)
    reported = reported_layer(read[0].sizes["layer"] - 1, layer)
    predictions = group.predict([one["activation"][reported].values for one in read], group.how_for(read[0]))
    regions = region_indices(group.stories[0].target_coordinates)
    n_subjects, n_targets = group.shape
    # A region's targets of all listeners: each listener counts the same, and so does each target.
    groups = [(np.arange(n_subjects)[:, None] * n_targets + index).ravel() for index in regions.values()]
    n_trs = [len(one.times) for one in group.stories]
    folds = blocked_folds(group.row_story, group.row_position, options["folds"], group.gap)
    r = np.full((len(n_trs), max(n_trs), len(regions)), np.nan)
    for number, length in enumerate(n_trs):
        rows = np.flatnonzero(group.row_story == number)
        blocks = [np.intersect1d(test, rows) - rows[0] for _, test in folds]
        r[number, :length] = shifted_scores(predictions[rows], group.targets[rows], blocks, groups)
    description = {"units": "Pearson r", "description": "Predictions later by so many rows, round a circle, against BOLD; mean over listeners and targets"}
    return xr.Dataset(
        {"r": (("story", "shift", "region"), r, description)},
        coords={
            "story": [one.name for one in group.stories],
            "n_trs": ("story", n_trs, {"description": "Rows of each story"}),
            "region_hemisphere": ("region", [side for side, _ in regions]),
            "region_roi": ("region", [roi for _, roi in regions]),
            "region_targets": ("region", [len(index) for index in regions.values()]),
        },
        attrs={**group.attributes(), "reported_layer": reported, "n_listeners": n_subjects},
    )


def allowed_shifts(n_rows: int, tr: float) -> np.ndarray:
    """Return the shifts of a story, in rows, that are at least `MARGIN` seconds from either end; none where it is too short."""
    margin = int(np.ceil(MARGIN / tr - 1e-6))
    return np.arange(margin, n_rows - margin + 1)


def group_mean(files: Sequence[str]) -> tuple[dict[str, np.ndarray], xr.Dataset, int]:
    """Return each story's share of the mean over all listeners, for every shift, with any of the files and the number of listeners.

    Parameters
    ----------
    files : sequence of paths
        As `group_null` made them, of all groups of one model.

    Returns
    -------
    curves : dict of arrays of shape (n_shifts, n_regions)
        By story; their sum at shift 0 is R, the mean over listeners of the mean over each one's stories.
    any : xarray.Dataset
    n_listeners : int
    """
    read = [storage.open_dataset(path).load() for path in files]
    n_listeners = sum(int(one.attrs["n_listeners"]) for one in read)
    curves: dict[str, np.ndarray] = {}
    for one in read:
        weight = one.attrs["n_listeners"] / n_listeners / one.sizes["story"]
        for number, story in enumerate(one["story"].values.tolist()):
            mine = weight * one["r"].values[number, : int(one["n_trs"][number])]
            curves[story] = curves[story] + mine if story in curves else mine
    return curves, read[0], n_listeners


def null_scores(curves: Mapping[str, np.ndarray], tr: float, seed: int) -> np.ndarray:
    """Return R of shifted predictions: (n_shifts, n_regions), all shifts of one story, or draws of a shift for each of several."""
    allowed = {story: allowed_shifts(len(curve), tr) for story, curve in sorted(curves.items())}
    n_regions = next(iter(curves.values())).shape[1]
    if any(len(shifts) == 0 for shifts in allowed.values()):
        return np.empty((0, n_regions))
    if len(curves) == 1:
        ((story, shifts),) = allowed.items()
        return curves[story][shifts]
    rng = np.random.default_rng(seed)
    result = np.zeros((DRAWS, n_regions))
    for story, shifts in allowed.items():
        result += curves[story][rng.choice(shifts, DRAWS)]
    return result


def chance_table(files: Mapping[str, Sequence[str]], scores: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return R against chance (the columns of `CHANCE_COLUMNS`).

    Parameters
    ----------
    files : mapping
        By model, as `group_null` made them, of all groups.
    scores : pandas.DataFrame
        Single listeners' scores (`engram.tables.scores_table`).
    seed : int
        Of draws and bootstrap.
    """
    rows = []
    for model, paths in files.items():
        curves, one, n_listeners = group_mean(paths)
        null = null_scores(curves, float(one.attrs["tr"]), seed)
        layer = int(one.attrs["reported_layer"])
        mine = scores[(scores["model"] == model) & (scores["layer"] == layer)]
        by_region = {key: part["score"].to_numpy() for key, part in mine.groupby(["hemisphere", "roi"])}
        columns = (one[f"region_{name}"].values.tolist() for name in ("hemisphere", "roi", "targets"))
        for number, (hemisphere, roi, n_targets) in enumerate(zip(*columns, strict=True)):
            score = sum(curve[0, number] for curve in curves.values())
            low, high = inference.interval(by_region[hemisphere, roi], seed)
            row = {
                "model": model,
                "layer": layer,
                "hemisphere": hemisphere,
                "roi": roi,
                "n_targets": n_targets,
                "n_listeners": n_listeners,
                "n_stories": len(curves),
                "score": score,
                "low": low,
                "high": high,
                "n_shifts": len(null),
            }
            rows.append(row | _against(score, null[:, number]))
    table = pd.DataFrame(rows, columns=[name for name in CHANCE_COLUMNS if name != "p_fdr"])
    table["p_fdr"] = inference.corrected(table, "p", ["model"])
    return table[list(CHANCE_COLUMNS)]


def _against(score: float, null: np.ndarray) -> dict[str, float]:
    """Return what a score is beside its null; NaN without one."""
    if len(null) < 2:
        return dict.fromkeys(("null_mean", "null_sd", "null_95", "effect_size", "detectable", "smallest_p", "p"), np.nan)
    mean, spread = float(null.mean()), float(null.std(ddof=1))
    return {
        "null_mean": mean,
        "null_sd": spread,
        "null_95": float(np.percentile(null, 95)),
        "effect_size": (score - mean) / spread if spread > 0 else np.nan,
        "detectable": mean + inference.detectable(null),
        "smallest_p": 1 / (1 + len(null)),
        "p": inference.text_test(score, null),
    }
