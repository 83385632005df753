"""The verdict: what is claimed of which study, and what is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from engram.statistics import significance
from engram.statistics.reported_scores import Reported
from engram.statistics.variant_effects import Effects
from engram.statistics.yin2025.claims_table import CLAIMS_COLUMNS, PUBLISHED, claims_table
from engram.statistics.yin2025.evidence import Evidence, LanguageModel, Text
from engram.statistics.yin2025.finding import NOT_REPRODUCED, NOT_TESTABLE, REPRODUCED, judge

SIX = [f"story{k}" for k in range(6)]
PLACES = [("L", "G_parietal_sup", 3), ("R", "G_parietal_sup", 3), ("L", "G_oc-temp_med-Parahip", 2)]


def scores(
    depth: int,
    peak: int,
    level: float,
    stories: list[str] = SIX,
    left: float = 0.0,
    n: int = 8,
    regions: list[tuple[str, str, int]] = PLACES,
) -> Reported:
    rng = np.random.default_rng(depth)
    r = (
        level
        + 0.002 * rng.standard_normal((len(stories), n, len(regions)))
        + left * np.array([side == "L" for side, _, _ in regions])
    )
    curve = level - 0.01 * np.abs(np.arange(depth + 1) - peak)[:, None, None]
    return Reported(
        [f"{k:02d}" for k in range(n)],
        stories,
        regions,
        round(2 * depth / 3),
        r,
        curve + 0.002 * rng.standard_normal((depth + 1, *r.shape[:2])),
    )


def gpt2(**options: object) -> LanguageModel:
    return LanguageModel("gpt2", 12, 768, scores(12, 9, 0.126, **options))  # type: ignore[arg-type]


def llama2(**options: object) -> LanguageModel:
    return LanguageModel("meta-llama/Llama-2-7b-hf", 32, 4096, scores(32, 14, 0.14, **options))  # type: ignore[arg-type]


def small(**options: object) -> LanguageModel:
    return LanguageModel("resources/models/gpt2-tiny", 6, 96, scores(6, 6, 0.05, **options))  # type: ignore[arg-type]


def effects(
    gain: float, random: float = -0.003, n_random: int = 39, seed: int = 0, n: int = 8
) -> Effects:
    """Scores of a text and its random texts."""
    rng = np.random.default_rng(seed)
    names = ["original", "associations", *(f"random-{k:02d}" for k in range(1, n_random + 1))]
    r = (
        0.1
        + 0.0005 * rng.standard_normal((len(names), 1, 3))
        + 0.0005 * rng.standard_normal((len(names), n, 3))
    )
    r[1] += gain
    r[2:] += random
    return Effects(
        [f"{k:02d}" for k in range(n)],
        PLACES,
        names,
        names[:2],
        8,
        r,
        r[:2, None],
        {"story0": r.mean(1)},
    )


def tunings(gain: float, seeds: int = 4, control: float = 0.0, n: int = 8) -> Effects:
    rng = np.random.default_rng(1)
    names = [
        "base",
        *(
            f"{kind}-{k}"
            for kind in ("association", "shuffled", "generic")
            for k in range(1, seeds + 1)
        ),
    ]
    r = (
        np.full((len(names), n, 3), 0.1)
        + 0.0002 * rng.standard_normal((len(names), 1, 3))
        + 0.0002 * rng.standard_normal((len(names), n, 3))
    )
    r[0] = 0.1 + 0.001 * rng.standard_normal((n, 3))
    r[1:] += r[0] - 0.1
    r[1 : seeds + 1] += gain * 0.1
    r[seeds + 1 :] += control * 0.1
    return Effects(
        [f"{k:02d}" for k in range(n)],
        PLACES,
        names,
        names[:1],
        8,
        r,
        r[:1, None],
        {"story0": r.mean(1)},
    )


def verdicts(evidence: Evidence) -> dict[str, str]:
    table = claims_table(evidence)
    assert list(table.columns) == list(CLAIMS_COLUMNS) and len(table) == 10
    assert set(table["verdict"]) <= {REPRODUCED, NOT_REPRODUCED, NOT_TESTABLE}
    assert (table["why"].str.len() > 10).all() and table["why"].str.endswith(".").all()
    return dict(zip(table["claim"], table["verdict"], strict=True))


def complete(**changes: object) -> Evidence:
    """A study that has everything, in which all claims hold."""
    found = {
        ("llama", "word-manual"): effects(0.012),
        ("llama", "sentence-manual"): effects(0.003, seed=2),
        ("llama", "word-gpt4"): effects(0.002, seed=3),
    }
    people = frozenset({"manual"})
    texts = {
        "word-manual": Text(people, frozenset({"word"})),
        "sentence-manual": Text(people, frozenset({"sentence"})),
        "word-gpt4": Text(frozenset({"language model: gpt-4"}), frozenset({"word"})),
    }
    models = {"gpt": gpt2(), "llama": llama2(left=0.01)}
    return replace(Evidence(models, found, texts, {("llama", "lora"): tunings(0.05)}), **changes)  # type: ignore[arg-type]


def test_a_study_in_which_all_holds() -> None:
    expected = dict.fromkeys([claim for claim, *_ in PUBLISHED], REPRODUCED)
    # A rise by 5 % everywhere is what was claimed of medial temporal regions, and not of
    # superior parietal ones.
    assert verdicts(complete()) == {**expected, "tuning-superior-parietal": NOT_REPRODUCED}
    assert (
        verdicts(complete(tunings={("llama", "lora"): tunings(0.55)}))["tuning-superior-parietal"]
        == REPRODUCED
    )


def test_a_study_in_which_nothing_holds() -> None:
    models = {
        "gpt": replace(gpt2(), scores=scores(12, 4, 0.14)),
        "llama": replace(llama2(), scores=scores(32, 30, 0.12, left=-0.02)),
    }
    found = {
        ("llama", "word-manual"): effects(-0.02, random=0.01),
        ("llama", "sentence-manual"): effects(0.0, random=0.01, seed=2),
        ("llama", "word-gpt4"): effects(0.0, random=0.01, seed=3),
    }
    assert set(
        verdicts(
            complete(models=models, effects=found, tunings={("llama", "lora"): tunings(-0.1)})
        ).values()
    ) == {NOT_REPRODUCED}


def test_small_models_carry_no_claim() -> None:
    """A small model of GPT-2's type is not GPT-2, though all holds for it.

    What it shows is an analogue.
    """
    found = {("tiny", name): one for (_, name), one in complete().effects.items()}
    evidence = complete(
        models={"tiny": small(left=0.01)}, effects=found, tunings={("tiny", "lora"): tunings(0.05)}
    )
    assert set(verdicts(evidence).values()) == {NOT_TESTABLE}
    table = claims_table(evidence).set_index("claim")
    assert (
        "This study has no GPT-2." in table["why"]["gpt2-peak"]
        and table["ours"]["gpt2-peak"] == "6 of 6 (tiny)"
    )
    assert (
        "By itself: reproduced" in table["why"]["left-over-right"]
        and "smaller than the smallest" in table["why"]["left-over-right"]
    )
    disguised = replace(small(), source="gpt2")  # the name alone does not make it one
    assert (
        verdicts(complete(models={"gpt2": disguised}, effects={}, tunings={}))["gpt2-peak"]
        == NOT_TESTABLE
    )


def test_simulated_listeners_carry_no_claim() -> None:
    evidence = complete(people=False)
    assert set(verdicts(evidence).values()) == {NOT_TESTABLE}
    assert claims_table(evidence)["why"].str.contains("simulated").all()


def test_tests_over_listeners_carry_no_claim() -> None:
    """With fewer than six stories differences of scores are described.

    Versions of one stimulus count once.
    """
    for stories in (["a"], ["a", "b", "c", "d", "milkywayoriginal", "milkywayvodka"]):
        models = {"gpt": gpt2(stories=stories), "llama": llama2(stories=stories, left=0.05)}
        found = verdicts(complete(models=models))
        assert {
            found[claim]
            for claim in ("gpt2-peak", "llama2-peak", "llama2-over-gpt2", "left-over-right")
        } == {NOT_TESTABLE}
        table = claims_table(complete(models=models)).set_index("claim")
        assert (
            table["p"]["left-over-right"] < 0.05 and "listeners" in table["test"]["left-over-right"]
        )


def test_people_are_people_and_gpt4_is_gpt4() -> None:
    """Texts that another language model wrote are neither."""
    texts = {
        **complete().texts,
        "word-manual": Text(frozenset({"language model"}), frozenset({"word"})),
    }
    texts["sentence-manual"] = Text(
        frozenset({"manual", "language model"}), frozenset({"sentence"})
    )
    assert verdicts(complete(texts=texts))["people-over-gpt4"] == NOT_TESTABLE
    other = {
        **complete().texts,
        "word-gpt4": Text(frozenset({"language model: llama"}), frozenset({"word"})),
    }
    assert verdicts(complete(texts=other))["people-over-gpt4"] == NOT_TESTABLE


def test_norms_are_no_words_that_were_written_for_a_story() -> None:
    norms = Text(frozenset({"norms:kiss1973"}), frozenset({"word"}))
    assert not norms.of_story and not norms.by_people
    texts = {"norms-word": norms, "sentence-manual": complete().texts["sentence-manual"]}
    found = {
        ("llama", "norms-word"): effects(0.012),
        ("llama", "sentence-manual"): effects(0.003, seed=2),
    }
    assert verdicts(complete(effects=found, texts=texts))["word-over-sentence"] == NOT_TESTABLE


@pytest.mark.parametrize(
    ("changes", "claim", "said"),
    [
        ({"effects": {}, "texts": {}}, "association-maps", "reads no associations"),
        ({"tunings": {}}, "tuning-medial-temporal", "tunes no model"),
        (
            {"tunings": {("llama", "lora"): tunings(0.05, seeds=2)}},
            "tuning-medial-temporal",
            "fewer than 4 seeds",
        ),
        ({"alignment": "interpolate"}, "random-not-above-zero", "change the rate of words"),
        (
            {"effects": {("llama", "word-manual"): effects(0.01, n_random=5)}},
            "association-maps",
            "19 are needed",
        ),
        (
            {"effects": {("llama", "word-manual"): effects(0.01, n=1)}},
            "random-not-above-zero",
            "too few",
        ),
        (
            {"models": {}, "effects": {}, "tunings": {}},
            "left-over-right",
            "no trained language model",
        ),
        (
            {"models": {"gpt": gpt2(regions=[("B", "one", 5)])}},
            "left-over-right",
            "both hemispheres",
        ),
        ({"models": {"gpt": gpt2(n=1, stories=["a"])}}, "gpt2-peak", "fewer than six stories"),
    ],
)
def test_what_is_missing_is_said(changes: dict[str, object], claim: str, said: str) -> None:
    row = claims_table(complete(**changes)).set_index("claim").loc[claim]
    assert row["verdict"] == NOT_TESTABLE and said in row["why"]


def test_regions_that_an_atlas_lacks_are_not_tested() -> None:
    one = tunings(0.05)
    elsewhere = replace(one, regions=[(side, "IFG", n) for side, _, n in PLACES])
    found = verdicts(complete(tunings={("llama", "lora"): elsewhere}))
    assert found["tuning-medial-temporal"] == found["tuning-superior-parietal"] == NOT_TESTABLE


def test_intervals_subtract_what_p_subtracts() -> None:
    """Texts whose null texts gain as much show nothing, nor do tunings beside equal controls."""
    one, other = effects(0.012, random=0.011), effects(0.001, random=0.0, seed=2)
    found = {("llama", "word-manual"): one, ("llama", "sentence-manual"): other}
    row = claims_table(complete(effects=found)).set_index("claim").loc["word-over-sentence"]

    def beyond(effects: Effects) -> np.ndarray:
        f = effects.r - effects.r[0]
        result: np.ndarray = (f[1] - f[2:].mean(0)).mean(0) @ [3, 3, 2] / 8
        return result

    expected = beyond(one) - beyond(other)
    assert float(row["ours"]) == pytest.approx(expected, abs=5e-5)
    assert row["low"] < expected < row["high"] < 0.002 and row["verdict"] != REPRODUCED

    same = tunings(0.05, control=0.05)
    row = claims_table(complete(tunings={("llama", "lora"): same}))
    row = row.set_index("claim").loc["tuning-medial-temporal"]
    assert row["low"] < 0 < row["high"] and row["p"] > 0.05 and row["verdict"] == NOT_REPRODUCED
    assert "M itself is +5." in row["test"] and "control tunings" in row["test"]
    some = tunings(0.05, control=0.01)
    row = claims_table(complete(tunings={("llama", "lora"): some}))
    row = row.set_index("claim").loc["tuning-medial-temporal"]
    assert row["ours"].startswith("+4.") and row["low"] < 4 < row["high"]


def test_dealt_texts_are_the_null_of_texts_that_have_them() -> None:
    one = effects(0.012, random=0.011)
    names = [name.replace("random", "dealt") for name in one.variants]
    dealt = replace(one, variants=names)
    found = {("llama", "word-manual"): dealt, ("llama", "word-gpt4"): effects(0.012, seed=3)}
    table = claims_table(complete(effects=found)).set_index("claim")
    # The mean of 0.001 above dealt texts, and 0.015 above random ones.
    assert table.loc["association-maps", "ours"].startswith("+0.007")
    # Random texts are those of the text that has them.
    assert float(table.loc["random-not-above-zero", "ours"]) == pytest.approx(-0.003, abs=5e-4)
    assert "word-manual" not in table.loc["random-not-above-zero", "test"]
    none = claims_table(complete(effects={("llama", "word-manual"): dealt})).set_index("claim")
    assert "no random texts" in none.loc["random-not-above-zero", "why"]


def test_a_best_layer_whose_interval_is_wider_than_a_quarter_says_nothing() -> None:
    flat = gpt2()
    curve = 0.1 - 0.001 * np.abs(np.arange(13) - 9)[:, None, None]
    rng = np.random.default_rng(0)
    found = {}
    for noise in (0.0005, 0.05):
        r_layer = curve + noise * rng.standard_normal((13, len(SIX), 8))
        model = replace(flat, scores=replace(flat.scores, r_layer=r_layer))
        found[noise] = claims_table(complete(models={"gpt": model})).set_index("claim")
    sharp, wide = (table.loc["gpt2-peak"] for table in found.values())
    assert sharp["high"] - sharp["low"] <= 3 and sharp["verdict"] == REPRODUCED
    assert wide["high"] - wide["low"] > 3 and "quarter of the depth" in wide["why"]


def test_what_could_not_have_been_found_is_said() -> None:
    rng = np.random.default_rng(4)
    one = effects(0.0, random=0.0)
    one.r[1:] += 0.01 * rng.standard_normal((len(one.variants) - 1, 1, 3))
    row = claims_table(complete(effects={("llama", "word-manual"): one})).set_index("claim")
    why = row.loc["association-maps", "why"]
    assert "80 % power after correction, which is more than the published maps show" in why


def test_judge() -> None:
    assert judge(0.01, 0.02, 0.01, (0.005, np.inf), True)[0] == REPRODUCED
    # The test does not agree.
    assert judge(0.01, 0.02, 0.2, (0.005, np.inf), True)[0] == NOT_TESTABLE
    assert judge(-0.01, 0.004, 0.5, (0.005, np.inf), True)[0] == NOT_REPRODUCED
    assert judge(-0.01, 0.02, 0.5, (0.005, np.inf), True)[0] == NOT_TESTABLE
    # The direction.
    assert judge(0.001, 0.004, 0.01, (0.005, np.inf), True)[0] == REPRODUCED
    # The size.
    assert judge(0.001, 0.004, 0.01, (0.005, 0.01), False)[0] == NOT_REPRODUCED
    assert judge(np.nan, 0.004, 0.01, (0.005, 0.01), False)[0] == NOT_TESTABLE


def test_order_of_listeners_changes_nothing() -> None:
    order = np.random.default_rng(0).permutation(8)

    def other(one: Effects) -> Effects:
        return replace(
            one,
            subjects=[one.subjects[k] for k in order],
            r=one.r[:, order],
            r_layer=one.r_layer[:, :, order],
        )

    def turned(one: LanguageModel) -> LanguageModel:
        return replace(
            one,
            scores=replace(
                one.scores, r=one.scores.r[:, order], r_layer=one.scores.r_layer[:, :, order]
            ),
        )

    first = complete()
    second = complete(
        models={name: turned(one) for name, one in first.models.items()},
        effects={key: other(one) for key, one in first.effects.items()},
        tunings={key: other(one) for key, one in first.tunings.items()},
    )
    pd.testing.assert_frame_equal(claims_table(first), claims_table(second), atol=1e-4)


def test_stimuli_and_smallest_effects() -> None:
    assert (
        np.isnan(significance.story_test([0.1] * 5))
        and significance.story_test(np.arange(1, 7)) == 1 / 32
    )
    assert np.isnan(significance.effect_size([1.0])) and significance.effect_size(
        [1.0, 3.0]
    ) == pytest.approx(2 / np.sqrt(2))
    rng = np.random.default_rng(0)
    smallest = significance.detectable_mean([-1.0, 1.0] * 10)
    draws = rng.standard_normal((2000, 20)) * np.std([-1.0, 1.0] * 10, ddof=1) + smallest
    found = np.mean([abs(one.mean()) / one.std(ddof=1) * np.sqrt(20) > 2.09 for one in draws])
    assert 0.74 < found < 0.84


def test_what_is_called_detectable_is_found_in_four_of_five() -> None:
    """A normal effect of that size among 39 normal draws."""
    rng = np.random.default_rng(0)
    spread = significance._detectable_spreads(39)
    draws = rng.standard_normal((4000, 40))
    p = [significance.text_test(row[0] + spread, row[1:]) for row in draws]
    assert 0.77 < np.mean(np.array(p) <= 0.05) < 0.83
    # By scipy's distributions, on a grid: one or no draw of 39 may reach the effect.
    x = np.linspace(spread - 8, spread + 8, 20_001)
    density = stats.binom.cdf(1, 39, stats.norm.sf(x)) * stats.norm.pdf(x - spread)
    assert np.trapezoid(density, x) == pytest.approx(0.8, abs=1e-9)
    # Five texts show nothing.
    assert (
        np.isnan(significance.detectable(np.arange(5.0)))
        and significance.detectable(2 * np.r_[-1.0, 1.0].repeat(20)) > 0
    )
