"""Claims about associations: which texts help more, whether random ones do, and where."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from engram.statistics import significance
from engram.statistics.yin2025.evidence import Evidence, Text
from engram.statistics.yin2025.finding import (
    NOT_REPRODUCED,
    NOT_TESTABLE,
    REPRODUCED,
    Finding,
    analogue,
    judge,
)
from engram.vocabulary import ADDITIVE, RANDOM, WITH_ASSOCIATIONS
from engram.wording import count

#: The smallest effect of associations that was published (on maps), and the largest (in regions).
_MAPS = (0.0014, 0.05)
#: Fewest random texts with which p can reach 0.05.
_FEWEST_TEXTS = 19


@dataclass(frozen=True)
class _Means:
    """Mean effects of some texts: of the text, and of random texts by number."""

    f: np.ndarray
    random: np.ndarray
    sizes: np.ndarray
    regions: list[tuple[str, str, int]]
    n_stories: int

    @property
    def text(self) -> str:
        """What there is of each."""
        return (
            f"{count(len(self.f), 'listener')}, {count(self.n_stories, 'story')}, "
            f"{count(len(self.random), 'random text')}"
        )

    def everywhere(self, values: np.ndarray) -> np.ndarray:
        """Return the mean over all targets of (..., n_regions)."""
        result: np.ndarray = values @ self.sizes / self.sizes.sum()
        return result


def _means(evidence: Evidence, model: str, texts: Sequence[str]) -> _Means:
    found = [evidence.effects[model, name] for name in texts]
    one = found[0]
    n_random = min(len(each.of_kind(RANDOM)) for each in found)
    f = np.mean([each.difference(WITH_ASSOCIATIONS)[each.single] for each in found], axis=0)
    random = np.mean(
        [
            [each.difference(text)[each.single] for text in each.of_kind(RANDOM)[:n_random]]
            for each in found
        ],
        axis=0,
    )
    sizes = np.array([n_targets for _, _, n_targets in one.regions], dtype=float)
    return _Means(f, random, sizes, one.regions, len(one.r_stimulus))


def _all_texts(evidence: Evidence, model: str) -> tuple[str, _Means]:
    """Return the names of all texts that a model reads, and the means of their effects."""
    names = [name for name in evidence.texts if (model, name) in evidence.effects]
    return ", ".join(names), _means(evidence, model, names)


def _model_reading_associations(evidence: Evidence) -> tuple[str | None, str | None]:
    name, reason = evidence.representative([model for model, _ in evidence.effects])
    if name is None:
        return None, "This study reads no associations."
    if evidence.alignment in ADDITIVE:
        return (
            name,
            (
                f"Under '{evidence.alignment}' inserted words change the rate of words, "
                "and so the scores of any text."
            ),
        )
    return name, reason


_OVER_TEXTS = (
    "interval over texts (from how random texts spread) and over listeners, the wider end "
    "of either; generalises to other texts in these stories"
)


def _texts(
    evidence: Evidence,
    above: Callable[[Text], bool],
    below: Callable[[Text], bool],
    names: tuple[str, str],
    missing: str,
) -> Finding:
    """Return the difference of F of two kinds of texts."""
    model, reason = _model_reading_associations(evidence)
    if model is None:
        return Finding(why=str(reason))
    mine = [name for name in evidence.texts if (model, name) in evidence.effects]
    kinds = [[name for name in mine if fits(evidence.texts[name])] for fits in (above, below)]
    if not all(kinds):
        return Finding(why=missing)
    one, other = (_means(evidence, model, kind) for kind in kinds)
    n_random = min(len(one.random), len(other.random))
    by_listener = one.everywhere(one.f) - other.everywhere(other.f)
    null = (one.everywhere(one.random[:n_random]) - other.everywhere(other.random[:n_random])).mean(
        1
    )
    value = float(by_listener.mean())
    low, high = significance.widest(
        significance.spread_interval(value, null), significance.interval(by_listener, evidence.seed)
    )
    test = (
        f"F of {names[0]} ({', '.join(kinds[0])}) minus {names[1]} ({', '.join(kinds[1])}), "
        f"{model}, all targets, among the same of random texts; {_OVER_TEXTS}"
    )
    n = (
        f"{count(len(by_listener), 'listener')}, {count(one.n_stories, 'story')}, "
        f"{count(n_random, 'pair')} of random texts"
    )
    found = Finding(f"{value:+.4f}", low, high, n, test, significance.text_test(value, null))
    return _judged(found, n_random, (_MAPS[0], np.inf), True, reason)


def _judged(
    found: Finding, n_random: int, size: tuple[float, float], direction: bool, reason: str | None
) -> Finding:
    if n_random < _FEWEST_TEXTS:
        found = replace(
            found,
            why=(
                f"With {count(n_random, 'random text')} no p can reach 0.05; "
                f"{_FEWEST_TEXTS} are needed."
            ),
        )
    else:
        verdict, why = judge(found.low, found.high, found.p, size, direction)
        found = replace(found, verdict=verdict, why=why)
    return analogue(found, reason)


def word_over_sentence(evidence: Evidence) -> Finding:
    """Return whether word associations help more than sentence associations."""
    return _texts(
        evidence,
        lambda text: text.granularities == {"word"},
        lambda text: text.granularities == {"sentence"},
        ("word texts", "sentence texts"),
        "This study has not both word and sentence associations.",
    )


def people_over_gpt4(evidence: Evidence) -> Finding:
    """Return whether associations that people wrote help more than GPT-4's."""
    missing = "This study has not both texts that people wrote and texts that GPT-4 wrote."
    return _texts(
        evidence,
        lambda text: text.by_people,
        lambda text: text.by_gpt4,
        ("texts by people", "texts by GPT-4"),
        missing,
    )


def random_texts(evidence: Evidence) -> Finding:
    """Return whether random insertions do not help."""
    model, reason = _model_reading_associations(evidence)
    if model is None:
        return Finding(why=str(reason))
    names, means = _all_texts(evidence, model)
    everywhere = means.everywhere(means.random)  # (text, listener)
    by_text, by_listener = everywhere.mean(1), everywhere.mean(0)
    low, high = significance.widest(
        significance.spread_interval(float(by_text.mean()), by_text, of_mean=True),
        significance.interval(by_listener, evidence.seed),
    )
    test = (
        f"Mean F of random texts ({names}), {model}, all targets; t interval over random texts "
        "and BCa interval over listeners, the wider end of either, and one-sided t test of F > 0 "
        "over random texts: generalises to other random texts in these stories"
    )
    found = Finding(f"{by_text.mean():+.4f}", low, high, means.text, test, _above_zero(by_text))
    if np.isnan(low):
        found = replace(found, why="There are too few random texts or listeners for an interval.")
    elif low > 0:
        found = replace(found, verdict=NOT_REPRODUCED, why="The interval lies above 0.")
    elif high < _MAPS[0]:
        found = replace(
            found,
            verdict=REPRODUCED,
            why=(
                "The interval reaches down to 0 or below, and stays under the smallest "
                f"published effect ({_MAPS[0]})."
            ),
        )
    else:
        found = replace(
            found, why=f"The interval holds 0 and the smallest published effect ({_MAPS[0]})."
        )
    return analogue(found, reason)


def _above_zero(values: np.ndarray) -> float:
    from scipy import stats

    return (
        float(stats.ttest_1samp(values, 0, alternative="greater").pvalue)
        if len(values) > 1 and np.ptp(values) > 0
        else np.nan
    )


@dataclass(frozen=True)
class _Regions:
    """F minus that of random texts, by region.

    Attributes
    ----------
    names : list of str
    observed, p : arrays of shape (n_regions, )
        Mean over listeners, and the p over texts, corrected over regions.
    lows, highs : arrays of shape (n_regions, )
        Intervals over texts and over listeners, the wider end of either.
    detectable : array of shape (n_regions, )
        What would have been found with 80 % power.
    """

    names: list[str]
    observed: np.ndarray
    p: np.ndarray
    lows: np.ndarray
    highs: np.ndarray
    detectable: np.ndarray


def _by_region(means: _Means, seed: int) -> _Regions:
    null = means.random.mean(1)  # (text, region)
    above = means.f - means.random.mean(0)  # (listener, region)
    observed = above.mean(0)
    intervals = [
        significance.widest(
            significance.spread_interval(value, draws), significance.interval(values, seed)
        )
        for value, draws, values in zip(observed, null.T, above.T, strict=True)
    ]
    p = [significance.text_test(f, draws) for f, draws in zip(means.f.mean(0), null.T, strict=True)]
    corrected = significance.corrected(pd.DataFrame({"p": p, "family": 0}), "p", ["family"])
    lows, highs = np.transpose(intervals)
    return _Regions(
        [f"{roi} ({side})" for side, roi, _ in means.regions],
        observed,
        corrected.to_numpy(),
        lows,
        highs,
        np.array([significance.detectable(draws) for draws in null.T]),
    )


def maps(evidence: Evidence) -> Finding:
    """Return whether associations raise scores in some region, by the published size."""
    model, reason = _model_reading_associations(evidence)
    if model is None:
        return Finding(why=str(reason))
    names, means = _all_texts(evidence, model)
    regions = _by_region(means, evidence.seed)
    test = (
        f"F minus that of random texts ({names}), {model}, by region; one-sided test over texts, "
        "smallest p corrected over regions (Benjamini-Hochberg); interval: from the lowest end "
        f"of all regions to the highest, each {_OVER_TEXTS}"
    )
    found = Finding(
        f"{regions.observed.min():+.4f} to {regions.observed.max():+.4f}",
        float(regions.lows.min()),
        float(regions.highs.max()),
        means.text,
        test,
        float(regions.p.min()),
    )
    if len(means.random) < _FEWEST_TEXTS or np.isnan(found.low):
        return _judged(found, len(means.random), _MAPS, False, reason)
    verdict, why = _verdict_on_maps(regions)
    return analogue(replace(found, verdict=verdict, why=why), reason)


def _verdict_on_maps(regions: _Regions) -> tuple[str, str]:
    """Return the verdict, and why."""
    hits = (
        (regions.p <= significance.LEVEL)
        & (regions.lows > 0)
        & (regions.lows <= _MAPS[1])
        & (regions.highs >= _MAPS[0])
    )
    if hits.any():
        names = [name for name, hit in zip(regions.names, hits, strict=True) if hit]
        return REPRODUCED, f"Above random texts, within the published range: {', '.join(names)}."
    power = (
        f"Above random, {regions.detectable.min():.4f} to {regions.detectable.max():.4f}, by "
        "region, would have been found with 80 % power."
    )
    if regions.highs.max() < _MAPS[0]:
        return (
            NOT_REPRODUCED,
            f"In every region the interval ends below the smallest published effect. {power}",
        )
    return (
        NOT_TESTABLE,
        f"No region differs from random texts, and the published range is not excluded. {power}",
    )
