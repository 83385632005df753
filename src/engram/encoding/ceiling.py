"""Noise ceilings: how well listeners predict each other, on the rows and folds of the scores.

Definitions, per target: r_h is the correlation of the means of two random halves of the listeners,
averaged over splits; r_SB = 2 r_h / (1 + r_h) (Spearman-Brown) is the reliability of the mean
of all n; rel(m) that of the mean of m; LOO is the correlation of a listener with the mean of the
others. What a perfect model reaches: sqrt(r_SB) for the average listener, and LOO / sqrt(rel(n -
1)) for a single one, since the mean of the others is itself noisy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from engram.datasets.time_courses import zscore
from engram.encoding import timing
from engram.encoding.correlation import pearson, standardize
from engram.encoding.folds import Folds, blocked_folds
from engram.jobs.progress import progress
from engram.vocabulary import AVERAGE, FEWEST_LISTENERS

#: Targets held in memory at a time.
_BATCH = 8192

#: The kinds of ceilings.
DESCRIPTIONS = {
    "split": (
        "Correlation of the means of two random halves of the listeners, mean over splits (r_h)."
    ),
    "split_sb": "Reliability of the mean of all listeners, 2 r_h / (1 + r_h) (r_SB).",
    "average": "What a perfect model of the average listener reaches, sqrt(r_SB).",
    "loo": "Correlation of a listener with the mean of the other listeners.",
    "loo_ridge": "The same as a cross-validated ridge with that mean as its only feature.",
    "single": "What a perfect model of a listener reaches, LOO / sqrt(rel(n - 1)).",
}
#: Those that each listener has; the others are of all listeners together.
_OF_LISTENERS = {"loo", "loo_ridge", "single"}
#: The kinds of ceilings of a story that a listener heard several times; `single` is then what a
#: perfect model of the mean of these repeats reaches, the root of its reliability.
REPEATS_DESCRIPTIONS = {
    "repeats_split": (
        "Correlation of the means of two random halves of a listener's repeats of the story, mean "
        "over splits."
    ),
    "repeats_split_sb": "Reliability of the mean of all repeats of a listener (Spearman-Brown).",
    "explainable_variance": (
        "Reliability of one repeat: the share of its variance that it has in common with others."
    ),
}


def story_ceiling(
    bold: np.ndarray, position: np.ndarray, *, folds: int | str, gap: int, halves: int, seed: int
) -> dict[str, np.ndarray]:
    """Return a story's ceilings, by their names in `DESCRIPTIONS`.

    Parameters
    ----------
    bold : array of shape (n_subjects, n_rows, n_targets)
        Single listeners, standardised; never the average listener.
    position : array of shape (n_rows, )
        Each row's place in the story, in TRs.
    folds : int or "story"
        Blocks of the story, as for the scores; "story": it is left out as a whole, and so all its
        rows are one block.
    gap : int
        As for the scores.
    halves : int
        Random splits.
    seed : int

    Returns
    -------
    dict
        ``split``, ``split_sb``, ``average`` (n_targets, ) and ``loo``, ``loo_ridge``, ``single``
        (n_subjects, n_targets). All are NaN with fewer than four listeners. ``loo_ridge`` is NaN
        for a story that is left out: its weight would be learned in other stories. What a perfect
        model reaches, ``average`` and ``single``, is 0 where the halves do not correlate above 0.
    """
    n_subjects, _, n_targets = bold.shape
    if n_subjects < FEWEST_LISTENERS:
        shared, each = np.full(n_targets, np.nan), np.full((n_subjects, n_targets), np.nan)
        return {name: each if name in _OF_LISTENERS else shared for name in DESCRIPTIONS}
    blocks = _blocks(position, folds, gap)
    split = _split_half(bold, blocks, halves, seed)
    split_sb = spearman_brown(split, 2)
    loo, loo_ridge = _leave_one_out(bold, blocks)
    # Where halves do not correlate above 0 the listeners share nothing, and the best
    # model predicts nothing.
    reliability = np.clip(split_sb, 0, None)
    return {
        "split": split,
        "split_sb": split_sb,
        "average": np.sqrt(reliability),
        "loo": loo,
        "loo_ridge": loo_ridge,
        "single": _single(loo, reliability),
    }


def repeats_ceiling(
    repeats: np.ndarray,
    position: np.ndarray,
    *,
    folds: int | str,
    gap: int,
    halves: int,
    seed: int,
) -> dict[str, np.ndarray]:
    """Return the ceilings of a listener who heard a story several times.

    Parameters
    ----------
    repeats : array of shape (n_repeats, n_rows, n_targets)
        Standardised.
    position, folds, gap, halves, seed
        As in `story_ceiling`.

    Returns
    -------
    dict
        `REPEATS_DESCRIPTIONS` and ``single``, each (1, n_targets).
    """
    blocks = _blocks(position, folds, gap)
    split = _split_half(repeats, blocks, halves, seed)
    whole = spearman_brown(split, 2)
    reliability = np.clip(whole, 0, None)
    found = {
        "repeats_split": split,
        "repeats_split_sb": whole,
        "explainable_variance": spearman_brown(reliability, 1 / len(repeats)),
        "single": np.sqrt(reliability),
    }
    return {name: values[None] for name, values in found.items()}


def _blocks(position: np.ndarray, folds: int | str, gap: int) -> Folds:
    """Return the test blocks of a story: all its rows, where it is left out as a whole."""
    if isinstance(folds, int):
        return blocked_folds(np.zeros(len(position), int), position, folds, gap)
    return [(np.zeros(0, dtype=int), np.arange(len(position)))]


def _split_half(bold: np.ndarray, blocks: Folds, halves: int, seed: int) -> np.ndarray:
    """Return how the means of two random halves of the listeners correlate: (n_targets, )."""
    n_subjects = len(bold)
    rng = np.random.default_rng(seed)
    split = np.zeros(bold.shape[-1])
    for _ in range(halves):
        order = rng.permutation(n_subjects)
        first, second = (
            bold[order[: n_subjects // 2]].mean(0),
            bold[order[n_subjects // 2 :]].mean(0),
        )
        split += blockwise(first, second, blocks) / halves
    return split


def _leave_one_out(bold: np.ndarray, blocks: Folds) -> tuple[np.ndarray, np.ndarray]:
    """Return how each listener correlates with the mean of the others: (n_subjects, n_targets).

    Once by itself, and once as the score of a ridge with that mean as its only feature.
    """
    n_subjects, _, n_targets = bold.shape
    total = bold.sum(0)
    loo, loo_ridge = np.zeros((n_subjects, n_targets)), np.zeros((n_subjects, n_targets))
    for subject in range(n_subjects):
        others = (total - bold[subject]) / (n_subjects - 1)
        loo[subject] = blockwise(others, bold[subject], blocks)
        loo_ridge[subject] = one_feature_ridge(others, bold[subject], blocks)
    return loo, loo_ridge


def _single(loo: np.ndarray, reliability: np.ndarray) -> np.ndarray:
    """Return what a perfect model of a listener reaches: (n_subjects, n_targets).

    `reliability` (n_targets, ) is that of the mean of all listeners, at least 0.
    """
    n_subjects = len(loo)
    of_one = reliability / (n_subjects - (n_subjects - 1) * reliability)
    of_others = spearman_brown(of_one, n_subjects - 1)
    shared = of_others > 0
    return np.where(shared, np.clip(loo / np.sqrt(np.where(shared, of_others, 1)), -1, 1), 0)


def spearman_brown(reliability: np.ndarray, times: float) -> np.ndarray:
    """Return the reliability of a measure made `times` as long (Spearman 1910, Brown 1910)."""
    lengthened: np.ndarray = times * reliability / (1 + (times - 1) * reliability)
    return lengthened


def blockwise(predictions: np.ndarray, bold: np.ndarray, blocks: Folds) -> np.ndarray:
    """Return the mean over test blocks of Pearson r, as scores are averaged: (n_targets, )."""
    return np.mean(
        [pearson(standardize(bold[test]), predictions[test]) for _, test in blocks], axis=0
    )


def one_feature_ridge(feature: np.ndarray, bold: np.ndarray, blocks: Folds) -> np.ndarray:
    """Return the cross-validated score of a ridge with another time course as its only feature.

    With one feature, a prediction is that feature times a number, so neither the penalty nor
    the scale changes Pearson's r: only the sign of the weight that the training rows give.
    """
    scores = []
    for train, test in blocks:
        if len(train) == 0:
            return np.full(bold.shape[1], np.nan)
        sign = np.sign((zscore(feature[train]) * zscore(bold[train])).mean(0))
        scores.append(pearson(standardize(bold[test]), feature[test] * sign))
    return np.mean(scores, axis=0)


def of_dataset(
    dataset: xr.Dataset,
    *,
    halves: int,
    seed: int,
    folds: int | str,
    longest_delay: float,
    delays: Sequence[int] | None,
    words_to_trs: str,
) -> xr.Dataset:
    """Return the ceilings of a story's BOLD, on the rows, folds and gaps of the scores.

    Parameters
    ----------
    dataset : xarray.Dataset
        As `engram.bold.story_bold.story_bold` returns it; the average listener is left out. With
        ``repeats`` of a story, four or more, its listener has ceilings by these.
    halves, seed
        As in `story_ceiling`.
    folds, longest_delay, delays, words_to_trs
        Of the `encoding` section: they make the blocks and the gap.
    """
    listeners = dataset.sel(subject=[name for name in dataset["subject"].values if name != AVERAGE])
    gap = timing.fold_gap(
        timing.fir_delays(float(dataset.attrs["tr"]), longest_delay, delays), words_to_trs
    )
    n_targets = dataset.sizes["target"]
    has_repeats = dataset.sizes.get("repeat", 0) >= FEWEST_LISTENERS
    how: dict[str, Any] = {"folds": folds, "gap": gap, "halves": halves, "seed": seed}
    parts = []
    # A whole cortex has gigabytes.
    for begin in progress(range(0, n_targets, _BATCH), "targets", f" x {_BATCH} targets"):
        part = listeners.isel(target=slice(begin, begin + _BATCH))
        position = np.arange(dataset.sizes["time"])
        parts.append(story_ceiling(part["bold"].values, position, **how))
        if has_repeats:
            parts[-1] |= repeats_ceiling(part["repeats"].values, position, **how)
    values = {name: np.concatenate([part[name] for part in parts], axis=-1) for name in parts[0]}
    descriptions = {**DESCRIPTIONS, **(REPEATS_DESCRIPTIONS if has_repeats else {})}
    if has_repeats:
        descriptions["single"] = (
            "What a perfect model of the mean of the repeats reaches, sqrt(repeats_split_sb)."
        )
    described = {
        name: (
            ("subject", "target")[-value.ndim :],
            value.astype(np.float32),
            {"units": "Pearson r", "description": descriptions[name]},
        )
        for name, value in values.items()
    }
    coordinates = {
        name: value for name, value in listeners.coords.items() if "time" not in value.dims
    }
    return xr.Dataset(
        described,
        coords=coordinates,
        attrs={"story": dataset.attrs["story"], "halves": halves, "seed": seed},
    )
