"""How the page opens: its question, what was found, the ranked models, what to know before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import report_sample as sample
from html_page import Page
from scipy import stats

from engram.report import association_sentences, cautions, opening
from engram.report.clocks import Clocks
from engram.report.ranking import ranking
from engram.statistics import planted_truth
from engram.vocabulary import AVERAGE

THREE = {
    **sample.ALICE,
    "models": {name: {"source": "gpt2"} for name in ("small", "other", "third")},
}
#: R of the models of three, their twins and the word rate, as `sample.scores` gives them.
LEVELS = {"other": 0.3, "small": 0.2, "third": 0.05, "word-rate": 0.1}


def three(listeners: int = 5) -> pd.DataFrame:
    """Scores of three models, of a twin each and of the word rate."""
    levels = {**LEVELS, **{f"{name}-reinitialised": 0.0 for name in THREE["models"]}}
    parts = []
    for name, level in levels.items():
        one = sample.scores(listeners, models=(name,))
        parts.append(one.assign(score=one["score"] - 0.2 + level))
    table = pd.concat(parts, ignore_index=True)
    return table[(table["model"] != "word-rate") | (table["layer"] == 0)]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({}, "How well does small predict the brain?"),
        ({"models": THREE["models"]}, "Which predicts the brain best: small, other or third?"),
        ({"associations": {"word-judged": {}}}, "Do associations in the text bring small closer"),
        ({"tunings": {"lora": {}}}, "Does tuning to associate bring small closer"),
        (
            {"associations": {"word-judged": {}}, "tunings": {"lora": {}}},
            "Do associations, in the text or by tuning, bring small closer",
        ),
        ({"models": {}, "baselines": ["word-rate"]}, "How well does the word rate predict"),
    ],
)
def test_the_title_is_the_question_of_the_study(parts: dict[str, Any], expected: str) -> None:
    assert opening.question(sample.config({**sample.ALICE, **parts})).startswith(expected)


def test_models_are_ranked_by_their_score_with_differences_and_corrected_p() -> None:
    scores, made = three(), sample.config(THREE)
    pairs = sample.comparisons(0.01, **dict.fromkeys([*LEVELS, "other-reinitialised"], 0.0))
    of_third = (pairs["roi"] == "all") & (pairs["b"] == "third")
    pairs.loc[of_third, "p_listeners"] = 0.04
    found = ranking({"scores": scores, "comparisons": pairs}, made)
    assert [one.model for one in found.rows] == ["other", "small", "word-rate", "third"]
    best, second, word_rate, last = found.rows
    single = scores[(scores["subject"] != AVERAGE) & (scores["model"] == "other")]
    at_layer = single[single["layer"] == 2].groupby("subject")["score"].mean()
    assert best.score == pytest.approx(at_layer.mean()) and best.low < best.score < best.high
    assert best.layer == "layer 2 of 3" and best.share == "120 %" and word_rate.is_baseline
    assert best.to_best.value == 0.0 and second.to_best.value == pytest.approx(-0.1)
    # Two p of 0.01 and one of 0.04, corrected over the three models that are not the first.
    assert last.to_best.p == pytest.approx(stats.false_discovery_control([0.01, 0.01, 0.04])[2])
    assert best.to_word_rate is not None and best.to_word_rate.value == pytest.approx(0.2)
    assert word_rate.to_word_rate is None and word_rate.to_twin is None
    assert best.to_twin is not None and best.to_twin.p == pytest.approx(0.01)
    assert second.to_twin is not None and np.isnan(second.to_twin.p)


def test_the_finding_says_who_is_first_and_whether_that_is_shown() -> None:
    tables, made = {"scores": three()}, sample.config(THREE)
    for p, expected in (
        (0.01, "It is above small and third (p at most 0.05, corrected)"),
        (0.4, "It is not shown to be above small and third"),
    ):
        pairs = sample.comparisons(p, **dict.fromkeys(LEVELS, 0.0))
        whole = {**tables, "comparisons": pairs}
        said = opening.finding(whole, made, ranking(whole, made))
        assert (
            said.startswith("other comes first with a brain score R of 0.300") and expected in said
        )
    untested = opening.finding(tables, made, ranking(tables, made))
    assert "its difference, untested, is +0.200 to the word rate and +0.300 to its" in untested


@pytest.mark.parametrize(
    ("corrected", "expected"),
    [
        (0.6, "No gain from associations is shown"),
        (0.025, "Associations do more than control texts"),
    ],
)
def test_the_finding_about_associations_follows_the_test(corrected: float, expected: str) -> None:
    made = sample.config({**sample.ALICE, "associations": {"word-judged": {}}})
    tables = {"scores": sample.scores(), "association": sample.association(corrected)}
    assert opening.finding(tables, made, ranking(tables, made)).startswith(expected)


def test_how_well_models_predict_leads_where_nothing_else_can_be_tested() -> None:
    made = sample.config({**sample.ALICE, "associations": {"word-judged": {}}})
    tables = {"scores": sample.scores(), "association": sample.association(n_random=5)}
    said = opening.finding(tables, made, ranking(tables, made))
    assert said.startswith("small has a brain score R of")
    assert said.endswith("What associations add cannot be tested: there are too few control texts.")


@pytest.mark.parametrize("corrected", [0.6, 0.025])
def test_the_finding_agrees_with_what_was_planted(corrected: float) -> None:
    """The check of the truth and the report rest on one test, so they cannot contradict."""
    table = sample.association(corrected).assign(original=0.2)
    truth = pd.DataFrame(
        {
            "hemisphere": table["hemisphere"],
            "roi": table["roi"],
            "planted": ["association", "nothing", "nothing"],
        }
    )
    controls = table[["model", "text", "hemisphere", "roi"]].assign(
        variant="random-01", F=0.01, p_texts_corrected=0.9
    )
    found = planted_truth.compare_association_with_truth(table, controls, truth)
    planted = found[found["planted"] == "association"]["found"].item() == "yes"
    said = association_sentences.in_short(table)
    assert said.startswith("Associations do more" if planted else "No gain") and planted == (
        corrected < 0.05
    )


def test_one_model_is_not_ranked() -> None:
    alone = Page(sample.page())
    several = Page(sample.page(scores=three(), made=sample.config(THREE)))
    assert "Minus the best model" not in alone.text and "Models, ranked" not in alone.text
    assert "Minus the best model" in several.text and "Models, ranked" in several.text


def test_one_listener_has_neither_interval_nor_test_in_the_table() -> None:
    page = Page(sample.page(scores=sample.scores(listeners=1), scans=sample.scans(1)))
    assert "over all targets and one listener." in page.text
    assert "No test: it takes several listeners." in page.text and " nan" not in page.text
    found = ranking({"scores": sample.scores(listeners=1)}, sample.config())
    assert found.rows[0].interval == "" and not found.has_tests


def test_what_to_know_beforehand_stands_above_the_table() -> None:
    scans = sample.scans()
    scans.loc[0, "words_in_scan"] = 0.6
    whole = Page(sample.page(scans=scans)).text
    for expected in (
        "Scans were left out. Listener 06, alice: moved too much",
        "1 of 5 scans hold less than 95 % of their story's words; fewest, 60 %, in alice, 01",
    ):
        assert whole.index(expected) < whole.index("how well BOLD that a model predicts")
    clean = scans[scans["excluded"].isna()].assign(words_in_scan=1.0)
    nothing = cautions.cautions(clean, sample.config(), Clocks([], ""), [], [])
    assert nothing == []
    warned = cautions.cautions(clean, sample.config(), Clocks([], ""), [], ["a", "b"])
    assert warned[0].lines == ["2 warnings:"] and warned[0].place == "warnings"
    named = ["bold: sub-06_task-alice, story alice is left out: moved too much"]
    assert cautions.cautions(clean, sample.config(), Clocks([], ""), [], named) == []


def test_the_main_figure_answers_the_question() -> None:
    figures = [sample.figure(name) for name in ("layers", "regions", "association-texts")]
    first, others = opening.main_figure(figures, {}, sample.config())
    assert first is not None and first.name == "layers" and len(others) == 2
    made = sample.config({**sample.ALICE, "associations": {"word-judged": {}}})
    tables = {"association": sample.association()}
    first, others = opening.main_figure(figures, tables, made)
    assert first is not None and first.name == "association-texts"
    assert opening.main_figure([], tables, made) == (None, [])
    few = {"association": sample.association(n_random=5)}
    first, _ = opening.main_figure(figures, few, made)
    assert first is not None and first.name == "layers"  # what no test can answer does not lead
