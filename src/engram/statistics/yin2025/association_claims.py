"""Claims about associations: which texts help more, whether random ones do, and where."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engram.statistics import maximum_statistic, significance
from engram.statistics.variant_effects import Effects, null_texts
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

#: Effects of associations that were published: on maps, and the largest in regions.
PUBLISHED_MAPS, PUBLISHED_REGIONS = (0.0014, 0.02), 0.05
#: The smallest of all, and the largest.
_MAPS = (PUBLISHED_MAPS[0], PUBLISHED_REGIONS)
#: Fewest null texts with which p can reach 0.05.
_FEWEST_TEXTS = 19


@dataclass(frozen=True)
class _Means:
    """Mean effects of some texts: of the text, and of its null texts by number.

    Attributes
    ----------
    f : array of shape (n_listeners, n_regions)
    null : array of shape (n_texts, n_listeners, n_regions)
    sizes : array of shape (n_regions, )
        Targets of each region.
    regions : list of (hemisphere, roi, n_targets)
    n_stories : int
    """

    f: np.ndarray
    null: np.ndarray
    sizes: np.ndarray
    regions: list[tuple[str, str, int]]
    n_stories: int

    @property
    def text(self) -> str:
        """What there is of each."""
        return (
            f"{count(len(self.f), 'listener')}, {count(self.n_stories, 'story')}, "
            f"{count(len(self.null), 'null text')}"
        )

    def everywhere(self, values: np.ndarray) -> np.ndarray:
        """Return the mean over all targets of (..., n_regions)."""
        result: np.ndarray = values @ self.sizes / self.sizes.sum()
        return result


def _means(
    evidence: Evidence,
    model: str,
    texts: Sequence[str],
    null: Callable[[Effects], list[str]] = null_texts,
) -> _Means:
    found = [evidence.effects[model, name] for name in texts]
    one = found[0]
    n_null = min(len(null(each)) for each in found)
    f = np.mean([each.difference(WITH_ASSOCIATIONS)[each.single] for each in found], axis=0)
    of_null = [
        [each.difference(text)[each.single] for text in null(each)[:n_null]] for each in found
    ]
    sizes = np.array([n_targets for _, _, n_targets in one.regions], dtype=float)
    return _Means(f, np.mean(of_null, axis=0), sizes, one.regions, len(one.r_stimulus))


def _all_texts(evidence: Evidence, model: str) -> list[str]:
    """Return the names of all texts that a model reads."""
    return [name for name in evidence.texts if (model, name) in evidence.effects]


def _random_texts(one: Effects) -> list[str]:
    """Return the names of random texts, whether they are the null or not."""
    return one.of_kind(RANDOM)


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
    "interval over texts (from how null texts spread) and over listeners, the wider end "
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
    n_null = min(len(one.null), len(other.null))
    difference = one.everywhere(one.f) - other.everywhere(other.f)  # (listener, )
    of_null = one.everywhere(one.null[:n_null]) - other.everywhere(other.null[:n_null])
    null = of_null.mean(axis=1)  # (text, )
    # Interval and p are of the same: what the texts differ by beyond what their null texts do.
    by_listener = difference - of_null.mean(axis=0)
    value = float(by_listener.mean())
    low, high = significance.widest(
        significance.spread_interval(value, null), significance.interval(by_listener, evidence.seed)
    )
    test = (
        f"F minus that of null texts, of {names[0]} ({', '.join(kinds[0])}) minus {names[1]} "
        f"({', '.join(kinds[1])}), {model}, all targets; test among pairs of null texts; "
        f"{_OVER_TEXTS}"
    )
    n = (
        f"{count(len(by_listener), 'listener')}, {count(one.n_stories, 'story')}, "
        f"{count(n_null, 'pair')} of null texts"
    )
    p = significance.text_test(float(difference.mean()), null)
    found = Finding(f"{value:+.4f}", low, high, n, test, p)
    return _judged(found, n_null, (_MAPS[0], np.inf), True, reason)


def _judged(
    found: Finding, n_null: int, size: tuple[float, float], direction: bool, reason: str | None
) -> Finding:
    if n_null < _FEWEST_TEXTS:
        found = replace(
            found,
            why=(
                f"With {count(n_null, 'null text')} no p can reach 0.05; "
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
        lambda text: text.of_story and text.granularities == {"word"},
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
    names = [name for name in _all_texts(evidence, model) if evidence.has_random(model, name)]
    if not names:
        return Finding(why="This study reads no random texts.")
    means = _means(evidence, model, names, _random_texts)
    everywhere = means.everywhere(means.null)  # (text, listener)
    by_text, by_listener = everywhere.mean(1), everywhere.mean(0)
    low, high = significance.widest(
        significance.spread_interval(float(by_text.mean()), by_text, of_mean=True),
        significance.interval(by_listener, evidence.seed),
    )
    test = (
        f"Mean F of random texts ({', '.join(names)}), {model}, all targets; t interval over them "
        "and BCa interval over listeners, the wider end of either, and one-sided t test of F > 0 "
        "over random texts: generalises to other random texts in these stories"
    )
    n = means.text.replace("null text", "random text")
    found = Finding(f"{by_text.mean():+.4f}", low, high, n, test, _above_zero(by_text))
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
    """F minus that of null texts, by region.

    Attributes
    ----------
    names : list of str
    observed, p : arrays of shape (n_regions, )
        Mean over listeners, and the p over texts, corrected over regions.
    lows, highs : arrays of shape (n_regions, )
        Intervals over texts and over listeners, the wider end of either.
    detectable : array of shape (n_regions, )
        What would have been found with 80 % power after correction.
    """

    names: list[str]
    observed: np.ndarray
    p: np.ndarray
    lows: np.ndarray
    highs: np.ndarray
    detectable: np.ndarray


def _by_region(means: _Means, seed: int) -> _Regions:
    null = means.null.mean(1)  # (text, region)
    above = means.f - means.null.mean(0)  # (listener, region)
    observed = above.mean(0)
    intervals = [
        significance.widest(
            significance.spread_interval(value, draws), significance.interval(values, seed)
        )
        for value, draws, values in zip(observed, null.T, above.T, strict=True)
    ]
    lows, highs = np.transpose(intervals)
    return _Regions(
        [f"{roi} ({side})" for side, roi, _ in means.regions],
        observed,
        maximum_statistic.corrected_p(means.f.mean(0), null),
        lows,
        highs,
        maximum_statistic.detectable(null),
    )


def maps(evidence: Evidence) -> Finding:
    """Return whether associations raise scores in some region, by the published size."""
    model, reason = _model_reading_associations(evidence)
    if model is None:
        return Finding(why=str(reason))
    names = _all_texts(evidence, model)
    means = _means(evidence, model, names)
    regions = _by_region(means, evidence.seed)
    test = (
        f"F minus that of null texts ({', '.join(names)}), {model}, by region; one-sided test over "
        "texts, smallest p corrected over regions by the maximum statistic; interval: from the "
        f"lowest end of all regions to the highest, each {_OVER_TEXTS}"
    )
    found = Finding(
        f"{regions.observed.min():+.4f} to {regions.observed.max():+.4f}",
        float(regions.lows.min()),
        float(regions.highs.max()),
        means.text,
        test,
        float(regions.p.min()),
    )
    if len(means.null) < _FEWEST_TEXTS or np.isnan(found.low):
        return _judged(found, len(means.null), _MAPS, False, reason)
    verdict, why = _verdict_on_maps(regions)
    return analogue(replace(found, verdict=verdict, why=why), reason)


def _power(detectable: np.ndarray) -> str:
    """Return what would have been found after correction, beside what was published."""
    if not len(detectable):
        return ""
    larger = (
        f", which is more than the published maps show ({PUBLISHED_MAPS[0]} to {PUBLISHED_MAPS[1]})"
        if detectable.min() > PUBLISHED_MAPS[1]
        else ""
    )
    return (
        f"Above null texts, {detectable.min():.4f} to {detectable.max():.4f}, by region, would "
        f"have been found with 80 % power after correction{larger}."
    )


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
        return REPRODUCED, f"Above null texts, within the published range: {', '.join(names)}."
    power = _power(regions.detectable[~np.isnan(regions.detectable)])
    if regions.highs.max() < _MAPS[0]:
        return (
            NOT_REPRODUCED,
            f"In every region the interval ends below the smallest published effect. {power}",
        )
    return (
        NOT_TESTABLE,
        f"No region differs from null texts, and the published range is not excluded. {power}",
    )
