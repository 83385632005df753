"""Comparisons of models and hemispheres: direct computations, known answers, order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from engram import vocabulary
from engram.statistics import comparisons, significance
from engram.statistics.reported_scores import Reported, stimulus_stories

REGIONS = [("L", "one", 3), ("L", "two", 2), ("R", "one", 1), ("B", "middle", 4)]
STORIES = ["a", "b", "c", "d", "e", "milkywayoriginal", "milkywayvodka"]


def scores(
    gain: float = 0.0, seed: int = 0, stories: list[str] | None = None, n: int = 12
) -> Reported:
    """Scores of listeners of whom each missed one story."""
    rng = np.random.default_rng(seed)
    names = stories or STORIES
    r = 0.1 + gain + 0.01 * rng.standard_normal((len(names), n, len(REGIONS)))
    if len(names) > 1:
        r[np.arange(n) % len(names), np.arange(n)] = np.nan
    sizes = np.array([size for _, _, size in REGIONS])
    at_layer = r @ sizes / sizes.sum()
    return Reported(
        [f"{k:02d}" for k in range(n)],
        names,
        REGIONS,
        2,
        r,
        np.stack([at_layer - 0.1, at_layer, at_layer - 0.02]),
    )


def test_numbers_are_those_of_a_direct_computation() -> None:
    a, b = scores(0.05), scores(seed=1)
    table = comparisons.comparisons_table({"a": a, "b": b}, 0)
    row = table[
        (table["question"] == "models") & (table["hemisphere"] == "L") & (table["roi"] == "one")
    ].iloc[0]
    difference = np.nanmean(a.r[..., 0], axis=0) - np.nanmean(b.r[..., 0], axis=0)
    assert row["difference"] == pytest.approx(difference.mean()) and row[
        "effect_size"
    ] == pytest.approx(difference.mean() / difference.std(ddof=1))
    assert row["p_listeners"] == pytest.approx(stats.wilcoxon(difference).pvalue)
    assert (row["low"], row["high"]) == significance.interval(difference, 0)
    by_story = np.array(
        [np.nanmean(a.r[k, :, 0]) - np.nanmean(b.r[k, :, 0]) for k in range(5)]
        + [np.nanmean(a.r[5:, :, 0]) - np.nanmean(b.r[5:, :, 0])]
    )
    assert row["n_stories"] == 6  # both versions of milkyway are one
    assert row["p_stories"] == pytest.approx(stats.wilcoxon(by_story).pvalue) == 1 / 32
    assert row["difference_stories"] == pytest.approx(by_story.mean())
    whole = table[(table["roi"] == "all") & (table["hemisphere"] == "B")].iloc[0]
    sizes = [3, 2, 1, 4]
    assert whole["score_a"] == pytest.approx(
        np.average(np.nanmean(a.r, axis=0).mean(0), weights=sizes)
    )
    assert (table["family"] == "a against b").sum() == 4 and (
        table["family"] == "a against b: all targets"
    ).sum() == 3


def test_hemispheres_are_compared_where_there_are_two() -> None:
    one = scores()
    one.r[..., 0] += 0.05
    table = comparisons.comparisons_table({"m": one}, 0)
    assert table["roi"].tolist() == ["one", "all"] and set(table["question"]) == {"hemispheres"}
    assert (
        table["difference"].iloc[0] == pytest.approx(0.05, abs=0.01)
        and table["p_stories_fdr"].iloc[0] <= 0.05
    )
    # The one region that both have.
    assert table["difference"].iloc[0] == table["difference"].iloc[1]


def test_with_few_stories_there_is_no_test_over_them() -> None:
    table = comparisons.comparisons_table(
        {"a": scores(0.1, stories=["x", "y"]), "b": scores(seed=1, stories=["x", "y"])}, 0
    )
    assert (
        table["p_stories"].isna().all()
        and table["low_stories"].isna().all()
        and (table["p_listeners"] < 0.01).any()
    )


def test_one_listener_one_region_one_model() -> None:
    one = Reported(
        ["01"], ["x"], [("B", "all of it", 1)], 1, np.full((1, 1, 1), 0.1), np.full((2, 1, 1), 0.1)
    )
    assert comparisons.comparisons_table({"a": one}, 0).empty
    table = comparisons.comparisons_table({"a": one, "b": one}, 0)
    assert (
        list(table.columns) == list(comparisons.COMPARISONS_COLUMNS)
        and table["low"].isna().all()
        and (table["difference"] == 0).all()
    )


def test_order_of_listeners_and_stories_changes_nothing() -> None:
    a, b = scores(0.05), scores(seed=1)
    people, stories = np.random.default_rng(0).permutation(12), [4, 0, 6, 1, 5, 3, 2]

    def other(one: Reported) -> Reported:
        r, r_layer = one.r[stories][:, people], one.r_layer[:, stories][:, :, people]
        return replace(
            one,
            subjects=[one.subjects[k] for k in people],
            stories=[STORIES[k] for k in stories],
            r=r,
            r_layer=r_layer,
        )

    first, second = (
        comparisons.comparisons_table(pair, 0)
        for pair in ({"a": a, "b": b}, {"a": other(a), "b": other(b)})
    )
    # Sums of another order differ in the last digit, and draws that tie with it.
    pd.testing.assert_frame_equal(first, second, atol=1e-4)


def test_stories_of_a_stimulus() -> None:
    assert stimulus_stories(["tunnel", "piemanpni", "pieman"]) == {"pieman": [1, 2], "tunnel": [0]}
    assert [
        vocabulary.stimulus(name) for name in ("prettymouthaffair", "notthefallintact", "merlin")
    ] == ["prettymouth", "notthefall", "merlin"]


def test_intervals_do_not_depend_on_the_order() -> None:
    rng = np.random.default_rng(0)
    above, below = rng.standard_normal((2, 9)) + 3
    order = rng.permutation(9)
    assert significance.interval(above, 0) == significance.interval(above[order], 0)
    assert significance.ratio_interval(above, below, 0) == significance.ratio_interval(
        above[order], below[order], 0
    )
