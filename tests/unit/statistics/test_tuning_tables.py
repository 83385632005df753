"""M and its tests: known answers and direct computations."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from engram.datasets.roi_sets import roi_sets
from engram.statistics import significance, tuning_tables, variant_effects
from engram.statistics.variant_effects import Effects

REGIONS = [("L", "one", 3), ("R", "two", 2)]


def made(effect: float, seeds: int = 4, seed: int = 0, n: int = 12) -> Effects:
    """Scores of listeners who share what each tuned model happens to be.

    Tuning to associate adds an effect in the first region.
    """
    rng = np.random.default_rng(seed)
    names = [
        "base",
        *(
            f"{kind}-{k}"
            for kind in ("association", "shuffled", "generic")
            for k in range(1, seeds + 1)
        ),
    ]
    shared = 0.005 * rng.standard_normal((len(names), 1, 2))
    r = 0.1 + shared + 0.003 * rng.standard_normal((len(names), n + 1, 2))
    r[1 : 1 + seeds, :, 0] += effect
    versions = ["base", "association-1", "shuffled-1", "generic-1"]
    r_layer = np.stack([r[[names.index(name) for name in versions]]] * 3, axis=1)
    return Effects(
        [*(f"{k:02d}" for k in range(n)), "average"], REGIONS, names, versions, 4, r, r_layer
    )


def table_of(one: Effects) -> pd.DataFrame:
    return tuning_tables.tuning_table({("m", "t"): one}, {"t": "lora"}, 0)


def test_a_planted_effect_is_found_and_nothing_else() -> None:
    table = table_of(made(0.03))
    assert list(table.columns) == list(tuning_tables.TUNING_COLUMNS)
    found, none = table.iloc[0], table.iloc[1]
    assert found["minus_shuffled"] == pytest.approx(0.03, abs=0.01) and found["M"] == pytest.approx(
        0.3, abs=0.1
    )
    assert found["p_shuffled"] == pytest.approx(1 / 70) == found["smallest_p"]
    assert found["p_shuffled_corrected"] < 0.05 < none["p_shuffled_corrected"]
    assert (
        found["M_low"] < found["M"] < found["M_high"]
        and found["minus_generic_low"] < found["minus_generic"] < found["minus_generic_high"]
    )
    assert (found["n_seeds"], found["n_shuffled"], found["n_generic"], found["n_listeners"]) == (
        4,
        4,
        4,
        12,
    )


def test_numbers_are_those_of_a_direct_computation() -> None:
    one = made(0.0, seed=3)
    single = one.r[:, :12]
    for number, row in enumerate(table_of(one).to_dict("records")):
        original, difference = single[0, :, number], single[1:, :, number] - single[0, :, number]
        assert row["difference"] == pytest.approx(difference[:4].mean())
        assert row["M"] == pytest.approx(difference[:4].mean() / original.mean())
        assert row["M_shuffled"] == pytest.approx(difference[4:8].mean() / original.mean())
        assert row["null_sd"] == pytest.approx(
            (difference[4:].mean(1) / original.mean()).std(ddof=1)
        )
        means = difference.mean(1)
        both = [*means[:4], *means[8:]]
        observed = np.mean(both[:4]) - np.mean(both[4:])
        null = [
            np.mean([both[k] for k in chosen])
            - np.mean([both[k] for k in range(8) if k not in chosen])
            for chosen in combinations(range(8), 4)
        ]
        assert row["p_generic"] == pytest.approx(np.mean(np.array(null) >= observed - 1e-12))
        within = np.mean([means[k : k + 4].var(ddof=1) for k in (0, 4, 8)]) ** 0.5
        assert row["effect_size"] == pytest.approx((means[:4].mean() - means[4:].mean()) / within)
        distance = row["detectable"] / within / np.sqrt(1 / 4 + 1 / 8)
        assert stats.nct.sf(stats.t.ppf(0.95, 10), 10, distance) == pytest.approx(0.8)
        assert row["difference_average"] == pytest.approx(
            one.r[1:5, 12, number].mean() - one.r[0, 12, number]
        )


def test_over_stories_where_there_are_six() -> None:
    one = made(0.0, seed=3)
    rng = np.random.default_rng(0)
    by_story = {f"story{k}": one.r.mean(1) + 0.001 * rng.standard_normal((13, 2)) for k in range(6)}
    row = table_of(replace(one, r_stimulus=by_story)).iloc[0]
    expected = stats.wilcoxon(
        [r[1:5, 0].mean() - r[5:, 0].mean() for r in by_story.values()]
    ).pvalue
    assert row["p_stories"] == pytest.approx(expected) and row["n_stories"] == 6
    assert np.isnan(table_of(one)["p_stories"]).all()


def test_fewer_than_four_seeds_make_no_test() -> None:
    row = table_of(made(0.03, seeds=3)).iloc[0]
    assert np.isnan(
        [row["p_shuffled"], row["p_generic"], row["p_shuffled_corrected"], row["smallest_p"]]
    ).all()
    assert row["minus_shuffled"] > 0.02  # described all the same


@pytest.mark.slow
def test_over_seeds_a_true_null_is_rejected_as_often_as_it_says_over_listeners_far_too_often() -> (
    None
):
    """Two tunings that differ by their seeds alone.

    All listeners share what a tuned model happens to be.
    """
    table = pd.concat([table_of(made(0.0, seed=seed, n=8)) for seed in range(60)])
    assert (table["p_shuffled"] <= 0.05).mean() < 0.15
    assert (table["p_listeners"] <= 0.05).mean() > 0.3


def test_order_of_listeners_changes_nothing() -> None:
    one = made(0.02)
    order = np.random.default_rng(0).permutation(13)
    other = replace(
        one,
        subjects=[one.subjects[k] for k in order],
        r=one.r[:, order],
        r_layer=one.r_layer[:, :, order],
    )
    first, second = (table_of(each).select_dtypes("number") for each in (one, other))
    # The bootstrap draws by place.
    columns = [name for name in first.columns if "low" not in name and "high" not in name]
    np.testing.assert_allclose(first[columns], second[columns])


def test_a_set_of_regions_is_their_mean_by_targets() -> None:
    name, members = next(
        (name, sorted(members)) for name, members in roi_sets().items() if len(members) > 1
    )
    one = replace(made(0.02), regions=[("L", members[0], 3), ("L", members[1], 1)])
    found = variant_effects.by_roi_set(one)
    number = [region[:2] for region in found.regions].index(("L", name))
    assert found.regions[number][2] == 4
    np.testing.assert_allclose(found.r[..., number], 0.75 * one.r[..., 0] + 0.25 * one.r[..., 1])
    # Regions of no set.
    empty = tuning_tables.tuning_table(
        {("m", "t"): variant_effects.by_roi_set(made(0.02))}, {"t": "lora"}, 0
    )
    assert empty.empty and list(empty.columns) == list(tuning_tables.TUNING_COLUMNS)


def test_other_tables_hold_the_same_numbers() -> None:
    found = {("m", "t"): made(0.02)}
    models, listeners, layers = (
        tuning_tables.models_table(found),
        tuning_tables.listeners_table(found),
        tuning_tables.layers_table(found),
    )
    row = table_of(found["m", "t"]).iloc[0]
    part = models[(models["roi"] == "one") & (models["condition"] == "association")]
    assert part["difference"].mean() == pytest.approx(row["difference"]) and part[
        "seed"
    ].tolist() == [1, 2, 3, 4]
    single = listeners[(listeners["roi"] == "one") & (listeners["subject"] != "average")]
    assert single["difference"].mean() == pytest.approx(row["difference"])
    assert single["difference_generic"].mean() == pytest.approx(row["difference_generic"])
    line = layers[
        (layers["roi"] == "one") & (layers["layer"] == 2) & (layers["subjects"] == "listeners")
    ].set_index("condition")
    first = models[(models["roi"] == "one") & (models["seed"] == 1)].set_index("condition")
    np.testing.assert_allclose(line.loc[first.index, "M"], first["M"])


def test_ratio_interval_covers_a_ratio_and_is_silent_where_there_is_none() -> None:
    rng = np.random.default_rng(0)
    below = rng.normal(1.0, 0.1, 40)
    low, high = significance.ratio_interval(0.2 * below + rng.normal(0, 0.02, 40), below, 0)
    assert low < 0.2 < high < 0.25
    assert (
        np.isnan(significance.ratio_interval(np.ones(2), np.ones(2), 0)).all()
        and np.isnan(significance.ratio_interval(np.ones(9), below[:9], 0)).all()
    )


def test_effects_by_layer_are_those_of_every_version() -> None:
    one = made(0.0)
    found = {
        (subjects, layer, number): values
        for subjects, layer, number, values in variant_effects.by_layer(one)
    }
    assert len(found) == 2 * 3 * 2
    np.testing.assert_allclose(found["listeners", 1, 0], one.r_layer[:, 1, :12, 0].mean(1))
    np.testing.assert_allclose(found["average", 2, 1], one.r_layer[:, 2, 12, 1])
