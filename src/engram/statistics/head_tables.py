"""Tables of attention heads: what each predicts, and whether heads differ by region."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, permutations
from math import factorial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from engram.bold.regions import regions_of
from engram.files import storage
from engram.statistics import chance_table, columns, significance

if TYPE_CHECKING:
    import xarray as xr

#: Permutations of regions: all, or so many drawn.
_PERMUTATIONS = 999

HEADS = (
    "What attention heads of a language model predict, by region: each head by itself (`score`), "
    "and the part of R of all heads of its layer that its weights carry (`split`); these add up to "
    "R of the layer and can be negative. Heads are scaled to the same variance. At the reported "
    "layer both stand beside what they are when BOLD is shifted in time and everything is fitted "
    "anew, corrected over the heads and regions of a space by the maximum statistic; other layers "
    "are descriptive. The test generalises to other BOLD of these listeners with these stories."
)


def _against(what: str, p: str) -> dict[str, str]:
    """Return the columns of a score beside its null."""
    return {
        f"{p}null_mean": f"Mean of {what} over shifts; n/a at other layers than the reported one.",
        f"{p}null_95": "Their 95th percentile.",
        f"{p}p": "One-sided p: (1 + shifts that reach this one) / (1 + shifts).",
        **columns.maximum(f"{p}p", "the heads and regions of this layer", "shifts"),
    }


HEADS_COLUMNS = {
    "model": "Name of the feature space.",
    "layer": "Layer, as the model numbers it.",
    "is_reported": "Whether it is the reported layer, fixed beforehand: 1 or 0.",
    "head": "Attention head, from 0.",
    **columns.REGION_AS_SCORED,
    **columns.N_LISTENERS,
    "score": "Brain score R of the head by itself, mean over listeners.",
    **columns.interval("low", "high"),
    **_against("R", ""),
    "split": "Part of R of all heads of the layer that this head's weights carry.",
    **columns.interval("split_low", "split_high"),
    **_against("this part", "split_"),
    "n_shifts": "Shifts: `chance: {shifts: ...}`, or all that a single story allows.",
}

SPECIALISATION = (
    "Whether attention heads of the reported layer differ in what they predict from region to "
    "region, and do so again in the other half of the stories. Split scores of heads are taken in "
    "either half, which is learned from and tested by itself; each region's are taken minus their "
    "mean over regions, times the region's own gain (so that a region of higher R is not special); "
    "`reproduced` is the correlation over heads and regions of what is left in the first half "
    "and in the second, mean over listeners. Null: regions of the second half permuted, "
    "in all listeners alike."
)
SPECIALISATION_COLUMNS = {
    "model": "Name of the feature space.",
    **columns.FIXED_LAYER,
    "n_heads": "Heads.",
    "n_regions": "Regions.",
    **columns.N_LISTENERS,
    "reproduced": "Correlation of both halves, mean over listeners.",
    **columns.interval("low", "high"),
    "null_mean": "Mean over permutations.",
    "null_95": "Their 95th percentile.",
    "n_permutations": "Permutations of regions: all, or 999 drawn.",
    "p": (
        "One-sided p: (1 + permutations that reach this one) / (1 + permutations); n/a with fewer "
        "than four regions or two heads. Holds for these listeners, stories and regions."
    ),
}


def heads_table(files: Mapping[str, Sequence[str]], seed: int) -> pd.DataFrame:
    """Return scores of heads by region (the columns of `HEADS_COLUMNS`).

    Parameters
    ----------
    files : mapping
        By space, as `engram.encoding.head_scores.score_heads` made them, of all groups.
    seed : int
        Of the bootstrap.
    """
    rows = [row for model, paths in files.items() for row in _of_space(model, paths, seed)]
    return pd.DataFrame(rows, columns=list(HEADS_COLUMNS))


def _of_space(model: str, paths: Sequence[str], seed: int) -> Iterator[dict[str, object]]:
    read = [storage.open_dataset(path).load() for path in paths]
    reported = int(read[0].attrs["reported_layer"])
    alone, split = (_joined(read, name) for name in ("r", "r_split"))
    nulls = [_null(read, name) for name in ("r_shifted", "r_split_shifted")]
    for place, layer in enumerate(read[0]["layer"].values.tolist()):
        is_reported = layer == reported
        tests = [
            _tests(values[place], null if is_reported else null[:0])
            for values, null in zip((alone, split), nulls, strict=True)
        ]
        for head in range(read[0].sizes["head"]):
            for number, (side, roi, n_targets) in enumerate(regions_of(read[0])):
                yield {
                    "model": model,
                    "layer": layer,
                    "is_reported": int(is_reported),
                    "head": head,
                    "hemisphere": side,
                    "roi": roi,
                    "n_targets": n_targets,
                    "n_listeners": alone.shape[2],
                    **_scored(alone[place, head, :, number], "score", "", seed),
                    **{name: values[head, number] for name, values in tests[0].items()},
                    **_scored(split[place, head, :, number], "split", "split_", seed),
                    **{f"split_{name}": values[head, number] for name, values in tests[1].items()},
                    "n_shifts": len(nulls[0]),
                }


def _joined(read: Sequence[xr.Dataset], name: str) -> np.ndarray:
    """Return scores of all groups' listeners: (n_layers, n_heads, n_subjects, n_regions)."""
    return np.concatenate([one[name].values for one in read], axis=2).astype(float)


def _null(read: Sequence[xr.Dataset], name: str) -> np.ndarray:
    """Return scores on shifted BOLD, mean over all listeners: (n_shifts, n_heads, n_regions)."""
    everyone = sum(one.sizes["subject"] for one in read)
    n_shifts = chance_table.count_shifts(read)
    parts = [one.sizes["subject"] / everyone * one[name].values[:n_shifts] for one in read]
    return np.sum(parts, axis=0, dtype=float)


def _scored(r: np.ndarray, name: str, prefix: str, seed: int) -> dict[str, float]:
    low, high = significance.interval(r, seed)
    return {name: float(r.mean()), f"{prefix}low": low, f"{prefix}high": high}


def _tests(r: np.ndarray, null: np.ndarray) -> dict[str, np.ndarray]:
    """Return what scores (n_heads, n_subjects, n_regions) are beside their null, by head."""
    n_heads, _, n_regions = r.shape
    mean = r.mean(1)
    if len(null) < 2:
        nothing = np.full(mean.shape, np.nan)
        return dict.fromkeys(("null_mean", "null_95", "p", "p_corrected"), nothing)
    side_by_side = r.swapaxes(0, 1).reshape(r.shape[1], -1)
    corrected = chance_table.corrected(side_by_side, null.reshape(len(null), -1))["p_corrected"]
    return {
        "null_mean": null.mean(0),
        "null_95": np.percentile(null, 95, axis=0),
        "p": (1 + (null >= mean).sum(0)) / (1 + len(null)),
        "p_corrected": corrected.reshape(n_heads, n_regions),
    }


def specialisation_table(files: Mapping[str, Sequence[str]], seed: int) -> pd.DataFrame:
    """Return whether heads differ by region (the columns of `SPECIALISATION_COLUMNS`).

    Parameters
    ----------
    files : mapping
        As `heads_table` takes them.
    seed : int
        Of the bootstrap and of permutations.
    """
    rows = []
    for model, paths in files.items():
        read = [storage.open_dataset(path).load() for path in paths]
        halves = _joined(read, "r_half")
        observed, null = reproduced(halves, seed)
        n_heads, n_listeners, n_regions = halves.shape[1:]
        low, high = significance.interval(observed, seed)
        score = float(observed.mean())
        rows.append(
            {
                "model": model,
                "layer": int(read[0].attrs["reported_layer"]),
                "n_heads": n_heads,
                "n_regions": n_regions,
                "n_listeners": n_listeners,
                "reproduced": score,
                "low": low,
                "high": high,
                "null_mean": float(null.mean()) if len(null) else np.nan,
                "null_95": float(np.percentile(null, 95)) if len(null) else np.nan,
                "n_permutations": len(null),
                "p": significance.text_test(score, null) if len(null) else np.nan,
            }
        )
    return pd.DataFrame(rows, columns=list(SPECIALISATION_COLUMNS))


def reproduced(halves: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return how far the interaction of heads and regions of one half comes back in the other.

    Parameters
    ----------
    halves : array of shape (2, n_heads, n_subjects, n_regions)
        Split scores.
    seed : int
        Of permutations.

    Returns
    -------
    observed : array of shape (n_subjects, )
        The correlation over heads and regions.
    null : array of shape (n_permutations, )
        Its mean over listeners where regions of the second half are permuted; empty with fewer
        than four regions or two heads.
    """
    first, second = (interaction(half.swapaxes(0, 1)) for half in halves)
    size = np.sqrt((first**2).sum((1, 2)) * (second**2).sum((1, 2)))
    products = np.einsum("sha,shb->sab", first, second) / np.where(size > 0, size, 1)[:, None, None]
    n_heads, n_regions = halves.shape[1], halves.shape[3]
    places = np.arange(n_regions)
    observed = products[:, places, places].sum(1)
    if n_heads < 2 or n_regions < 4:
        return observed, np.empty(0)
    mean = products.mean(0)
    return observed, np.array([mean[places, one].sum() for one in _orders(n_regions, seed)])


def _orders(number: int, seed: int) -> np.ndarray:
    """Return orders of regions: all but the true one, or some that are drawn."""
    if factorial(number) <= _PERMUTATIONS:
        return np.array(list(islice(permutations(range(number)), 1, None)))
    rng = np.random.default_rng(seed)
    return rng.permuted(np.tile(np.arange(number), (_PERMUTATIONS, 1)), axis=1)


def interaction(split: np.ndarray) -> np.ndarray:
    """Return split scores of heads minus what all regions share, times each region's gain.

    Parameters
    ----------
    split : array of shape (n_subjects, n_heads, n_regions)

    Returns
    -------
    array of the same shape
        A region that predicts the same from each head, but more of it, has 0.
    """
    shared = split.mean(-1, keepdims=True)
    size = (shared**2).sum(1, keepdims=True)
    gain = (split * shared).sum(1, keepdims=True) / np.where(size > 0, size, 1)
    return np.asarray(split - gain * shared)
