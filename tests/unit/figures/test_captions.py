"""Captions: what they say follows from the tables alone, without a drawing."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from figure_sample import MODELS, ceilings, scores

from engram.figures.captions import common, data
from engram.figures.captions import scores as score_captions
from engram.figures.time_courses import Course


@pytest.mark.parametrize(
    ("number", "of", "expected"),
    [
        (0, 1, "The one test has p above 0.05"),
        (1, 1, "The one test has p at most 0.05"),
        (0, 6, "None of 6 tests has p at most 0.05"),
        (1, 6, "1 of 6 tests has p at most 0.05"),
        (2, 6, "2 of 6 tests have p at most 0.05"),
    ],
)
def test_numbers_of_tests_agree_with_their_verbs(number: int, of: int, expected: str) -> None:
    assert common.tests_below_level(number, of).startswith(expected)


def test_few_stories_are_named_and_many_counted() -> None:
    table = scores()
    for stories, expected in ((["a", "b"], "2 stories (a and b)."), (list("abcd"), "4 stories.")):
        words = score_captions.layers(table, ceilings(table, stories), MODELS)
        assert f"n = 7 listeners, {expected}" in words.caption
    words = score_captions.reliability(ceilings(table, list("abcd")))
    assert "Reliability of 7 listeners (7 a story)" in words.caption


def test_only_ceilings_that_are_known_are_explained() -> None:
    table = scores()
    bounds = ceilings(table)
    bounds.loc[bounds["kind"] == "average", "ceiling"] = np.nan
    caption = score_captions.layers(table, bounds, MODELS).caption
    assert "(single listeners: leave-one-out correlation" in caption
    assert "square root of the split-half reliability" not in caption


def test_lags_of_many_stories_are_summarised() -> None:
    rows = np.arange(100)
    words = np.sin(rows)
    one = Course("tale", 1.5, 1.5 * rows, words, np.roll(words, 2), 3, 1, True)
    many = [dataclasses.replace(one, story=f"tale-{number}") for number in range(7)]
    words_of = data.alignment(many, 3)
    assert "is 3.0 s (median 3.0) over 7 stories" in words_of.caption
    assert "the first 3 of 7 stories" in words_of.caption
    assert "tale-0" not in words_of.alt
