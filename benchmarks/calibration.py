"""Calibration: how often the tests find what is not there, and what is.

Simulated listeners of one story, with the autocorrelation and the shared part of Alice's BOLD
(docs/methods.md): part of a listener's variance is a response to the story that all share
and that no feature predicts. Scores are those of the package's own cross-validated ridge,
tests are the package's own. `make calibrate` runs it and writes docs/calibration.tsv.

    python benchmarks/calibration.py --runs 1000 --output docs/calibration.tsv

With `--cases 10 11` only those rows of the table are made anew.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy import stats

from engram.decoding import from_bold, from_predictions, ranks
from engram.decoding import scoring as decoding
from engram.encoding import circular_shift, predictions, ridge
from engram.encoding.group import Group
from engram.encoding.preparation import Preparation
from engram.encoding.story_data import StoryData
from engram.encoding.timing import delayed_features
from engram.files import storage
from engram.similarity import scoring as similarity
from engram.statistics import (
    association_tables,
    maximum_statistic,
    significance,
    text_tests,
    tuning_tables,
    variant_effects,
)

TR, ROWS, WORDS, UNITS, LISTENERS = 2.0, 180, 400, 5, 27
SHIFTS = 39
OPTIONS: dict[str, Any] = {
    "folds": 3,
    "gap": 3,
    "inner_folds": 2,
    "alphas": [1.0, 100.0, 10000.0],
    "alpha_by": "r",
    "backend": "numpy",
}
#: The same as the package's groups of listeners take it; the gap follows from the delays.
GROUP: dict[str, Any] = {key: value for key, value in OPTIONS.items() if key != "gap"}
#: Under `penalty: listeners` and `trend: runs`: what the latter does to features.
BETTER = Preparation(trend="runs")
WITH_BETTER = "penalty: listeners, trend: runs"
#: Moving averages with the autocorrelation of Alice's listeners (0.58, 0.28, 0.11 at 1 to 3 rows)
#: and of their mean (0.73, 0.43, 0.20).
OWN, SHARED = np.array([1, 0.7, 0.3, 0.1]), np.array([1, 1, 0.6, 0.3, 0.1])
#: Share of a listener's variance that all share and no feature predicts: as in Alice, where 6 to 17
#: % are shared, by region.
SHARED_VARIANCE = 0.10
#: Share that the story's features drive, in tests of differences.
DRIVEN_VARIANCE = 0.06
#: How far a text, or a seed of a tuning, moves the word vectors, in standard deviations of these.
STRAY = 0.5
#: The test where an effect of the size is added that the tables call `detectable`.
DETECTABLE = "the same test, with that added"
SMALLEST = "the smallest detectable effect of each study is added to nothing"
#: Tests of several regions: that any is found where there is nothing, and an effect in one.
ANY, AFTER = "any region, corrected", "detectable_corrected added in one region"
BY_FDR = "the same, by false discovery rate"
#: How much of what all share and no feature predicts is the same in all regions.
COMMON = 0.5
#: Rows of Alice: of a story of twelve minutes, twice as long as the others here.
ALICE_ROWS = 362
TEXTS = ["original", "associations", *(f"random-{k:02d}" for k in range(1, 40))]
TUNINGS = ["base", *(f"{kind}-{k}" for kind in ("association", "shuffled") for k in range(1, 5))]
REGION = [("B", "region", 1)]

TABLE = (
    "How often tests at 5 % reject, and 95 % intervals hold the truth, in simulated studies "
    "with the autocorrelation of real BOLD and a response to the story that all listeners "
    "share and no feature predicts. Made by benchmarks/calibration.py with the package's own "
    "ridge regression and tests."
)
COLUMNS = {
    "question": "F, M, R (against chance), or another metric (against chance).",
    "case": "What is true: nothing, or what was planted.",
    "test": "The package's test or interval.",
    "runs": "Simulated studies.",
    "found": "Rejections at 5 %; for an interval, how often it holds the truth.",
    "share": "The same as a share.",
    "expected": (
        "Range in which 'found' should be (99.9 % binomial), or the stated power; "
        "n/a where nothing is promised."
    ),
    "as_expected": "yes or no; n/a where nothing was expected.",
}


def noise(
    rng: np.random.Generator, kernel: np.ndarray, *shape: int, rows: int = ROWS
) -> np.ndarray:
    """Return noise of variance 1: (n_rows, ...), a moving average over rows."""
    raw = rng.standard_normal((rows + len(kernel) - 1, *shape))
    windows = np.lib.stride_tricks.sliding_window_view(raw, len(kernel), axis=0)
    result: np.ndarray = windows @ kernel / np.sqrt((kernel**2).sum())
    return result


def r_of(
    features: np.ndarray, bold: np.ndarray, sharing: np.ndarray | None = None, better: bool = False
) -> np.ndarray:
    """Return R of each target, mean over test blocks of the one story.

    With `better` targets of the same number in `sharing` share a penalty, and features are
    prepared as `BETTER` says.
    """
    more: dict[str, Any] = {"tied": sharing, "preparation": BETTER} if better else {}
    position = np.arange(len(bold))
    scored = ridge.encode(features, bold, np.zeros_like(position), position, **OPTIONS, **more)
    r: np.ndarray = scored.r.mean((0, 1))
    return r


def with_shifted(
    world: World, rng: np.random.Generator, columns: slice = slice(None)
) -> np.ndarray:
    """Return BOLD, and beside it some of its columns after each of `SHIFTS` circular shifts."""
    rows = len(world.bold)
    drawn = circular_shift.drawn_shifts("story", rows, TR, SHIFTS, int(rng.integers(1 << 30)))
    moved, story = world.bold[:, columns], np.zeros(rows, dtype=int)
    return np.concatenate(
        [world.bold, *(circular_shift.shifted(moved, story, [shift]) for shift in drawn)], axis=1
    )


class World:
    """A story, and listeners who share a response to it.

    Parameters
    ----------
    rng : numpy.random.Generator
    driven : float
        Share of the variance that the word vectors drive.
    more : array of shape (n_words, n_units), optional
        What drives it besides, as much as the word vectors do times `planted`.
    listeners : int
    regions : int
        Each has its own response to the word vectors; what no feature predicts is shared by
        half. Targets are region by region.
    better : bool
        Whether listeners share a penalty, and features lose their trend (`BETTER`).
    rows : int
        TRs of the story. It has as many words a second, however long it is.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        driven: float,
        more: np.ndarray | None = None,
        planted: float = 0.0,
        listeners: int = LISTENERS,
        regions: int = 1,
        better: bool = False,
        rows: int = ROWS,
    ) -> None:
        self.rng, self.better = rng, better
        self.sharing = np.repeat(np.arange(regions), listeners)
        self.times, words = TR * np.arange(rows), WORDS * rows // ROWS
        self.onsets = np.sort(rng.uniform(0, self.times[-1] - 8, words))
        self.vectors = rng.standard_normal((words, UNITS))
        common = noise(rng, SHARED, rows=rows) if regions > 1 else None
        drives = ((self.vectors, driven), (more, driven * planted))
        parts = [self._region(driven, drives, listeners, common) for _ in range(regions)]
        self.bold = np.concatenate(parts, axis=1).astype(np.float32)

    def _region(
        self,
        driven: float,
        drives: tuple[tuple[np.ndarray | None, float], ...],
        listeners: int,
        common: np.ndarray | None,
    ) -> np.ndarray:
        rng, rows = self.rng, len(self.times)
        shared = noise(rng, SHARED, rows=rows)
        if common is not None:
            shared = np.sqrt(COMMON) * common + np.sqrt(1 - COMMON) * shared
        bold: np.ndarray = np.sqrt(SHARED_VARIANCE) * shared[:, None] + np.sqrt(
            1 - SHARED_VARIANCE - driven
        ) * noise(rng, OWN, listeners, rows=rows)
        for vectors, share in drives:
            if vectors is not None and share:
                response = self.features(vectors) @ rng.standard_normal(3 * UNITS)
                bold += np.sqrt(share) * (response / response.std())[:, None]
        return bold

    def features(self, vectors: np.ndarray) -> np.ndarray:
        """Return the delayed features of word vectors."""
        return delayed_features(vectors, self.onsets, self.times, TR, [1, 2, 3])

    def score(self, vectors: np.ndarray) -> np.ndarray:
        """Return R of every listener."""
        return r_of(self.features(vectors), self.bold, self.sharing, self.better)


def effects_of(names: list[str], scores: list[np.ndarray]) -> variant_effects.Effects:
    """Return scores of variants as the package reads them.

    Scores have the shape (n_listeners, ), or (n_listeners, n_regions).
    """
    r = np.stack(scores)
    r = r[..., None] if r.ndim == 2 else r
    return variant_effects.Effects(
        [f"{k:02d}" for k in range(r.shape[1])],
        [(*REGION[0][:1], f"region{number}", 1) for number in range(r.shape[2])],
        names,
        names[:1],
        1,
        r,
        r[:1, None],
        {"story": r.mean(1)},
    )


def association(
    rng: np.random.Generator, planted: float = 0.0, better: bool = False
) -> dict[str, float]:
    """F of a text among 39 random ones.

    It is one more of them, or (`planted`) one that says what listeners have in mind.
    """
    mind = rng.standard_normal((WORDS, UNITS))
    world = World(rng, DRIVEN_VARIANCE, mind, planted, better=better)
    stray = STRAY * rng.standard_normal((len(TEXTS), WORDS, UNITS))
    stray[0] = 0
    if planted:
        stray[1] = STRAY * mind
    one = effects_of(TEXTS, [world.score(world.vectors + by) for by in stray])
    row = association_tables.association_table({("m", "a"): one}, {"a": "x"}, 0).iloc[0]
    null = np.array([one.difference(name).mean() for name in one.of_kind("random")])
    smallest = significance.text_test(row["F"] + row["detectable"], null)
    low, high = significance.widest(
        significance.spread_interval(row["F_minus_null"], null),
        (row["difference_low"], row["difference_high"]),
    )
    return {
        "over texts": row["p_texts"] <= significance.LEVEL,
        DETECTABLE: smallest <= significance.LEVEL,
        "over listeners": row["p_listeners"] <= significance.LEVEL,
        "interval over texts and listeners": low <= 0 <= high,
        "interval over listeners": row["difference_low"] <= 0 <= row["difference_high"],
        "effect": row["F_minus_null"],
        "spread": null.std(ddof=1),
    }


def tuning(
    rng: np.random.Generator, planted: float = 0.0, better: bool = False
) -> dict[str, float]:
    """M of four seeds of a tuning beside four of its control.

    Both are of the same tuning, or (`planted`) one gains what listeners have in mind.
    """
    mind = rng.standard_normal((WORDS, UNITS))
    world = World(rng, DRIVEN_VARIANCE, mind, planted, better=better)
    stray = STRAY * rng.standard_normal((len(TUNINGS), WORDS, UNITS))
    stray[0] = 0
    if planted:
        stray[1:5] += STRAY * mind
    one = effects_of(TUNINGS, [world.score(world.vectors + by) for by in stray])
    row = tuning_tables.tuning_table({("m", "t"): one}, {"t": "lora"}, 0).iloc[0]
    two = significance.listener_test(
        (one.difference("association-1") - one.difference("shuffled-1"))[:, 0]
    )
    seeds = [
        np.array([one.difference(name).mean() for name in one.of_kind(kind)])
        for kind in ("association", "shuffled")
    ]
    spread = np.sqrt(np.mean([values.var(ddof=1) for values in seeds]))
    smallest = significance.seed_test(seeds[0] + row["detectable"], seeds[1])
    return {
        "over seeds": row["p_shuffled"] <= significance.LEVEL,
        DETECTABLE: smallest <= significance.LEVEL,
        "over listeners, four seeds against four": row["p_listeners"] <= significance.LEVEL,
        "over listeners, two seeds of one tuning": two <= significance.LEVEL,
        "interval over listeners": row["minus_shuffled_low"] <= 0 <= row["minus_shuffled_high"],
        "effect": row["minus_shuffled"],
        "spread": spread * np.sqrt(1 / 4 + 1 / 4),
    }


def against_chance(
    rng: np.random.Generator, planted: float = 0.0, slow: bool = False, better: bool = False
) -> dict[str, float]:
    """R of features that have nothing to do with the BOLD, or (`planted`) that drive so much of it.

    All listeners share a response in either case.
    """
    many = 200 if not planted else 0  # more listeners of the same story: what the interval is about
    world = World(rng, planted, listeners=LISTENERS + many)
    features = noise(rng, SHARED, 3 * UNITS) if slow else world.features(world.vectors)
    everything = with_shifted(world, rng, slice(LISTENERS))
    sharing = np.repeat(np.arange(2 + SHIFTS), [LISTENERS, many, *[LISTENERS] * SHIFTS])
    r = r_of(features, everything, sharing, better).astype(float)
    null = r[LISTENERS + many :].reshape(SHIFTS, LISTENERS).mean(1)
    r, others = r[:LISTENERS], r[LISTENERS : LISTENERS + many]
    low, high = significance.interval(r, 0)
    return {
        "shifts": significance.text_test(r.mean(), null) <= significance.LEVEL,
        DETECTABLE: (
            significance.text_test(r.mean() + significance.detectable(null), null)
            <= significance.LEVEL
        ),
        "over listeners (Wilcoxon, R above 0)": (
            stats.wilcoxon(r, alternative="greater").pvalue <= significance.LEVEL
        ),
        "interval over listeners, of this story": low <= others.mean() <= high if many else np.nan,
        "interval over listeners, of 0": low <= 0 <= high,
        "effect": r.mean() - null.mean(),
        "spread": null.std(ddof=1),
    }


def associations_by_region(
    rng: np.random.Generator, regions: int, listeners: int = LISTENERS
) -> dict[str, float]:
    """F of one more random text among 39, in several regions of the same listeners."""
    world = World(rng, DRIVEN_VARIANCE, listeners=listeners, regions=regions)
    stray = STRAY * rng.standard_normal((len(TEXTS), WORDS, UNITS))
    stray[0] = 0
    scores = [world.score(world.vectors + by).reshape(regions, listeners).T for by in stray]
    one = effects_of(TEXTS, scores)
    observed, null = text_tests.statistic(one), text_tests.null_draws(one)
    return _by_region(observed, null, int(rng.integers(regions)))


def tunings_by_region(rng: np.random.Generator, regions: int) -> dict[str, float]:
    """M of one tuning twice, four seeds each, in several regions of the same listeners."""
    world = World(rng, DRIVEN_VARIANCE, regions=regions)
    stray = STRAY * rng.standard_normal((len(TUNINGS), WORDS, UNITS))
    stray[0] = 0
    scores = [world.score(world.vectors + by).reshape(regions, LISTENERS).mean(1) for by in stray]
    seeds, controls = np.array(scores[1:5]), np.array(scores[5:])
    place = int(rng.integers(regions))
    more = seeds.copy()
    spread = np.sqrt((seeds[:, place].var(ddof=1) + controls[:, place].var(ddof=1)) / 2)
    more[:, place] += spread * maximum_statistic.detectable_seed_spreads(4, 4, regions)
    by_itself = [
        significance.seed_test(more[:, number], controls[:, number]) for number in range(regions)
    ]
    return {
        ANY: maximum_statistic.seed_p(seeds, controls).min() <= significance.LEVEL,
        AFTER: maximum_statistic.seed_p(more, controls)[place] <= significance.LEVEL,
        BY_FDR: _by_fdr(by_itself)[place] <= significance.LEVEL,
    }


def against_chance_by_region(
    rng: np.random.Generator, regions: int, listeners: int = LISTENERS, rows: int = ROWS
) -> dict[str, float]:
    """R of features that have nothing to do with the BOLD of several regions."""
    world = World(rng, 0.0, listeners=listeners, regions=regions, rows=rows)
    r = r_of(world.features(world.vectors), with_shifted(world, rng)).astype(float)
    r = r.reshape(1 + SHIFTS, regions, listeners).mean(2)
    return _by_region(r[0], r[1:], int(rng.integers(regions)))


def by_other_metrics(rng: np.random.Generator, metric: str) -> dict[str, float]:
    """Identification or similarity of a text of slow topics that has nothing to do with the BOLD.

    Six listeners of six regions, for time; all share a response. The package's own functions score
    it, and shift and fit everything anew.
    """
    world = World(rng, 0.0, listeners=6, regions=6)
    topics = noise(rng, SHARED, UNITS)
    rows = np.clip(np.searchsorted(world.times, world.onsets, "right") - 1, 0, ROWS - 1)
    vectors = [(topics[rows] + 0.5 * world.vectors).astype(np.float32)]
    group = _group(world)
    drawn = circular_shift.drawn_shifts("story", ROWS, TR, SHIFTS, int(rng.integers(1 << 30)))
    compare = {
        "identification": _identification,
        "decoding": _decoding,
        "rsa": _similarity,
        "similarity-encoding": _similarity,
    }[metric]
    observed, null = compare(group, vectors, drawn[:, None], metric)
    return {"shifts": significance.text_test(observed, null) <= significance.LEVEL}


def _group(world: World) -> Group:
    bold = world.bold.reshape(ROWS, 6, 6).transpose(2, 0, 1)
    names = [f"{number:02d}" for number in range(len(bold))]
    places = {
        "target": (("target",), np.array([f"region{number}" for number in range(6)])),
        "hemisphere": (("target",), np.array(["B"] * 6)),
        "roi": (("target",), np.array([f"region{number}" for number in range(6)])),
    }
    array = xr.DataArray(bold, dims=("subject", "time", "target"), coords={"subject": names})
    story = StoryData("story", TR, world.onsets, world.times, array, places)
    return Group([story], names, words_to_trs="sum", longest_delay=6.0, delays=None, **GROUP)


def _identification(
    group: Group, vectors: list[np.ndarray], shifts: np.ndarray, metric: str
) -> tuple[float, np.ndarray]:
    trials = decoding.Trials.of(group, 10.0, ["all"], GROUP["folds"], GROUP["inner_folds"])
    features = group.features(vectors)
    held = predictions.of_targets(group, features, group.targets)
    found = from_predictions.identified(
        held, trials.blocks, trials.sets, group.shape[0], 1, ranks.rank_only
    )
    null = from_predictions.null_ranks(group, features, shifts, trials.blocks, trials.sets)
    return float(found.mean()), null[:, 0]


def _decoding(
    group: Group, vectors: list[np.ndarray], shifts: np.ndarray, metric: str
) -> tuple[float, np.ndarray]:
    trials = decoding.Trials.of(group, 10.0, ["all"], GROUP["folds"], GROUP["inner_folds"])
    text = delayed_features(vectors[0], group.stories[0].onsets, group.stories[0].times, TR, [0])
    whole = from_bold.Embeddings(text)
    embeddings = [whole, *(from_bold.rolled(whole, group.row_story, one) for one in shifts)]
    bold = group.targets.reshape(ROWS, *group.shape)
    decoders = [
        from_bold.Decoder(
            from_bold.BoldFeatures(
                bold[:, one], group.row_story, group.row_position, group.fir
            ).scaled,
            trials.folds,
            trials.inner,
            GROUP["alphas"],
        )
        for one in range(group.shape[0])
    ]
    found = from_bold.identified(decoders, trials.folds, trials.blocks, embeddings, 1, whole=False)
    by_draw = found[0, 0].mean(1)
    return float(by_draw[0]), by_draw[1:]


def _similarity(
    group: Group, vectors: list[np.ndarray], shifts: np.ndarray, metric: str
) -> tuple[float, np.ndarray]:
    read = [xr.Dataset({"activation": (("layer", "word", "unit"), vectors[0][None])})]
    sets = {"all": np.ones(6, dtype=bool)}
    compare = (
        similarity._Rsa(read, group, sets, 6.0)
        if metric == "rsa"
        else similarity._Encoding(read, group, sets)
    )
    null = compare.null(0, shifts, group.subjects)[:, 0]
    return float(compare.observed(0).mean()), null


def _by_region(observed: np.ndarray, null: np.ndarray, place: int) -> dict[str, float]:
    """Return whether any region is found, and one to which what is detectable is added."""
    found: dict[str, float] = {
        ANY: maximum_statistic.corrected_p(observed, null).min() <= significance.LEVEL
    }
    if len(observed) > _FEW_REGIONS:
        return found
    more = observed.copy()
    more[place] += maximum_statistic.detectable(null)[place]
    by_itself = [
        significance.text_test(value, draws) for value, draws in zip(more, null.T, strict=True)
    ]
    return {
        **found,
        AFTER: maximum_statistic.corrected_p(more, null)[place] <= significance.LEVEL,
        BY_FDR: _by_fdr(by_itself)[place] <= significance.LEVEL,
    }


def _by_fdr(p: list[float]) -> np.ndarray:
    corrected: np.ndarray = stats.false_discovery_control(p)
    return corrected


Simulation = Callable[..., dict[str, float]]
# New cases go to the end: a case's number is part of its seed.
#: Question, what is true, how it is simulated, the test that is to be right, and what else
#: is shown. Intervals by "interval".
CASES: list[tuple[str, str, Simulation, dict[str, Any], str, list[str]]] = [
    (
        "F",
        "nothing: one more random text",
        association,
        {},
        "over texts",
        ["over listeners", "interval over texts and listeners", "interval over listeners"],
    ),
    ("F", "planted", association, {"planted": 3.0}, "over texts", []),
    (
        "M",
        "nothing: one tuning twice",
        tuning,
        {},
        "over seeds",
        [
            "over listeners, four seeds against four",
            "over listeners, two seeds of one tuning",
            "interval over listeners",
        ],
    ),
    ("M", "planted", tuning, {"planted": 4.0}, "over seeds", []),
    (
        "R",
        "nothing: features of no relation",
        against_chance,
        {},
        "shifts",
        [
            "over listeners (Wilcoxon, R above 0)",
            "interval over listeners, of this story",
            "interval over listeners, of 0",
        ],
    ),
    (
        "R",
        "nothing: such features, slow",
        against_chance,
        {"slow": True},
        "shifts",
        ["over listeners (Wilcoxon, R above 0)"],
    ),
    ("R", "planted", against_chance, {"planted": 0.03}, "shifts", []),
    ("F", SMALLEST, association, {}, DETECTABLE, []),
    ("M", SMALLEST, tuning, {}, DETECTABLE, []),
    ("R", SMALLEST, against_chance, {}, DETECTABLE, []),
    ("F", "nothing, in 6 regions", associations_by_region, {"regions": 6}, ANY, [AFTER, BY_FDR]),
    # Few listeners, for time: how often nothing is found does not depend on their number.
    (
        "F",
        "nothing, in 148 regions of 6 listeners",
        associations_by_region,
        {"regions": 148, "listeners": 6},
        ANY,
        [],
    ),
    ("M", "nothing, in 6 regions", tunings_by_region, {"regions": 6}, ANY, [AFTER, BY_FDR]),
    ("R", "nothing, in 6 regions", against_chance_by_region, {"regions": 6}, ANY, [AFTER, BY_FDR]),
    (
        "F",
        f"nothing: one more random text ({WITH_BETTER})",
        association,
        {"better": True},
        "over texts",
        [],
    ),
    ("M", f"nothing: one tuning twice ({WITH_BETTER})", tuning, {"better": True}, "over seeds", []),
    (
        "R",
        f"nothing: features of no relation ({WITH_BETTER})",
        against_chance,
        {"better": True},
        "shifts",
        [],
    ),
    (
        "R",
        f"nothing: such features, slow ({WITH_BETTER})",
        against_chance,
        {"slow": True, "better": True},
        "shifts",
        [],
    ),
    *(
        (
            metric,
            "nothing: slow features of no relation",
            by_other_metrics,
            {"metric": metric},
            "shifts",
            [],
        )
        for metric in ("identification", "decoding", "rsa", "similarity-encoding")
    ),
    (
        "R",
        "nothing, in 6 regions, as long as Alice",
        against_chance_by_region,
        {"regions": 6, "rows": ALICE_ROWS},
        ANY,
        [AFTER, BY_FDR],
    ),
    (
        "R",
        "nothing, in 148 regions of 2 listeners, as long as Alice",
        against_chance_by_region,
        {"regions": 148, "rows": ALICE_ROWS, "listeners": 2},
        ANY,
        [],
    ),
]
#: What is known not to hold (docs/methods/calibration.md), by question, case and test: BCa
#: intervals are too narrow in small samples.
LIMITS = {("R", "nothing: features of no relation", "interval over listeners, of this story")}
#: Up to so many regions it is looked at what is detectable in one of them.
_FEW_REGIONS = 6
#: What is planted or added is simulated so many times less often.
_FEWER = 5
#: How far the power after correction may be from the stated one.
_POWER_WITHIN = 0.04
#: Intervals that are held against 95 %; the others are shown beside.
_NOMINAL = ("interval over texts and listeners", "interval over listeners, of this story")


def bounds(runs: int, level: float) -> tuple[int, int]:
    """Return the 99.9 % binomial interval of how often something of this probability happens."""
    low, high = stats.binom.ppf([0.0005, 0.9995], runs, level)
    return int(low), int(high)


def calibrate(whole: int, seed: int = 0, cases: list[int] | None = None) -> pd.DataFrame:
    """Return how often tests and intervals were right (the columns of `COLUMNS`).

    Parameters
    ----------
    whole : int
        Simulated studies of each case; fewer of those with something planted.
    seed : int
    cases : list of int, optional
        Which of `CASES`; default: all.
    """
    rows = []
    for number in range(len(CASES)) if cases is None else cases:
        question, case, simulate, options, *_ = CASES[number]
        start = time.monotonic()
        runs = whole if case.startswith("nothing") else whole // _FEWER
        results = pd.DataFrame(
            [simulate(np.random.default_rng([seed, number, run]), **options) for run in range(runs)]
        )
        print(f"{question}, {case}: {runs} runs in {time.monotonic() - start:.0f} s", flush=True)
        rows += _rows(number, results)
    return _table(pd.DataFrame(rows, columns=list(COLUMNS)))


def _rows(number: int, results: pd.DataFrame) -> list[tuple[Any, ...]]:
    """Return a case's rows of the table, from what each simulated study found."""
    question, case, _, options, main, beside = CASES[number]
    runs, rows = len(results), []
    for test in [main, *beside]:
        found = int(results[test].sum())
        expected, fits = _expected(test, main, "planted" in options, runs, found)
        rows.append(
            (question, _named(case, results), test, runs, found, found / runs, expected, fits)
        )
    return rows


def _table(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.sort_values("question", kind="stable", ignore_index=True)


def renewed(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Return the table with the rows of some cases in the place of those it had."""
    mine, theirs = (
        table["question"] + table["case"].str.replace(r"^planted: .*", "planted", regex=True)
        for table in (old, new)
    )
    places = {name: place for place, name in enumerate(dict.fromkeys([*mine, *theirs]))}
    kept = ~mine.isin(theirs)
    rows = pd.concat([old[kept], new]).assign(place=[*mine[kept].map(places), *theirs.map(places)])
    return _table(rows.sort_values("place", kind="stable").drop(columns="place"))


def _named(case: str, results: pd.DataFrame) -> str:
    if case != "planted":
        return case
    return (
        f"planted: {results['effect'].mean():.3f} above the null, which spreads "
        f"by {results['spread'].mean():.3f}"
    )


def _expected(
    test: str, main: str, planted: bool, runs: int, found: int
) -> tuple[str | None, str | None]:
    """Return what was to be expected, as text, and whether it came."""
    if test == DETECTABLE:
        return f"power {significance.POWER:.2f}", (
            "yes" if abs(found / runs - significance.POWER) <= 0.1 else "no"
        )
    if test == AFTER:
        return f"power {significance.POWER:.2f}", (
            "yes" if abs(found / runs - significance.POWER) <= _POWER_WITHIN else "no"
        )
    if planted or (test != main and test not in _NOMINAL):
        return None, None
    low, high = bounds(runs, 0.95 if "interval" in test else significance.LEVEL)
    return f"{low} to {high}", "yes" if low <= found <= high else "no"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("docs/calibration.tsv"))
    parser.add_argument("--cases", type=int, nargs="+", help="numbers in CASES; default: all")
    arguments = parser.parse_args()
    table = calibrate(arguments.runs, arguments.seed, arguments.cases)
    if arguments.cases is not None:
        table = renewed(storage.read_table(arguments.output), table)
    print(table.to_string(index=False))
    storage.write_table(arguments.output, table, TABLE, COLUMNS)
