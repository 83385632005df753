"""Identification and similarity where whole stories are left out: a tested story is a block."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import metric_sample
import numpy as np
import pytest
import xarray as xr

from engram.decoding import ceiling, scoring
from engram.similarity import scoring as similarity

ROWS, WORDS, UNITS = 90, 180, 5
STORIES = ["one", "two", "three"]
BY_STORY = {"by": "story", "n": None, "test": None}


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Three stories whose words drive BOLD by the same linear map."""
    rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp("stories")
    mixing, stories = rng.standard_normal((UNITS, 6)), []
    for story in STORIES:
        onsets = np.sort(rng.uniform(0, metric_sample.TR * (ROWS - 6), WORDS))
        vectors = rng.standard_normal((1, WORDS, UNITS))
        driven = np.zeros((ROWS, UNITS))
        np.add.at(driven, (onsets / metric_sample.TR).astype(int) + 2, vectors[0])
        bold = 20 * (driven @ mixing) + rng.standard_normal((len(metric_sample.NAMES), ROWS, 6))
        standard = metric_sample.standardised(bold)
        stories.append(metric_sample.files(folder, onsets, vectors, standard, story))
    return metric_sample.together(*stories)


def scored(paths: dict[str, list[str]], folds: Any) -> tuple[xr.Dataset, xr.Dataset]:
    comparison = metric_sample.compared(paths, folds=folds)
    return (
        scoring.score_decoding(comparison, ["encoding", "decoding"], 9.0, ["all"]),
        similarity.score_similarity(comparison, ["rsa", "encoding"], 6.0, ["all"]),
    )


def test_each_story_is_told_by_what_was_learned_in_the_others(
    paths: dict[str, list[str]],
) -> None:
    decoding, alike = scored(paths, BY_STORY)
    assert decoding["story"].values.tolist() == alike["story"].values.tolist() == STORIES
    rank = decoding["score"].sel(measure="rank")
    # The last segment of a story has hardly a word, so its embedding says little.
    assert (rank.sel(way="encoding") == 1).all() and (rank.sel(way="decoding") > 0.8).all()
    # 15 segments of 6 rows; all but the two beside each are candidates.
    assert (decoding["n_segments"] == 15).all()
    assert abs(decoding["shifted"].mean() - 0.5) < 0.06
    assert (alike["score"].sel(way="encoding").mean("story") > 0.3).all()


def test_a_named_test_story_is_scored_as_when_each_is_left_out(
    paths: dict[str, list[str]],
) -> None:
    whole, one = scored(paths, BY_STORY), scored(paths, {**BY_STORY, "test": ["two"]})
    for all_stories, alone in zip(whole, one, strict=True):
        assert alone["story"].values.tolist() == ["two"]
        xr.testing.assert_allclose(alone["score"], all_stories["score"].sel(story=["two"]))
        assert alone["rows"].shape == (19, 1)
        assert np.array_equal(alone["rows"], all_stories["rows"].sel(story=["two"]))


def test_ceilings_are_of_the_tested_stories(paths: dict[str, list[str]], tmp_path: Path) -> None:
    options = {**metric_sample.OPTIONS, "folds": {**BY_STORY, "test": ["three"]}}
    found = ceiling.identification_ceiling(
        paths["bold"],
        paths["words"],
        metric_sample.NAMES[:-1],
        "all",
        seconds=9.0,
        sets=["all"],
        **options,
    )
    assert found["story"].values.tolist() == ["three"] and (found["ceiling"] == 1).all()


def test_one_penalty_needs_no_inner_folds(paths: dict[str, list[str]]) -> None:
    """Two stories: one to learn from is enough where no penalty is chosen."""
    two = {name: files[:2] for name, files in paths.items()}
    comparison = metric_sample.compared(two, folds=BY_STORY, alphas=[10.0])
    found = scoring.score_decoding(comparison, ["decoding"], 9.0, ["all"])
    assert (found["score"].sel(measure="rank") > 0.8).all()
