"""Brain scores against chance: R beside R on BOLD that was shifted circularly in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from engram.files import storage
from engram.statistics import columns, maximum_statistic, significance
from engram.statistics.reported_scores import by_area

if TYPE_CHECKING:
    import xarray as xr

CHANCE = (
    "R against chance at each model's reported layer, by region: the mean over listeners beside "
    "what it is when BOLD is shifted in time within each story, by 20 s or more and by the same "
    "distance for all listeners, and everything is fitted anew. The test generalises to other "
    "BOLD of these listeners with these stories; neighbouring shifts resemble each other, "
    "so that their number says how small p can be, not how many independent draws there are. "
    "Corrected over the regions of a model by the maximum statistic."
)
CHANCE_COLUMNS = {
    "model": "Model or baseline.",
    **columns.FIXED_LAYER,
    **columns.PLACE,
    "n_targets": (
        "Targets that were scored: 1 where it is the region's mean time course "
        "(`chance: {targets: roi}`)."
    ),
    **columns.N_LISTENERS,
    "n_stories": "Stories, each shifted by itself.",
    "score": "Brain score R of these targets, mean over listeners.",
    **columns.interval("low", "high"),
    "null_mean": "Mean R over shifts.",
    "null_sd": "Their standard deviation.",
    "null_95": "Their 95th percentile.",
    "effect_size": "R minus the mean over shifts, over their standard deviation.",
    "detectable": (
        "Smallest R that would have been found with 80 % power before correction, from the spread "
        "of shifts, taken as normal."
    ),
    "detectable_corrected": (
        "The same after correction, were it in this region alone; it goes by how shifts "
        "correlate over regions."
    ),
    "n_shifts": "Shifts: `chance: {shifts: ...}`, or all that a single story allows.",
    "smallest_p": "The smallest p that so many shifts can give.",
    "p": (
        "One-sided p: (1 + shifts whose R reaches this one) / (1 + shifts); n/a where a story "
        "is too short to be shifted."
    ),
    **columns.maximum("p", "the regions of this model", "shifts"),
}


def chance_table(files: Mapping[str, Sequence[str]], seed: int) -> pd.DataFrame:
    """Return R against chance (the columns of `CHANCE_COLUMNS`).

    Parameters
    ----------
    files : mapping
        By model, as `engram.encoding.circular_shift.score_shifted` made them, of all groups.
    seed : int
        Of the bootstrap.
    """
    rows = []
    for model, paths in files.items():
        read = [storage.open_dataset(path).load() for path in paths]
        r, null, stories = together(read)
        of_regions = corrected(r, null)
        for number, area in enumerate(by_area(model, read[0])):
            score = float(r[:, number].mean())
            low, high = significance.interval(r[:, number], seed)
            row = {
                **area,
                "n_listeners": len(r),
                "n_stories": len(stories),
                "score": score,
                "low": low,
                "high": high,
                "n_shifts": len(null),
            }
            of_all = {name: values[number] for name, values in of_regions.items()}
            rows.append(row | against(score, null[:, number]) | of_all)
    return pd.DataFrame(rows, columns=list(CHANCE_COLUMNS))


def corrected(r: np.ndarray, null: np.ndarray) -> dict[str, np.ndarray]:
    """Return what follows from all regions of a model together; NaN without a null."""
    if len(null) < 2:
        nothing = np.full(r.shape[1], np.nan)
        return {"detectable_corrected": nothing, "p_corrected": nothing}
    return {
        "detectable_corrected": null.mean(axis=0) + maximum_statistic.detectable(null),
        "p_corrected": maximum_statistic.corrected_p(r.mean(axis=0), null),
    }


def together(read: Sequence[xr.Dataset]) -> tuple[np.ndarray, np.ndarray, set[str]]:
    """Return the scores of all groups of a model.

    Returns
    -------
    r : array of shape (n_subjects, n_regions)
    null : array of shape (n_shifts, n_regions)
        Mean over all listeners; no shift of a single story comes twice, and there are none where a
        group's story is too short.
    stories : set of str
    """
    stories = {story for one in read for story in one["story"].values.tolist()}
    r = np.concatenate([one["r"].values for one in read])
    n_shifts = count_shifts(read)
    null = sum(one.sizes["subject"] / len(r) * one["r_shifted"].values[:n_shifts] for one in read)
    return r, np.asarray(null), stories


def count_shifts(read: Sequence[xr.Dataset]) -> int:
    """Return how many draws there are: no shift of a single story comes twice."""
    stories = {story for one in read for story in one["story"].values.tolist()}
    n_shifts = min(one.sizes["shift"] for one in read)
    return n_shifts if len(stories) > 1 else min(n_shifts, int(read[0]["allowed"][0]))


def against(score: float, null: np.ndarray) -> dict[str, float]:
    """Return what a score is beside its null; NaN without one."""
    if len(null) < 2:
        return dict.fromkeys(
            ("null_mean", "null_sd", "null_95", "effect_size", "detectable", "smallest_p", "p"),
            np.nan,
        )
    mean, spread = float(null.mean()), float(null.std(ddof=1))
    return {
        "null_mean": mean,
        "null_sd": spread,
        "null_95": float(np.percentile(null, 95)),
        "effect_size": (score - mean) / spread if spread > 0 else np.nan,
        "detectable": mean + significance.detectable(null),
        "smallest_p": 1 / (1 + len(null)),
        "p": significance.text_test(score, null),
    }
