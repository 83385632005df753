"""The answer of a study: sentences that are built from numbers, with care."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import report_sample as sample

from engram.report import association_sentences, methods, score_sentences, tuning_sentences


def test_how_well_names_models_layers_baselines_and_ceilings() -> None:
    said = " ".join(score_sentences.how_well(sample.scores(), sample.config()))
    assert "over 3 regions of 5 listeners: small 0.200." in said and "small 2 of 3" in said
    assert (
        "Baselines: small-reinitialised 0.100 and word-rate 0.050." in said
        and "The average listener: small 0.400." in said
    )
    assert "A perfect model would reach 0.250" in said and "this is 80 % of it" in said
    assert (
        "95 % intervals over listeners: small 0.1" in said
        and "not tested against chance here" in said
    )


def test_a_baseline_that_is_not_exceeded_is_named() -> None:
    table = sample.scores()
    assert "is not above" not in " ".join(score_sentences.how_well(table, sample.config()))
    table.loc[table["model"] == "word-rate", "score"] += 0.2
    assert "In the mean small is not above word-rate." in score_sentences.how_well(
        table, sample.config()
    )


def test_how_well_names_the_range_of_many_models() -> None:
    models = tuple(f"m{number}" for number in range(5))
    table = pd.concat(
        [
            sample.scores(models=(name,)).assign(score=0.1 + 0.01 * number)
            for number, name in enumerate(models)
        ]
    )
    said = " ".join(
        score_sentences.how_well(
            table, {**sample.config(), "scored": list(models), "shown": list(models)}
        )
    )
    assert "5 models 0.100 to 0.140" in said and "Baselines" not in said


@pytest.mark.parametrize(
    ("chance", "expected"),
    [
        (None, "not tested against chance here"),
        (sample.chance(), "small in 3 of 3 regions"),
        (sample.chance(0.2), "small in 0 of 3 regions"),
        (sample.chance(0.4, smallest=0.1), "no p below 0.100 can be reached"),
        (sample.chance(np.nan), "too short for circular shifts"),
    ],
)
def test_chance_is_said(chance: pd.DataFrame | None, expected: str) -> None:
    assert expected in " ".join(score_sentences.how_well(sample.scores(), sample.config(), chance))


def test_what_only_the_language_model_predicts_is_said() -> None:
    nuisance = pd.DataFrame(
        {
            "model": "small",
            "beyond": ["word-rate", "word-rate", "all", "all"],
            "unique": [0.01, 0.03, -0.002, 0.001],
        }
    )
    said = " ".join(score_sentences.how_well(sample.scores(), sample.config(), nuisance=nuisance))
    assert (
        "What small alone predicts beyond word-rate: +0.010 to +0.030; beyond all: "
        "−0.002 to +0.001, by region."
    ) in said
    data = {"scores": sample.scores(), "scans": sample.scans(), "nuisance": nuisance}
    assert (
        "a penalty for each band" in methods.methods(sample.config(), data, "0.1.0")[0]["Nuisance"]
    )


def test_what_only_associations_predict_is_said() -> None:
    unique = pd.DataFrame(
        {
            "unique_minus_null": [-0.002, 0.013],
            "p_texts_corrected": [0.9, 0.04],
            "n_null": 39,
            "null": "random",
            "beyond": "word-rate, since-insertion",
        }
    )
    for table in (sample.association(), sample.association(0.01), sample.association(n_random=9)):
        said = association_sentences.what_association_adds(table, unique)[-1]
        assert (
            "−0.002 to +0.013 more than random texts do" in said
            and "over 39 random texts" in said
            and "in 1 of 2 (smallest 0.040)" in said
        )
    data = {
        "scores": sample.scores(),
        "scans": sample.scans(),
        "nuisance": pd.DataFrame({"beyond": ["word-rate"]}),
        "association_unique": unique,
    }
    paragraphs = methods.methods(sample.config(), data, "0.1.0")[0]
    assert "Nuisance features there: word-rate, since-insertion." in paragraphs["Nuisance"]
    assert "the unique contribution of associations over texts" in paragraphs["Statistics"]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (None, "was not measured"),
        (sample.association(0.6), "No gain from association is shown"),
        (
            sample.association(0.01),
            (
                "Association adds to R beyond random texts of the same shape: word-judged, "
                "read by small, in 1 of 3 regions (most in left area0: F +0.030"
            ),
        ),
        (
            sample.association(0.01, n_random=9),
            "cannot be tested: with 9 random texts no p below 0.100 can be reached",
        ),
    ],
)
def test_what_association_adds_is_said_with_care(table: pd.DataFrame | None, expected: str) -> None:
    first, *_ = association_sentences.what_association_adds(table)
    assert expected in first


def test_an_effect_that_was_not_found_comes_with_what_would_have_been() -> None:
    said = " ".join(association_sentences.what_association_adds(sample.association()))
    assert (
        "An F of 0.010 above" in said
        and "written by a language model" in said
        and "smaller effects cannot be excluded" in said
    )
    assert "people" in " ".join(
        association_sentences.what_association_adds(sample.association(written_by="manual"))
    )


@pytest.mark.parametrize(
    ("detectable", "beside"),
    [
        ([0.01, 0.012, 0.015], "those above this would mostly have been found"),
        ([0.01, 0.025, 0.03], "In 2 of 3 this is more than the published maps show"),
        ([0.06, 0.07, 0.08], "More than was published"),
    ],
)
def test_what_would_have_been_found_stands_beside_what_was_published(
    detectable: list[float], beside: str
) -> None:
    table = sample.association().assign(detectable_corrected=detectable)
    said = " ".join(association_sentences.what_association_adds(table))
    assert beside in said and "(0.0014 to 0.02 on maps, up to 0.05 in regions)" in said


def test_what_tests_were_corrected_for_is_said() -> None:
    one = sample.association()
    said = " ".join(association_sentences.what_association_adds(one))
    assert "corrected by the maximum statistic over regions)" in said
    both = pd.concat([one, one.assign(text="other")], ignore_index=True)
    said = " ".join(association_sentences.what_association_adds(both.assign(n_family=6)))
    assert "over regions, texts and models)" in said
    both["family"] = ["primary"] * 3 + ["others"] * 3
    said = " ".join(association_sentences.what_association_adds(both))
    assert "over regions for word-judged read by small, which was named beforehand, and" in said
    both.loc[4, "p_texts_corrected"] = 0.01  # of the other text alone
    sentences = association_sentences.what_association_adds(both)
    assert "None is in word-judged read by small, which was named beforehand" in sentences[1]
    both.loc[1, "p_texts_corrected"] = 0.05
    assert "None is in" not in " ".join(association_sentences.what_association_adds(both))
    dealt = sample.association().assign(null="dealt")
    said = " ".join(association_sentences.what_association_adds(dealt))
    assert "dealt texts" in said and "random" not in said


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (None, "was not measured"),
        (sample.tuning(), "No gain from tuning is shown"),
        (
            sample.tuning(0.02),
            (
                "beats control tunings in 1 of 3 cases, most in left area0 (lora, small): "
                "R_sft − R +0.010, M +5 %, corrected p 0.020"
            ),
        ),
        (
            sample.tuning(seeds=1),
            (
                "cannot be tested: a test over seeds needs four of each condition, and there are 1 "
                "to associate, 1 shuffled and 1 generic"
            ),
        ),
    ],
)
def test_what_tuning_adds_is_said_with_care(table: pd.DataFrame | None, expected: str) -> None:
    first, *_ = tuning_sentences.what_tuning_adds(table)
    assert expected in first


def test_falling_less_than_controls_is_not_called_a_gain() -> None:
    lower = sample.association(0.01)
    lower[["F", "F_null"]] -= 0.05
    first, *_ = association_sentences.what_association_adds(lower)
    assert (
        first.startswith("Association takes less from R than random texts") and "F −0.020" in first
    )
    tuned = sample.tuning(0.02)
    tuned["difference"] -= 0.05
    assert "R itself falls in some of these." in tuning_sentences.what_tuning_adds(tuned)[0]
    assert "falls" not in tuning_sentences.what_tuning_adds(sample.tuning(0.02))[0]


def test_a_tuning_is_a_gain_only_against_both_controls() -> None:
    table = sample.tuning(0.02)
    table["p_generic_corrected"] = 0.4
    assert "No gain from tuning is shown" in tuning_sentences.what_tuning_adds(table)[0]


def test_what_tunings_could_have_shown_stands_beside_what_was_published() -> None:
    none = sample.tuning().assign(detectable_corrected=float("nan"))
    assert "four of five" not in " ".join(tuning_sentences.what_tuning_adds(none))
    small = " ".join(
        tuning_sentences.what_tuning_adds(sample.tuning().assign(detectable_corrected=0.008))
    )
    assert "An M of +4 % to +4 % above control tunings" in small and "could not be" not in small
    large = sample.tuning().assign(detectable_corrected=[0.05, 0.06, 0.1])
    said = " ".join(tuning_sentences.what_tuning_adds(large))
    assert "An M of +25 % to +50 %" in said and "the smaller of these could not be found" in said


def test_m_is_not_said_where_r_is_not_above_0() -> None:
    said = " ".join(tuning_sentences.what_tuning_adds(sample.tuning(original=-0.1)))
    assert "M without meaning" in said and "M −" not in said
