"""Texts beside their null texts: what is seen of them, where they stand, and source by source."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from engram.associations.random_texts import Made
from engram.associations.text_tables import texts_table
from engram.associations.word_counts import SourceCounts
from engram.statistics import exchangeability
from engram.statistics.variant_effects import Effects

REGIONS = [("L", "one", 3), ("R", "two", 2)]
RANDOM = [f"random-{k:02d}" for k in range(1, 41)]
TEXTS = ["original", "associations", *RANDOM, "shuffled-01", "shuffled-02"]
#: Ten sources of four texts.
SOURCES = {name: f"source {k % 10}" for k, name in enumerate(RANDOM)}


def effects(seed: int = 0, of_source: float = 0.0, shuffled: float = 0.0) -> Effects:
    """F of exchangeable texts, but for what sources and shuffled texts have of their own."""
    rng = np.random.default_rng(seed)
    f = rng.standard_normal((len(TEXTS), 1, 2))
    own = of_source * rng.standard_normal(10)
    for k in range(40):
        f[2 + k] += own[k % 10]
    f[-2:] += shuffled
    f[0] = 0
    r = 0.1 + 0.01 * np.repeat(f, 4, axis=1)
    r[:, 3] = 7  # the average listener, in nothing
    subjects = ["01", "02", "03", "average"]
    return Effects(subjects, REGIONS, TEXTS, TEXTS[:2], 4, r, np.stack([r[:2]] * 3, axis=1))


def texts(pool: int = 100, n_sources: int = 10) -> pd.DataFrame:
    made = {
        "original": Made({}),
        "associations": Made({1: "like a Bell,", 5: "red sea"}),
        **{
            name: Made(
                {1: "of a tin" if k % 2 else "of a pan", 5: "tall oak"},
                SOURCES[name],
                n_sources,
                pool,
            )
            for k, name in enumerate(RANDOM)
        },
        "shuffled-01": Made({1: "red sea", 5: "like a Bell,"}),
        "shuffled-02": Made({1: "red sea", 5: "like a Bell,"}),
    }
    words = ["the", "sea", *["x"] * 9, "oak"]
    return texts_table("s", "t", words, made, SourceCounts(words, {}))


def test_what_a_reader_sees_beside_null_texts() -> None:
    table = exchangeability.exchangeability_table(texts())
    assert list(table.columns) == list(exchangeability.EXCHANGEABILITY_COLUMNS)
    assert list(dict.fromkeys(table["kind"])) == ["associations", "random", "shuffled"]
    rows = table.set_index(["kind", "property"])
    ours = rows.loc["associations"]
    assert ours["value"].to_dict() == pytest.approx(
        {
            "words": 2.5,
            "characters": 7.5,
            "function_words": 2 / 5,
            "log_frequency": np.log10(2) / 4,
            "punctuated": 0.5,
            "capitals": 0.5,
            "repeated": 0.0,
            "shared": 0.0,
            "cut": 0.0,
            "ahead": 0.0,
        }
    )
    assert rows.loc[("random", "ahead"), "value"] == pytest.approx(1 / 3)  # oak, of tin tall oak
    assert rows.loc[("shuffled", "shared"), "value"] == 1
    # All null texts have as many words: nothing to measure a difference by.
    assert ours["z"].isna().all() and (ours["null"] == "random").all()
    # Two stories count together.
    both = pd.concat([texts(), texts().assign(story="u", characters=lambda t: 3 * t["characters"])])
    twice = exchangeability.exchangeability_table(both).set_index(["kind", "property"])
    assert twice.loc[("associations", "characters"), "value"] == pytest.approx(15)


def test_z_of_what_is_seen() -> None:
    table = texts()
    random = table["variant"].isin(RANDOM)
    table.loc[random, "characters"] = np.arange(40)
    row = (
        exchangeability.exchangeability_table(table)
        .set_index(["kind", "property"])
        .loc[("associations", "characters")]
    )
    null = np.arange(40) / 2
    assert row["null_mean"] == null.mean() and row["null_sd"] == pytest.approx(null.std(ddof=1))
    assert row["z"] == pytest.approx((7.5 - null.mean()) / null.std(ddof=1))


def test_kinds_that_are_exchangeable_and_one_that_is_not() -> None:
    found = {("m", str(seed)): effects(seed, shuffled=3.0) for seed in range(60)}
    table = exchangeability.kinds_table(found)
    assert list(table.columns) == list(exchangeability.KINDS_COLUMNS)
    by_kind = table.groupby("kind")
    rms = np.sqrt((table["rms_z"] ** 2).groupby(table["kind"]).mean())
    expected = by_kind["rms_exchangeable"].mean()
    assert rms["associations"] == pytest.approx(expected["associations"], rel=0.15)
    assert rms["random"] == pytest.approx(expected["random"], rel=0.03)
    assert rms["shuffled"] > 3
    assert by_kind["share_above"].mean()["random"] == pytest.approx(1 / 40, abs=1e-9)
    assert (
        by_kind["share_above"].mean()["shuffled"] > 0.5 > by_kind["share_below"].mean()["shuffled"]
    )
    assert set(table["n_null"]) == {40, 39}


def test_where_a_kind_stands_is_a_direct_computation() -> None:
    one = effects(3)
    table = exchangeability.kinds_table({("m", "t"): one}).set_index("kind")
    f = (one.r[:, :3] - one.r[0, :3]).mean(axis=1)
    z = (f[-2:] - f[2:42].mean(0)) / f[2:42].std(0, ddof=1)
    assert table.loc["shuffled", "rms_z"] == pytest.approx(np.sqrt((z**2).mean()))
    p = np.array([[(1 + (f[2:42, k] >= g[k]).sum()) / 41 for k in (0, 1)] for g in f[-2:]])
    assert table.loc["shuffled", "share_above"] == (p <= 0.025).mean()
    assert table.loc["shuffled", "F"] == pytest.approx(f[-2:].mean())


def test_sources_of_one_kind_are_rejected_as_often_as_they_should_be() -> None:
    """Over many studies; where sources differ, far more often, which the table shows."""
    table = texts()
    rates, others = (
        [
            exchangeability.sources_table({("m", "t"): effects(seed, spread)}, table).iloc[-1]
            for seed in range(12)
        ]
        for spread in (0.0, 3.0)
    )
    rates, others = ([one["rejected"] for one in each] for each in (rates, others))
    assert np.mean(others) > 1.5 * np.mean(rates)
    assert np.mean(rates) == pytest.approx(0.05, abs=4 * np.std(rates) / np.sqrt(12))


def test_a_randomised_test_rejects_exactly_5_percent() -> None:
    for draws in (5, 19, 36, 39, 99):
        ranks = np.arange(draws + 1)  # how many draws reach an exchangeable one: all as likely
        rejected = exchangeability._rejected(ranks, draws)
        assert rejected.mean() == pytest.approx(0.05)
        assert (np.diff(rejected) <= 0).all()
    assert exchangeability._rejected(np.array([0, 1, 2]), 36) == pytest.approx([1, 0.85, 0])


def test_table_of_sources() -> None:
    one = effects(2, of_source=1.0)
    table = exchangeability.sources_table({("m", "t"): one}, texts())
    assert list(table.columns) == list(exchangeability.SOURCES_COLUMNS)
    assert table["source"].tolist() == [*sorted(set(SOURCES.values())), "all"]
    assert table["n_texts"].tolist() == [4] * 10 + [40] and (table["n_others"] == 36).all()
    f = (one.r[:, :3] - one.r[0, :3]).mean(axis=1)[2:42]
    own = np.array([SOURCES[name] == "source 3" for name in RANDOM])
    row = table.set_index("source").loc["source 3"]
    assert row["F"] == pytest.approx(f[own].mean())
    assert row["F_others"] == pytest.approx(f[~own].mean())
    reached = (f[~own][None] >= f[own][:, None]).sum(axis=1)
    exact = np.where(reached == 0, 1.0, np.where(reached == 1, 0.85, 0.0))  # 37 times 5 %: 1.85
    assert row["rejected"] == pytest.approx(exact.mean())
    rates, last = table["rejected"][:-1], table.iloc[-1]
    half = 2.262157 * rates.std() / np.sqrt(10)
    assert last["rejected"] == pytest.approx(rates.mean())
    assert last["rejected_high"] == pytest.approx(rates.mean() + half, rel=1e-5)
    assert last["rejected_low"] == pytest.approx(max(rates.mean() - half, 0))
    assert set(table["conditional"]) == {"no"}
    for few in (texts(pool=39), texts(n_sources=9)):
        told = exchangeability.sources_table({("m", "t"): one}, few)
        assert set(told["conditional"]) == {"yes"}


def test_no_sources_no_rows() -> None:
    """Texts whose null are dealt texts, and texts of a single source."""
    one = effects()
    alone = texts().assign(source="s")
    dealt = replace(one, variants=[name.replace("random", "dealt") for name in TEXTS])
    for found, table in ((one, alone), (dealt, texts())):
        made = exchangeability.sources_table({("m", "t"): found}, table)
        assert len(made) == 0 and list(made.columns) == list(exchangeability.SOURCES_COLUMNS)
    kinds = exchangeability.kinds_table({("m", "t"): dealt})
    assert kinds["kind"].tolist() == ["associations", "dealt", "shuffled"]


def test_few_null_texts_give_no_numbers_and_no_error() -> None:
    one = effects()
    few = [0, 1, 2, 42]
    small = Effects(
        one.subjects, REGIONS, [TEXTS[k] for k in few], TEXTS[:2], 4, one.r[few], one.r_layer
    )
    kinds = exchangeability.kinds_table({("m", "t"): small})
    assert kinds["rms_z"].isna().all() and kinds["rms_exchangeable"].isna().all()
    table = texts()
    kept = table[table["variant"].isin([TEXTS[k] for k in few])]
    assert len(exchangeability.sources_table({("m", "t"): small}, kept)) == 0
    assert exchangeability.exchangeability_table(kept)["z"].isna().all()
