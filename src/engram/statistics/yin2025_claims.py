"""The verdict: each published claim beside what this study has to say of it.

The rules (docs/methods.md, *The verdict*) are fixed here, before any score is looked at:
which model, texts and tuning stand for the study follows from the configuration,
the layer too, and a claim is carried only by a test that generalises beyond listeners, to other
stories, texts or tunings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from engram.datasets.roi_sets import members
from engram.statistics import significance
from engram.statistics.comparisons import ALL, difference, pairs
from engram.statistics.reported_scores import Reported
from engram.statistics.variant_effects import Effects, by_roi_set
from engram.vocabulary import (
    ADDITIVE,
    ASSOCIATION,
    PEOPLE,
    RANDOM,
    TUNING_CONTROLS,
    WITH_ASSOCIATIONS,
)

REPRODUCED, NOT_REPRODUCED, NOT_TESTABLE = "reproduced", "not reproduced", "not testable here"

CLAIMS = (
    "The claims of Yin et al. (2025), and what this study has to say of each. "
    "A verdict needs a test that generalises beyond listeners, people who listened, "
    "and a model of the kind that the claim is about; else the claim is not testable here, "
    "and what is given is the nearest analogue."
)
CLAIMS_COLUMNS = {
    "claim": "Short name.",
    "statement": "What was claimed.",
    "published": "The published value.",
    "ours": "What was found here; n/a where there is nothing alike.",
    "low": "95 % interval, in the unit of 'ours'; 'test' says over what.",
    "high": "Its upper end.",
    "n": "Listeners, stories, texts, seeds.",
    "test": "What was done, and what it generalises to.",
    "p": "Its p; n/a where no test was made.",
    "verdict": f"{REPRODUCED}, {NOT_REPRODUCED} or {NOT_TESTABLE}.",
    "why": "Why this verdict.",
}

#: The smallest effect of associations that was published (on maps), and the largest (in regions).
_MAPS = (0.0014, 0.05)
#: Fewest random texts with which p can reach 0.05.
_FEWEST_TEXTS = 19


@dataclass(frozen=True)
class LanguageModel:
    """A trained language model of the study.

    Attributes
    ----------
    source : str
        As the configuration names it.
    depth, width : int
        Layers without the embeddings, and units.
    scores : Reported
        Of the stories as they were heard.
    """

    source: str
    depth: int
    width: int
    scores: Reported

    @property
    def is_gpt2(self) -> bool:
        """Whether it is GPT-2 (124 million parameters), by its name and its shape.

        Small models of GPT-2's type are not GPT-2.
        """
        return self._name == "gpt2" and (self.depth, self.width) == (12, 768)

    @property
    def is_llama2(self) -> bool:
        """Whether it is LLaMA-2 7B, not tuned to chat, by its name and its shape."""
        return re.fullmatch(r"llama-?2-7b(-hf)?", self._name) is not None and (
            self.depth,
            self.width,
        ) == (32, 4096)

    @property
    def is_large(self) -> bool:
        """Whether it is at least as deep and as wide as GPT-2, the smallest model of the paper."""
        return self.depth >= 12 and self.width >= 768

    @property
    def _name(self) -> str:
        return re.split(r"[/:]", self.source.rstrip("/"))[-1].lower()


@dataclass(frozen=True)
class Text:
    """Who wrote a text's associations, and of which granularity they are."""

    annotators: frozenset[str]
    granularities: frozenset[str]

    @property
    def by_people(self) -> bool:
        """Whether people wrote all of it."""
        return self.annotators == {PEOPLE}

    @property
    def by_gpt4(self) -> bool:
        """Whether GPT-4 wrote all of it."""
        return bool(self.annotators) and all(
            re.search(r"gpt-?4", name.lower()) for name in self.annotators
        )


@dataclass(frozen=True)
class Evidence:
    """What a study has.

    Attributes
    ----------
    models : dict of LanguageModel
        Trained ones, by name, in the order of the configuration.
    effects : dict of Effects
        Of associations, by model and text.
    texts : dict of Text
        By text.
    tunings : dict of Effects
        By model and tuning.
    alignment : str
        How inserted words met the rows.
    people : bool
        Whether listeners are people; False: they are simulated.
    seed : int
        Of bootstraps.
    """

    models: Mapping[str, LanguageModel]
    effects: Mapping[tuple[str, str], Effects] = field(default_factory=dict)
    texts: Mapping[str, Text] = field(default_factory=dict)
    tunings: Mapping[tuple[str, str], Effects] = field(default_factory=dict)
    alignment: str = "context"
    people: bool = True
    seed: int = 0


@dataclass(frozen=True)
class Finding:
    """A row of the table, without the claim itself."""

    ours: str | None = None
    low: float = np.nan
    high: float = np.nan
    n: str | None = None
    test: str | None = None
    p: float = np.nan
    verdict: str = NOT_TESTABLE
    why: str = ""


def claims_table(evidence: Evidence) -> pd.DataFrame:
    """Return the verdict on each published claim (the columns of `CLAIMS_COLUMNS`)."""
    rows = []
    for claim, statement, published, find in _CLAIMS:
        found = find(evidence)
        if not evidence.people:
            found = _analogue(found, "The listeners of this study are simulated.")
        rows.append({"claim": claim, "statement": statement, "published": published, **vars(found)})
    return pd.DataFrame(rows)[list(CLAIMS_COLUMNS)]


_ANALOGUE = "The values shown are those of the nearest analogue."


def _analogue(found: Finding, reason: str) -> Finding:
    """Return a finding that says nothing of the claim itself, and why."""
    if found.ours is None or _ANALOGUE in found.why:
        why = f"{reason} {found.why}"
    elif found.verdict == NOT_TESTABLE:
        why = f"{reason} {_ANALOGUE} {found.why}"
    else:
        why = f"{reason} {_ANALOGUE} By itself: {found.verdict}. {found.why}"
    return replace(found, verdict=NOT_TESTABLE, why=why.strip())


def judge(
    low: float, high: float, p: float, size: tuple[float, float], direction: bool
) -> tuple[str, str]:
    """Return the verdict on a claim, and why.

    Parameters
    ----------
    low, high : float
        The 95 % interval of the effect.
    p : float
        Of the test that generalises beyond listeners.
    size : tuple of (smallest, largest)
        The published size.
    direction : bool
        Whether the claim is that there is an effect; else that it has this size.
    """
    if np.isnan(low) or np.isnan(high) or np.isnan(p):
        return (
            NOT_TESTABLE,
            "There is too little for an interval and a test that generalise beyond listeners.",
        )
    shown, overlaps = p <= significance.LEVEL and low > 0, low <= size[1] and high >= size[0]
    if shown and (direction or overlaps):
        return REPRODUCED, "The interval lies above 0" + (
            ", holds or touches the published size," if not direction else ""
        ) + " and the test agrees."
    if not overlaps:
        return NOT_REPRODUCED, "The interval excludes the published size."
    return (
        NOT_TESTABLE,
        (
            "The interval is too wide, or the test too weak: no effect and the published "
            "one are both possible."
        ),
    )


# ---------------------------------------------------------------- which model stands for the study


def _choose(evidence: Evidence, names: Iterable[str]) -> tuple[str | None, str | None]:
    """Return the model that stands for the study among some.

    And why it cannot carry a claim, if so.

    LLaMA-2, else GPT-2, else the first that is large, else the first.
    """
    mine = {name: model for name, model in evidence.models.items() if name in set(names)}
    for kind in ("is_llama2", "is_gpt2", "is_large"):
        for name, model in mine.items():
            if getattr(model, kind):
                return name, None
    if not mine:
        return None, "This study has no trained language model."
    name, model = next(iter(mine.items()))
    return (
        name,
        (
            f"The model, {name} ({model.depth} layers of {model.width} units), is smaller "
            "than the smallest of the paper, GPT-2 (12 of 768)."
        ),
    )


def _count(number: int, noun: str) -> str:
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{number} {noun if number == 1 else plural}"


# ---------------------------------------------------------------- claims about brain scores


def _peak(
    wanted: Callable[[LanguageModel], bool], name: str, layer: int
) -> Callable[[Evidence], Finding]:
    def find(evidence: Evidence) -> Finding:
        mine = next((key for key, model in evidence.models.items() if wanted(model)), None)
        if mine is not None:
            return _peak_of(evidence.models[mine], mine, layer, evidence.seed)
        if not evidence.models:
            return Finding(why=f"This study has no {name}, and no other trained language model.")
        other, model = next(iter(evidence.models.items()))
        return _analogue(
            replace(_peak_of(model, other, None, evidence.seed), why=""),
            f"This study has no {name}.",
        )

    return find


def _peak_of(model: LanguageModel, name: str, published: int | None, seed: int) -> Finding:
    scores = model.scores
    curves = np.nanmean(scores.r_layer, axis=1).T  # (subject, layer)
    peak = int(curves.mean(0).argmax())
    stories = scores.versions()
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
        f"{_count(len(curves), 'listener')}, {_count(len(by_story), 'story')}",
        f"Layer with the highest mean score over all targets; bootstrap interval over {over}",
    )
    if not enough:
        return replace(
            found, why="With fewer than six stories nothing generalises beyond listeners."
        )
    if high - low > model.depth / 2:
        return replace(found, why="The interval holds more than half of the layers.")
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
    """Return a difference of scores.

    It is one over stories where there are six or more, else a description over listeners.
    """
    row = difference(one, other, mine, theirs, seed)
    n = f"{_count(row['n_listeners'], 'listener')}, {_count(row['n_stories'], 'story')}"
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


def _llama_over_gpt2(evidence: Evidence) -> Finding:
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


def _left_over_right(evidence: Evidence) -> Finding:
    name, reason = _choose(evidence, evidence.models)
    if name is None:
        return Finding(why="This study has no trained language model.")
    scores = evidence.models[name].scores
    both = {roi: (left, right) for roi, left, right in pairs(scores)}
    if not both:
        return Finding(why="No region of this study is in both hemispheres.")
    label = (
        f"Left minus right, {name}, targets of {_count(len(both) - 1, 'region')} that "
        "both have, reported layer"
    )
    found = _over_stories(scores, scores, *both[ALL], label, 0.146 - 0.135, evidence.seed)
    return found if reason is None else _analogue(found, reason)


# ---------------------------------------------------------------- claims about associations


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
            f"{_count(len(self.f), 'listener')}, {_count(self.n_stories, 'story')}, "
            f"{_count(len(self.random), 'random text')}"
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


def _associating(evidence: Evidence) -> tuple[str | None, str | None]:
    name, reason = _choose(evidence, [model for model, _ in evidence.effects])
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
    model, reason = _associating(evidence)
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
        f"{_count(len(by_listener), 'listener')}, {_count(one.n_stories, 'story')}, "
        f"{_count(n_random, 'pair')} of random texts"
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
                f"With {_count(n_random, 'random text')} no p can reach 0.05; "
                f"{_FEWEST_TEXTS} are needed."
            ),
        )
    else:
        verdict, why = judge(found.low, found.high, found.p, size, direction)
        found = replace(found, verdict=verdict, why=why)
    return found if reason is None else _analogue(found, reason)


def _word_over_sentence(evidence: Evidence) -> Finding:
    return _texts(
        evidence,
        lambda text: text.granularities == {"word"},
        lambda text: text.granularities == {"sentence"},
        ("word texts", "sentence texts"),
        "This study has not both word and sentence associations.",
    )


def _people_over_gpt4(evidence: Evidence) -> Finding:
    missing = "This study has not both texts that people wrote and texts that GPT-4 wrote."
    return _texts(
        evidence,
        lambda text: text.by_people,
        lambda text: text.by_gpt4,
        ("texts by people", "texts by GPT-4"),
        missing,
    )


def _random(evidence: Evidence) -> Finding:
    model, reason = _associating(evidence)
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
    return found if reason is None else _analogue(found, reason)


def _above_zero(values: np.ndarray) -> float:
    from scipy import stats

    return (
        float(stats.ttest_1samp(values, 0, alternative="greater").pvalue)
        if len(values) > 1 and np.ptp(values) > 0
        else np.nan
    )


def _maps(evidence: Evidence) -> Finding:
    model, reason = _associating(evidence)
    if model is None:
        return Finding(why=str(reason))
    names, means = _all_texts(evidence, model)
    null = means.random.mean(1)  # (text, region)
    above = means.f - means.random.mean(0)  # (listener, region)
    observed = above.mean(0)
    over_texts = [
        significance.spread_interval(value, draws)
        for value, draws in zip(observed, null.T, strict=True)
    ]
    intervals = [
        significance.widest(one, significance.interval(values, evidence.seed))
        for one, values in zip(over_texts, above.T, strict=True)
    ]
    p = pd.DataFrame(
        {
            "p": [
                significance.text_test(means.f[:, region].mean(), null[:, region])
                for region in range(len(observed))
            ],
            "family": 0,
        }
    )
    corrected = significance.corrected(p, "p", ["family"]).to_numpy()
    low, high = np.min([one[0] for one in intervals]), np.max([one[1] for one in intervals])
    test = (
        f"F minus that of random texts ({names}), {model}, by region; one-sided test over texts, "
        "smallest p corrected over regions (Benjamini-Hochberg); interval: from the lowest end "
        f"of all regions to the highest, each {_OVER_TEXTS}"
    )
    found = Finding(
        f"{observed.min():+.4f} to {observed.max():+.4f}",
        float(low),
        float(high),
        means.text,
        test,
        float(corrected.min()),
    )
    if len(means.random) < _FEWEST_TEXTS or np.isnan(low):
        return _judged(found, len(means.random), _MAPS, False, reason)
    hits = [
        f"{roi} ({side})"
        for region, (side, roi, _) in enumerate(means.regions)
        if corrected[region] <= significance.LEVEL
        and 0 < intervals[region][0] <= _MAPS[1]
        and intervals[region][1] >= _MAPS[0]
    ]
    seen = [significance.detectable(null[:, region]) for region in range(len(observed))]
    power = (
        f"Above random, {min(seen):.4f} to {max(seen):.4f}, by region, would have been "
        "found with 80 % power."
    )
    if hits:
        found = replace(
            found,
            verdict=REPRODUCED,
            why=f"Above random texts, within the published range: {', '.join(hits)}.",
        )
    elif high < _MAPS[0]:
        found = replace(
            found,
            verdict=NOT_REPRODUCED,
            why=f"In every region the interval ends below the smallest published effect. {power}",
        )
    else:
        found = replace(
            found,
            why=(
                "No region differs from random texts, and the published range "
                f"is not excluded. {power}"
            ),
        )
    return found if reason is None else _analogue(found, reason)


# ---------------------------------------------------------------- claims about tunings


def _tuning(regions: str, published: tuple[float, float]) -> Callable[[Evidence], Finding]:
    def find(evidence: Evidence) -> Finding:
        model, reason = _choose(evidence, [name for name, _ in evidence.tunings])
        if model is None:
            return Finding(why="This study tunes no model.")
        tuning = next(name for key, name in evidence.tunings if key == model)
        effects = evidence.tunings[model, tuning]
        if regions == "medial temporal":
            effects = by_roi_set(effects)
            wanted = {"medial-temporal"}
        else:
            wanted = members(
                ["G_parietal_sup", "superiorparietal", "Superior Parietal Lobule"],
                {roi for _, roi, _ in effects.regions},
            )
        index = [number for number, (_, roi, _) in enumerate(effects.regions) if roi in wanted]
        if not index:
            return Finding(why=f"The targets of this study have no {regions} region.")
        found = _tuning_of(
            effects,
            index,
            f"{model}, {tuning}, {regions} regions of both hemispheres",
            published,
            evidence.seed,
        )
        return found if reason is None else _analogue(found, reason)

    return find


def _tuning_of(
    effects: Effects, index: list[int], label: str, published: tuple[float, float], seed: int
) -> Finding:
    sizes = np.array([effects.regions[number][2] for number in index], dtype=float)

    def mean(values: np.ndarray) -> np.ndarray:
        result: np.ndarray = values[effects.single][:, index] @ sizes / sizes.sum()
        return result

    original = mean(effects.original)
    by_seed = {
        kind: np.array([mean(effects.difference(name)).mean() for name in effects.of_kind(kind)])
        for kind in (ASSOCIATION, *TUNING_CONTROLS)
    }
    gain = mean(effects.mean_difference(ASSOCIATION))
    m = 100 * by_seed[ASSOCIATION] / original.mean()
    over_seeds = significance.spread_interval(float(m.mean()), m, of_mean=True)
    ratio = significance.ratio_interval(gain, original, seed)
    low, high = significance.widest(over_seeds, (100 * ratio[0], 100 * ratio[1]))
    tests = [
        significance.seed_test(by_seed[ASSOCIATION], by_seed[kind])
        for kind in TUNING_CONTROLS
        if len(by_seed[kind])
    ]
    p = float(np.max(tests)) if tests else np.nan
    counts = ", ".join(_count(len(by_seed[kind]), f"{kind} seed") for kind in by_seed)
    n = f"{_count(len(original), 'listener')}, {_count(len(effects.r_stimulus), 'story')}, {counts}"
    test = (
        f"M in percent, {label}; labels of seeds permuted against each kind of control, the "
        "larger p; interval over seeds (t) and over listeners (BCa), the wider end of either: "
        "generalises to other tunings, heard by other listeners, of these stories"
    )
    found = Finding(f"{m.mean():+.1f} %", low, high, n, test, p)
    if np.isnan(p):
        return replace(
            found,
            why=(
                f"There is no test with fewer than {significance.FEWEST_SEEDS} seeds of the "
                "tuning and of each control."
            ),
        )
    if original.mean() <= 0:
        return replace(found, why="R is not above 0 there, and M, a share of it, means nothing.")
    verdict, why = judge(low, high, p, published, direction=False)
    return replace(found, verdict=verdict, why=why)


_CLAIMS: list[tuple[str, str, str, Callable[[Evidence], Finding]]] = [
    (
        "gpt2-peak",
        "GPT-2 scores highest at layer 9 of 12",
        "layer 9, R about 0.126",
        _peak(lambda one: one.is_gpt2, "GPT-2", 9),
    ),
    (
        "llama2-peak",
        "LLaMA-2 scores highest in mid-depth, at layer 14 of 32",
        "layer 14, R about 0.146 left, 0.135 right",
        _peak(lambda one: one.is_llama2, "LLaMA-2 7B", 14),
    ),
    (
        "llama2-over-gpt2",
        "LLaMA-2 scores higher than GPT-2",
        "about 0.146 (left), 0.135 (right) against 0.126",
        _llama_over_gpt2,
    ),
    (
        "left-over-right",
        "The left hemisphere scores higher than the right",
        "0.146 against 0.135 (LLaMA-2)",
        _left_over_right,
    ),
    (
        "word-over-sentence",
        "Word associations help more than sentence associations",
        "F word > F sentence",
        _word_over_sentence,
    ),
    (
        "people-over-gpt4",
        "Associations that people wrote help more than GPT-4's",
        "F people > F GPT-4",
        _people_over_gpt4,
    ),
    ("random-not-above-zero", "Random insertions do not help", "F at or below 0", _random),
    (
        "association-maps",
        "Associations raise scores, in frontal and parietal cortex among others",
        "F +0.0014 to 0.02 on maps, up to 0.05 in regions",
        _maps,
    ),
    (
        "tuning-medial-temporal",
        "Tuning to associate raises scores in medial temporal regions",
        "M +2 to 7 %",
        _tuning("medial temporal", (2.0, 7.0)),
    ),
    (
        "tuning-superior-parietal",
        "Tuning to associate raises scores in superior parietal regions",
        "M +50 to 60 %",
        _tuning("superior parietal", (50.0, 60.0)),
    ),
]
