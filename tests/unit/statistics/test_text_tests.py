"""Tests over texts: which null, and what they are corrected for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from engram.statistics import association_tables, maximum_statistic, text_tests
from engram.statistics.variant_effects import Effects, null_kind, null_texts

REGIONS = [("L", "one", 2), ("R", "two", 3)]


def made(seed: int, kinds: dict[str, int], effect: float = 0.0, n: int = 5) -> Effects:
    """Scores of a text and its control texts: every text has its own luck in every region."""
    rng = np.random.default_rng(seed)
    names = ["original", "associations"]
    for kind, many in kinds.items():
        names += [f"{kind}-{k:02d}" for k in range(1, many + 1)]
    r = 0.1 + 0.01 * rng.standard_normal((len(names), 1, 2)) + np.zeros((1, n + 1, 1))
    r += 0.001 * rng.standard_normal(r.shape)
    r[1, :, 0] += effect
    r[:, -1] += 7  # the average listener is in no test
    subjects = [*(f"{k:02d}" for k in range(n)), "average"]
    return Effects(subjects, REGIONS, names, names[:2], 4, r, np.stack([r[:2]] * 3, axis=1))


def test_the_null_is_of_dealt_texts_where_there_are_some() -> None:
    assert null_kind(made(0, {"random": 3})) == "random"
    one = made(0, {"random": 3, "dealt": 2, "shuffled": 1})
    assert null_kind(one) == "dealt" and null_texts(one) == ["dealt-01", "dealt-02"]
    table = association_tables.association_table({("m", "a"): one}, {"a": "norms"}, 0)
    assert set(table["null"]) == {"dealt"} and (table["n_null"] == 2).all()
    single = one.r[:, :5].mean(1)
    np.testing.assert_allclose(table["F_null"], single[5:7].mean(0) - single[0])
    np.testing.assert_allclose(table["F_minus_null"], single[1] - single[5:7].mean(0))


def direct(found: dict[tuple[str, str], Effects], n_draws: int) -> np.ndarray:
    """Corrected p of several texts together, from their scores."""
    columns = []
    for one in found.values():
        null = [one.variants.index(name) for name in null_texts(one)[:n_draws]]
        f = (one.r - one.r[0])[:, :5].mean(1)
        columns.append(f[[1, *null]])
    draws = np.concatenate(columns, axis=1)
    z = (draws - draws.mean(0)) / draws.std(0, ddof=1)
    return np.array([np.mean(np.r_[True, z[1:].max(1) >= value]) for value in z[0]])


def test_regions_texts_and_models_are_corrected_together() -> None:
    found = {
        ("m", "a"): made(1, {"random": 39}, 0.02),
        ("m", "b"): made(2, {"random": 39}),
        ("k", "a"): made(3, {"random": 39}, 0.05),
    }
    tests = text_tests.corrected(found)
    expected = direct(found, 39)
    np.testing.assert_allclose(np.concatenate([tests[key].p for key in found]), expected)
    assert {(one.family, one.n_family, one.n_draws) for one in tests.values()} == {("all", 6, 39)}
    assert tests["k", "a"].p[0] <= 0.05


def test_texts_with_other_numbers_of_null_texts_share_those_that_all_have() -> None:
    found = {("m", "a"): made(1, {"random": 39}, 0.1), ("m", "norms"): made(2, {"dealt": 24})}
    tests = text_tests.corrected(found)
    assert {one.n_draws for one in tests.values()} == {24}
    np.testing.assert_allclose(np.concatenate([tests[key].p for key in found]), direct(found, 24))


def test_the_primary_text_is_corrected_for_its_own_regions_alone() -> None:
    found = {("m", name): made(seed, {"random": 39}, 0.02) for seed, name in enumerate("abc")}
    tests = text_tests.corrected(found, {"text": "b", "model": "m"})
    np.testing.assert_allclose(tests["m", "b"].p, direct({("m", "b"): found["m", "b"]}, 39))
    others = {key: one for key, one in found.items() if key[1] != "b"}
    np.testing.assert_allclose(np.concatenate([tests[key].p for key in others]), direct(others, 39))
    assert [(tests["m", name].family, tests["m", name].n_family) for name in "abc"] == [
        ("others", 4),
        ("primary", 2),
        ("others", 4),
    ]
    # One that is alone, and one that the table does not have.
    alone = {("m", "b"): found["m", "b"]}
    assert text_tests.families(alone, {"text": "b", "model": "m"}) == {"primary": [("m", "b")]}
    assert text_tests.families(alone, {"text": "z", "model": "m"}) == {"all": [("m", "b")]}
    table = association_tables.association_table(
        found, dict.fromkeys("abc", "x"), 0, {"text": "b", "model": "m"}
    )
    assert table.groupby("text")["n_family"].first().to_dict() == {"a": 4, "b": 2, "c": 4}
    assert list(table.columns) == list(association_tables.ASSOCIATION_COLUMNS)


def test_with_fewer_than_19_null_texts_no_p_reaches_005() -> None:
    for many, reaches in ((18, False), (19, True)):
        one = made(4, {"random": many}, 1.0)
        table = association_tables.association_table({("m", "a"): one}, {"a": "x"}, 0)
        assert (table["p_texts_corrected"].min() <= 0.05) == reaches
        assert table["detectable_corrected"].notna().all() == reaches


def test_one_null_text_and_null_texts_that_change_nothing() -> None:
    one = made(5, {"random": 1})
    table = association_tables.association_table({("m", "a"): one}, {"a": "x"}, 0)
    assert (table["p_texts_corrected"] >= 0.5).all() and table["detectable_corrected"].isna().all()
    same = made(6, {"random": 39})
    same.r[:] = same.r[0]
    table = association_tables.association_table({("m", "a"): same}, {"a": "x"}, 0)
    assert (table["p_texts_corrected"] == 1).all() and (table["F"] == 0).all()


def test_control_texts_are_held_against_null_texts_over_their_own_regions() -> None:
    one = made(7, {"random": 20, "shuffled": 2})
    table = association_tables.controls_table({("m", "a"): one})
    f = (one.r - one.r[0])[:, :5].mean(1)
    null = f[[one.variants.index(name) for name in null_texts(one)]]
    for name, others in (("shuffled-02", null), ("random-03", np.delete(null, 2, axis=0))):
        part = table[table["variant"] == name]
        np.testing.assert_allclose(
            part["p_texts_corrected"],
            maximum_statistic.corrected_p(f[one.variants.index(name)], others),
        )
    # Of null texts, the foremost stands out, whatever they are.
    of_null = table[table["variant"].str.startswith("random")]
    assert of_null["p_texts_corrected"].min() == pytest.approx(1 / 20)


def test_order_of_texts_changes_no_p() -> None:
    found = {("m", name): made(seed, {"random": 30}, 0.01) for seed, name in enumerate("abc")}
    written = dict.fromkeys("abc", "x")
    one = association_tables.association_table(found, written, 0)
    other = association_tables.association_table(dict(reversed(found.items())), written, 0)
    columns = ["text", "roi", "p_texts_corrected", "n_family"]
    pd.testing.assert_frame_equal(
        one[columns].sort_values(["text", "roi"], ignore_index=True),
        other[columns].sort_values(["text", "roi"], ignore_index=True),
    )
