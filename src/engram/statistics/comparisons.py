"""Tests of brain scores: against chance, of models, of hemispheres.

Models are tested with each other, and the left hemisphere with the right.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from engram.files import storage
from engram.statistics import columns, significance
from engram.statistics.reported_scores import Reported, by_area

#: What a row is called that is about all targets, of a hemisphere or of both.
ALL = "all"


CHANCE = (
    "R against chance at each model's reported layer, by region: the mean over listeners beside "
    "what it is when BOLD is shifted in time within each story, by 20 s or more and by the same "
    "distance for all listeners, and everything is fitted anew. The test generalises to other "
    "BOLD of these listeners with these stories; neighbouring shifts resemble each other, "
    "so that their number says how small p can be, not how many independent draws there are."
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
        "Smallest R that would have been found with 80 % power, from the spread of "
        "shifts, taken as normal."
    ),
    "n_shifts": "Shifts: `chance: {shifts: ...}`, or all that a single story allows.",
    "smallest_p": "The smallest p that so many shifts can give.",
    "p": (
        "One-sided p: (1 + shifts whose R reaches this one) / (1 + shifts); n/a where a story "
        "is too short to be shifted."
    ),
    **columns.corrected("p", "for the regions of this model (Benjamini-Hochberg)"),
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
            rows.append(row | _against(score, null[:, number]))
    table = pd.DataFrame(rows, columns=[name for name in CHANCE_COLUMNS if name != "p_fdr"])
    table["p_fdr"] = significance.corrected(table, "p", ["model"])
    return table[list(CHANCE_COLUMNS)]


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
    n_shifts = min(one.sizes["shift"] for one in read)
    if len(stories) == 1:
        n_shifts = min(n_shifts, int(read[0]["allowed"][0]))
    null = sum(one.sizes["subject"] / len(r) * one["r_shifted"].values[:n_shifts] for one in read)
    return r, np.asarray(null), stories


def _against(score: float, null: np.ndarray) -> dict[str, float]:
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


COMPARISONS = (
    "Differences of brain scores R at each model's reported layer, fixed beforehand: every "
    "pair of models in every region, and the left against the right hemisphere in every region "
    "that both have; also over all targets ('all'). Tests over listeners generalise to other "
    "listeners of the same stories, those over stories to other stories; there is one with six "
    "stories or more, versions of one story counted as one."
)
COMPARISONS_COLUMNS = {
    "question": "'models' or 'hemispheres'.",
    "family": (
        "p-values are corrected together with those of the same family: this question, "
        "this pair, regions; 'all' apart."
    ),
    "a": "Model, or model and hemisphere.",
    "b": "What is compared with it.",
    "layer_a": "Reported layer of a.",
    "layer_b": "Reported layer of b.",
    "hemisphere": "L, R, or B (both, or neither); for hemispheres L-R.",
    "roi": (
        "Region; 'all': all targets, each counting the same (for hemispheres: those of "
        "regions that both have)."
    ),
    "n_targets": "Targets; for hemispheres on the left.",
    **columns.N_LISTENERS,
    **columns.N_STORIES,
    "score_a": "R of a, mean over listeners.",
    "score_b": "R of b.",
    "difference": "R of a minus R of b, mean over listeners.",
    **columns.interval("low", "high"),
    "effect_size": (
        "Mean over standard deviation of the listeners' differences (Cohen's d of pairs)."
    ),
    "detectable": (
        "Smallest difference, either way, that a test over these listeners would have found "
        "with 80 % power (normal approximation)."
    ),
    **columns.p_listeners("stories", how="within the family (Benjamini-Hochberg)"),
    "difference_stories": (
        "The difference, mean over stories (each the mean over those who heard it)."
    ),
    **columns.interval("low_stories", "high_stories", over="stories; n/a with fewer than six"),
    "detectable_stories": (
        "Smallest difference that a test over these stories would have found with 80 % power; "
        "n/a with fewer than six."
    ),
    **columns.p_stories(how="within the family"),
}


def comparisons_table(scores: Mapping[str, Reported], seed: int) -> pd.DataFrame:
    """Return the differences between models, and between hemispheres.

    The columns are those of `COMPARISONS_COLUMNS`.

    Parameters
    ----------
    scores : mapping
        By model.
    seed : int
        Of the bootstrap.
    """
    rows = [
        *_models(scores, seed),
        *(row for model, one in scores.items() for row in _hemispheres(model, one, seed)),
    ]
    table = pd.DataFrame(
        rows, columns=[name for name in COMPARISONS_COLUMNS if not name.endswith("_fdr")]
    )
    for name in ("p_listeners", "p_stories"):
        table[f"{name}_fdr"] = significance.corrected(table, name, ["family"])
    return table[list(COMPARISONS_COLUMNS)]


def _models(scores: Mapping[str, Reported], seed: int) -> Iterator[dict[str, Any]]:
    for a, b in combinations(scores, 2):
        one, other = scores[a], scores[b]
        for hemisphere, roi, weights in _areas(one):
            keys = {
                "question": "models",
                "family": _family(f"{a} against {b}", roi),
                "a": a,
                "b": b,
                "hemisphere": hemisphere,
                "roi": roi,
            }
            yield {
                **keys,
                "n_targets": int(weights.sum()),
                **difference(one, other, weights, weights, seed),
            }


def _hemispheres(model: str, one: Reported, seed: int) -> Iterator[dict[str, Any]]:
    for roi, left, right in pairs(one):
        keys = {
            "question": "hemispheres",
            "family": _family(f"{model}, left against right", roi),
            "a": f"{model} L",
            "b": f"{model} R",
            "hemisphere": "L-R",
        }
        yield {
            **keys,
            "roi": roi,
            "n_targets": int(left.sum()),
            **difference(one, one, left, right, seed),
        }


def _family(pair: str, roi: str) -> str:
    return f"{pair}: all targets" if roi == ALL else pair


def _areas(one: Reported) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield each region, and all targets of both hemispheres and of each.

    They come with the weights of regions in them.
    """
    sizes = np.array([n_targets for _, _, n_targets in one.regions], dtype=float)
    sides = np.array([side for side, _, _ in one.regions])
    for number, (side, roi, _) in enumerate(one.regions):
        yield side, roi, sizes * (np.arange(len(sizes)) == number)
    yield "B", ALL, sizes
    for side in sorted({"L", "R"} & set(sides)):
        yield side, ALL, sizes * (sides == side)


def pairs(one: Reported) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield each region that both hemispheres have, and all of them.

    They come with the weights of their left and right parts.
    """
    sizes = {(side, roi): n_targets for side, roi, n_targets in one.regions}
    shared = [roi for side, roi, _ in one.regions if side == "L" and ("R", roi) in sizes]

    def weights(side: str, rois: list[str]) -> np.ndarray:
        return np.array(
            [
                float(sizes[here, roi]) if here == side and roi in rois else 0.0
                for here, roi, _ in one.regions
            ]
        )

    for roi in shared:
        yield roi, weights("L", [roi]), weights("R", [roi])
    if shared:
        yield ALL, weights("L", shared), weights("R", shared)


def difference(
    one: Reported, other: Reported, mine: np.ndarray, theirs: np.ndarray, seed: int
) -> dict[str, Any]:
    """Return the difference of two scores, with its intervals and tests.

    Parameters
    ----------
    one, other : Reported
        Of the same listeners, stories and regions.
    mine, theirs : arrays of shape (n_regions, )
        Weights of the regions in either score.
    seed : int
        Of the bootstrap.
    """
    a, b = one.listeners(mine), other.listeners(theirs)
    by_story = one.stimuli(mine) - other.stimuli(theirs)
    low, high = significance.interval(a - b, seed)
    enough = len(by_story) >= significance.FEWEST_STIMULI
    low_stories, high_stories = (
        significance.interval(by_story, seed) if enough else (np.nan, np.nan)
    )
    return {
        "layer_a": one.layer,
        "layer_b": other.layer,
        "n_listeners": len(a),
        "n_stories": len(by_story),
        "score_a": a.mean(),
        "score_b": b.mean(),
        "difference": (a - b).mean(),
        "low": low,
        "high": high,
        "effect_size": significance.effect_size(a - b),
        "detectable": significance.detectable_mean(a - b),
        "p_listeners": significance.listener_test(a - b),
        "difference_stories": by_story.mean(),
        "low_stories": low_stories,
        "high_stories": high_stories,
        "detectable_stories": significance.detectable_mean(by_story) if enough else np.nan,
        "p_stories": significance.story_test(by_story),
    }
