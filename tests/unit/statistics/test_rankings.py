"""Ranks of models: ties, intervals, agreement; and the table of models by each metric."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from figure_sample import MODELS, check, scores
from scipy import stats

from engram.figures import metric_figures
from engram.statistics import metric_agreement, rankings


def test_ranks_are_those_of_scipy_and_missing_ones_count_for_nobody() -> None:
    values = np.array([[0.3, 0.1, 0.3, 0.2], [1.0, 2.0, 3.0, 4.0]])
    assert (rankings.ranks(values) == stats.rankdata(-values, axis=-1)).all()
    assert rankings.ranks(np.array([0.3, np.nan, 0.5])).tolist()[::2] == [2, 1]


def test_two_copies_of_a_model_tie() -> None:
    each = np.random.default_rng(0).standard_normal((9, 3))
    each = np.c_[each, each[:, 0]] + [0.2, 0.0, 0.0, 0.2]
    drawn = rankings.bootstrap_means(each, 0)
    assert (drawn[:, 0] == drawn[:, 3]).all()
    low, high = rankings.rank_interval(drawn)
    assert low[0] == low[3] and high[0] == high[3]
    observed = rankings.ranks(each.mean(0))
    assert observed[0] == observed[3]


def test_draws_are_in_pairs_and_their_order_means_nothing() -> None:
    each = np.random.default_rng(1).standard_normal((12, 2))
    each[:, 1] = each[:, 0] - 0.01  # always below
    drawn = rankings.bootstrap_means(each, 0)
    assert np.allclose(drawn[:, 0] - drawn[:, 1], 0.01)
    assert rankings.winner_changes(each.mean(0), drawn) == 0
    assert np.allclose(rankings.bootstrap_means(each[::-1], 0), drawn)
    noise = np.random.default_rng(2).standard_normal((12, 5))
    assert rankings.winner_changes(noise.mean(0), rankings.bootstrap_means(noise, 0)) > 0.1


def test_ties_for_the_first_place_are_shared() -> None:
    means = np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
    # The first one wins half of the first draw.
    assert rankings.winner_changes(np.array([2.0, 1.0, 0.0]), means) == pytest.approx(0.75)


def test_kendalls_w_is_1_where_all_agree_and_1_over_m_by_chance() -> None:
    order = np.array([3.0, 1.0, 2.0, 5.0])
    assert rankings.kendalls_w(np.stack([order, 2 * order, order**3])) == pytest.approx(1)
    rng = np.random.default_rng(0)
    found = [rankings.kendalls_w(rng.standard_normal((4, 6))) for _ in range(400)]
    assert np.mean(found) == pytest.approx(1 / 4, abs=0.02)
    tied = np.array([[1.0, 1.0, 2.0], [1.0, 1.0, 2.0]])
    assert rankings.kendalls_w(tied) == pytest.approx(1)
    assert np.isnan(rankings.kendalls_w(np.ones((2, 3)))) and np.isnan(
        rankings.kendalls_w(tied[:1])
    )


def test_models_by_each_metric() -> None:
    table = scores()
    rng = np.random.default_rng(3)
    listeners = sorted(set(table["subject"]))
    rows = [
        (direction, model, layer, name, story, subject, rng.uniform(0.4, 0.8))
        for direction in ("encoding", "decoding")
        for model in MODELS
        for layer in range(1 if model == "word-rate" else 4)
        for name in ("all", "left")
        for story in ("a", "b")
        for subject in listeners
    ]
    columns = ["direction", "model", "layer", "set", "story", "subject", "rank"]
    decoding = pd.DataFrame(rows, columns=columns)
    found = metric_agreement.agreement_table(table, {"decoding": decoding}, MODELS, None, 0)
    assert list(found) == list(metric_agreement.AGREEMENT_COLUMNS)
    assert found["metric"].unique().tolist() == ["R", "identification", "decoding"]
    row = found[(found["metric"] == "decoding") & (found["model"] == "two")].iloc[0]
    mine = decoding[
        (decoding["direction"] == "decoding")
        & (decoding["model"] == "two")
        & (decoding["layer"] == 2)
        & (decoding["set"] == "all")
        & (decoding["subject"] != "average")
    ]
    assert row["layer"] == 2 and row["value"] == pytest.approx(mine["rank"].mean())
    r = table[(table["model"] == "two") & (table["layer"] == 2) & (table["subject"] != "average")]
    row = found[(found["metric"] == "R") & (found["model"] == "two")].iloc[0]
    assert row["value"] == pytest.approx(r["score"].mean()) and row["tau"] == 1
    assert found.groupby("metric")["rank"].sum().eq(10).all() and row["w_chance"] == 1 / 3
    assert (found["rank_low"] <= found["rank"]).all() and (
        found["rank"] <= found["rank_high"]
    ).all()
    check(metric_figures.metrics(found, MODELS), "Kendall's W")
