"""Brain scores compared: each model with each other, the left hemisphere with the right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from engram.statistics import columns, significance
from engram.statistics.reported_scores import Reported

#: What a row is called that is about all targets, of a hemisphere or of both.
ALL = "all"


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
    """Yield hemisphere, name, and weights of regions: of each region, and of all targets.

    All targets come for both hemispheres and for each.
    """
    sizes = np.array([n_targets for _, _, n_targets in one.regions], dtype=float)
    sides = np.array([side for side, _, _ in one.regions])
    for number, (side, roi, _) in enumerate(one.regions):
        yield side, roi, sizes * (np.arange(len(sizes)) == number)
    yield "B", ALL, sizes
    for side in sorted({"L", "R"} & set(sides)):
        yield side, ALL, sizes * (sides == side)


def pairs(one: Reported) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield the name, and the weights of its left and right part, of each region with both.

    All of these regions together come last.
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
