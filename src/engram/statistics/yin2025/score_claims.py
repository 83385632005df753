"""Claims about brain scores: the best layer, the better model, the better hemisphere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from engram.statistics import significance
from engram.statistics.comparisons import ALL, difference, pairs
from engram.statistics.reported_scores import Reported
from engram.statistics.yin2025.evidence import Evidence, LanguageModel
from engram.statistics.yin2025.finding import (
    NOT_REPRODUCED,
    NOT_TESTABLE,
    REPRODUCED,
    Finding,
    analogue,
    judge,
)
from engram.wording import count

#: An interval of the best layer that is wider than this share of the depth says nothing of it.
_WIDEST_PEAK = 1 / 4


def peak(
    wanted: Callable[[LanguageModel], bool], name: str, layer: int
) -> Callable[[Evidence], Finding]:
    """Return what finds whether a kind of model scores highest at the published layer."""

    def find(evidence: Evidence) -> Finding:
        mine = next((key for key, model in evidence.models.items() if wanted(model)), None)
        if mine is not None:
            return _peak_of(evidence.models[mine], mine, layer, evidence.seed)
        if not evidence.models:
            return Finding(why=f"This study has no {name}, and no other trained language model.")
        other, model = next(iter(evidence.models.items()))
        return analogue(
            replace(_peak_of(model, other, None, evidence.seed), why=""),
            f"This study has no {name}.",
        )

    return find


def _peak_of(model: LanguageModel, name: str, published: int | None, seed: int) -> Finding:
    scores = model.scores
    curves = np.nanmean(scores.r_layer, axis=1).T  # (subject, layer)
    peak = int(curves.mean(0).argmax())
    stories = scores.stimulus_stories()
    by_story = np.stack(
        [np.nanmean(scores.r_layer[:, index], axis=(1, 2)) for index in stories.values()]
    )
    enough = len(by_story) >= significance.FEWEST_STIMULI
    low, high = _peak_interval(by_story if enough else curves, seed)
    over = (
        "stories: generalises to other stories"
        if enough
        else "listeners: holds for other listeners of these stories only"
    )
    found = Finding(
        f"{peak} of {model.depth} ({name})",
        low,
        high,
        f"{count(len(curves), 'listener')}, {count(len(by_story), 'story')}",
        f"Layer with the highest mean score over all targets; bootstrap interval over {over}",
    )
    if not enough:
        return replace(
            found, why="With fewer than six stories nothing generalises beyond listeners."
        )
    if high - low > model.depth * _WIDEST_PEAK:
        return replace(found, why="The interval is wider than a quarter of the depth.")
    if published is None or low <= published <= high:
        return replace(found, verdict=REPRODUCED, why="The published layer is in the interval.")
    return replace(
        found, verdict=NOT_REPRODUCED, why="The published layer is outside of the interval."
    )


def _peak_interval(curves: np.ndarray, seed: int) -> tuple[float, float]:
    """Return the 95 % percentile interval of the highest layer over rows drawn anew.

    It is NaN with fewer than three rows.
    """
    if len(curves) < 3:
        return np.nan, np.nan
    curves = curves[np.lexsort(curves.T)]  # the order of rows means nothing
    drawn = np.random.default_rng(seed).integers(len(curves), size=(2000, len(curves)))
    weights = np.stack([np.bincount(rows, minlength=len(curves)) for rows in drawn])
    low, high = np.percentile((weights @ curves).argmax(1), [2.5, 97.5])
    return float(low), float(high)


def _over_stories(
    one: Reported,
    other: Reported,
    mine: np.ndarray,
    theirs: np.ndarray,
    label: str,
    smallest: float,
    seed: int,
) -> Finding:
    """Return a difference of scores: over stories, or with fewer than six over listeners.

    Parameters
    ----------
    one, other, mine, theirs, seed
        As `engram.statistics.comparisons.difference` takes them.
    label : str
        What is compared.
    smallest : float
        The published size.
    """
    row = difference(one, other, mine, theirs, seed)
    n = f"{count(row['n_listeners'], 'listener')}, {count(row['n_stories'], 'story')}"
    if row["n_stories"] < significance.FEWEST_STIMULI:
        test = (
            f"{label}; BCa interval and Wilcoxon over listeners: holds for other "
            "listeners of these stories only"
        )
        why = (
            "With fewer than six stories nothing generalises beyond listeners, and a test over "
            "listeners alone carries no claim."
        )
        return Finding(
            f"{row['difference']:+.4f}",
            row["low"],
            row["high"],
            n,
            test,
            row["p_listeners"],
            NOT_TESTABLE,
            why,
        )
    test = f"{label}; BCa interval and Wilcoxon over stories: generalises to other stories"
    low, high = row["low_stories"], row["high_stories"]
    verdict, why = judge(low, high, row["p_stories"], (smallest, np.inf), direction=True)
    return Finding(
        f"{row['difference_stories']:+.4f}", low, high, n, test, row["p_stories"], verdict, why
    )


def llama_over_gpt2(evidence: Evidence) -> Finding:
    """Return whether LLaMA-2 scores higher than GPT-2."""
    llama = next((model for model in evidence.models.values() if model.is_llama2), None)
    gpt2 = next((model for model in evidence.models.values() if model.is_gpt2), None)
    if llama is None or gpt2 is None:
        missing = " and no ".join(
            name for name, model in (("LLaMA-2 7B", llama), ("GPT-2", gpt2)) if model is None
        )
        return Finding(why=f"This study has no {missing}.")
    sizes = np.array([n_targets for _, _, n_targets in llama.scores.regions], dtype=float)
    label = "LLaMA-2 minus GPT-2, all targets, each model's reported layer"
    return _over_stories(
        llama.scores, gpt2.scores, sizes, sizes, label, 0.135 - 0.126, evidence.seed
    )


def left_over_right(evidence: Evidence) -> Finding:
    """Return whether the left hemisphere scores higher than the right."""
    name, reason = evidence.representative(evidence.models)
    if name is None:
        return Finding(why="This study has no trained language model.")
    scores = evidence.models[name].scores
    both = {roi: (left, right) for roi, left, right in pairs(scores)}
    if not both:
        return Finding(why="No region of this study is in both hemispheres.")
    label = (
        f"Left minus right, {name}, targets of {count(len(both) - 1, 'region')} that "
        "both have, reported layer"
    )
    found = _over_stories(scores, scores, *both[ALL], label, 0.146 - 0.135, evidence.seed)
    return analogue(found, reason)
