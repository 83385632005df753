"""Folds by story: whole stories are left out, and others teach."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold, LeaveOneGroupOut
from sklearn.preprocessing import StandardScaler

from engram.encoding import ridge
from engram.encoding.banded_ridge import banded_predictions, candidates, score_predictions
from engram.encoding.ceiling import story_ceiling
from engram.encoding.circular_shift import null_scores
from engram.encoding.folds import inner_folds_of, outer_folds
from engram.encoding.group import Group, Part
from engram.encoding.story_data import StoryData
from engram.encoding.story_folds import scored_stories, story_folds
from engram.errors import EngramError

ALPHAS = [1.0, 100.0, 10_000.0]
NAMES = ["a", "b", "c", "d", "e"]
ROWS = [40, 55, 61, 48, 70]
STORY = np.repeat(np.arange(5), ROWS)
POSITION = np.concatenate([np.arange(rows) for rows in ROWS])


def data(weights: np.ndarray, noise: float = 1.0, units: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Features, and BOLD that follows them by each story's weights: (n_stories, n_units, 3)."""
    rng = np.random.default_rng(3)
    features = rng.standard_normal((len(STORY), units)).astype(np.float32)
    bold = np.einsum("ru,rut->rt", features, weights[STORY])
    return features, (bold + noise * rng.standard_normal(bold.shape)).astype(np.float32)


def encoded(features: np.ndarray, bold: np.ndarray, **options: Any) -> ridge.Scores:
    chosen = {"folds": story_folds(NAMES, ROWS), "inner_folds": 5, "gap": 3, "alphas": ALPHAS}
    return ridge.encode(
        features, bold, STORY, POSITION, **{**chosen, "backend": "numpy", **options}
    )


@pytest.mark.parametrize("alpha_by", ["r", "mse"])
def test_scores_are_those_of_scikit_learns_group_k_fold(alpha_by: str) -> None:
    rng = np.random.default_rng(0)
    features, bold = data(np.repeat(0.3 * rng.standard_normal((1, 6, 3)), 5, axis=0), noise=3.0)
    folds = story_folds(NAMES, ROWS, n=3)
    found = encoded(features, bold, folds=folds, alpha_by=alpha_by)
    splits = list(GroupKFold(3).split(features, groups=STORY))
    assert {tuple(np.unique(STORY[test]).tolist()) for _, test in splits} == set(folds.tests)
    for train, test in splits:
        fold = folds.tests.index(tuple(np.unique(STORY[test]).tolist()))
        total = np.zeros((len(ALPHAS), 3))
        for fit, held in LeaveOneGroupOut().split(train, groups=STORY[train]):
            for number, penalty in enumerate(ALPHAS):
                predicted = fitted(features, bold, train[fit], train[held], penalty)
                total[number] += (
                    correlations(predicted, bold[train[held]])
                    if alpha_by == "r"
                    else -((predicted - bold[train[held]]) ** 2).mean(0)
                )
        best = total.argmax(0)
        np.testing.assert_array_equal(found.alpha[fold], best)
        for target in range(3):
            predicted = fitted(features, bold, train, test, ALPHAS[best[target]])
            for story in np.unique(STORY[test]):
                mine = STORY[test] == story
                r = correlations(predicted[mine], bold[test][mine])[target]
                assert found.r[story, 0, target] == pytest.approx(r, abs=1e-3)


def fitted(
    features: np.ndarray, bold: np.ndarray, train: np.ndarray, test: np.ndarray, penalty: float
) -> np.ndarray:
    scaler = StandardScaler().fit(features[train].astype(float))
    model = Ridge(penalty).fit(scaler.transform(features[train]), bold[train])
    predicted: np.ndarray = model.predict(scaler.transform(features[test]))
    return predicted


def correlations(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(one.T, other.T, strict=True)])


def test_what_is_of_one_story_vanishes_and_what_generalises_stays() -> None:
    rng = np.random.default_rng(1)
    own = rng.standard_normal((5, 6, 3))
    weights = {"of one story": own, "of all": np.repeat(own[:1], 5, axis=0)}
    r = {}
    for name, planted in weights.items():
        features, bold = data(planted, noise=0.5)
        r[name, "block"] = encoded(features, bold, folds=5).r.mean()
        r[name, "story"] = encoded(features, bold).r.mean()
    assert r["of all", "story"] > 0.85 and r["of all", "story"] > r["of all", "block"] - 0.02
    assert r["of one story", "block"] > 0.2  # blocks know weights of the story itself
    assert abs(r["of one story", "story"]) < 0.1


def test_versions_of_a_story_are_left_out_together() -> None:
    folds = story_folds(["black", "pieman", "piemanpni", "tunnel"], [10, 10, 10, 10])
    assert folds.tests == ((0,), (1, 2), (3,))
    named = story_folds(["black", "pieman", "piemanpni"], [3, 3, 3], test=["pieman", "other"])
    ((train, test),) = outer_folds(np.repeat([0, 1, 2], 3), np.arange(9), named, 2)
    assert test.tolist() == [3, 4, 5] and train.tolist() == [0, 1, 2]
    story = np.repeat([0, 1, 2], 3)
    inner = inner_folds_of(story, np.arange(9), story_folds(list("xyz"), [3, 3, 3]), 5, 2)
    assert [test.tolist() for _, test in inner] == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]


def test_named_stories_alone_are_scored() -> None:
    features, bold = data(np.repeat(np.ones((1, 6, 3)), 5, axis=0))
    folds = story_folds(NAMES, ROWS, test=["b", "e"])
    found = encoded(features, bold, folds=folds)
    assert found.r.shape == (2, 1, 3) and found.alpha.shape == (1, 3)
    shuffled = bold.copy()
    shuffled[STORY == 4] = 0.5 * bold[STORY == 4][::-1]  # what is tested teaches nothing
    again = encoded(features, shuffled, folds=folds)
    np.testing.assert_allclose(again.r[0], found.r[0], atol=1e-6)
    assert scored_stories({"test": ["e", "b"]}, NAMES) == ["b", "e"]
    assert scored_stories(5, NAMES) == NAMES


def test_too_few_stories_are_refused() -> None:
    features, bold = data(np.zeros((5, 6, 3)))
    two = STORY < 2
    folds = story_folds(NAMES[:2], ROWS[:2])
    rows = (features[two], bold[two], STORY[two], POSITION[two])
    options: dict[str, Any] = {"inner_folds": 5, "gap": 3, "backend": "numpy"}
    with pytest.raises(EngramError, match="Three stories are needed"):
        ridge.encode(*rows, folds=folds, alphas=ALPHAS, **options)
    assert ridge.encode(*rows, folds=folds, alphas=[10.0], **options).r.shape == (2, 1, 3)
    with pytest.raises(EngramError, match="one stimulus"):
        story_folds(["pieman", "piemanpni"], [9, 9])
    with pytest.raises(EngramError, match="no story to learn from"):
        story_folds(["a"], [9], test=["a"])


def test_the_nuisance_control_has_the_same_folds() -> None:
    features, bold = data(np.repeat(np.ones((1, 6, 3)), 5, axis=0))
    folds = story_folds(NAMES, ROWS, n=2)
    predictions = banded_predictions(
        [features[:, :3], features[:, 3:]], bold, STORY, POSITION, folds=folds, inner_folds=5,
        gap=3, alphas=ALPHAS, shares=candidates(2), backend="numpy",
    )  # fmt: skip
    r = score_predictions(predictions, bold, STORY, POSITION, folds, 3)
    assert r.shape == (5, 3) and (r > 0.8).all()
    for story in range(5):
        mine = story == STORY
        np.testing.assert_allclose(r[story], correlations(predictions[mine], bold[mine]), atol=1e-5)


def test_ceilings_are_of_the_whole_story() -> None:
    rng = np.random.default_rng(0)
    bold = rng.standard_normal((1, 50, 2)) + rng.standard_normal((5, 50, 2))
    found = story_ceiling(bold, np.arange(50), folds="story", gap=4, halves=3, seed=0)
    others = bold[1:].mean(0)
    np.testing.assert_allclose(found["loo"][0], correlations(others, bold[0]), atol=1e-6)
    assert np.isnan(found["loo_ridge"]).all() and np.isfinite(found["single"]).all()


def group(**options: Any) -> tuple[Group, list[np.ndarray]]:
    """Three listeners and their mean, of four stories of other lengths, who share a response."""
    rng = np.random.default_rng(0)
    stories, vectors = [], []
    for number, rows in enumerate([60, 70, 80, 90]):
        onsets = np.sort(rng.uniform(0, 1.5 * rows, 3 * rows))
        vectors.append(rng.standard_normal((len(onsets), 5)).astype(np.float32))
        moved = np.zeros(rows)
        np.add.at(moved, np.minimum(onsets // 1.5 + 2, rows - 1).astype(int), vectors[-1][:, 0])
        bold = rng.standard_normal((3, rows, 2)) + moved[:, None]
        array = xr.DataArray(
            np.concatenate([bold, bold.mean(0, keepdims=True)]).astype(np.float32),
            dims=("subject", "time", "target"),
            coords={"subject": ["1", "2", "3", "average"]},
        )
        stories.append(StoryData("stuv"[number], 1.5, onsets, np.arange(rows) * 1.5, array, {}))
    usual: dict[str, Any] = {
        "words_to_trs": "sum", "longest_delay": 6.0, "delays": None, "inner_folds": 3,
        "alphas": ALPHAS, "alpha_by": "r", "backend": "numpy",
        "folds": {"by": "story", "n": None, "test": None},
    }  # fmt: skip
    return Group(stories, ["1", "2", "3", "average"], **{**usual, **options}), vectors


def test_a_group_is_scored_by_story_whatever_shares_penalties() -> None:
    for penalty in ("target", "listeners"):
        one, vectors = group(penalty=penalty, folds={"by": "story", "n": None, "test": ["t", "v"]})
        assert [story.name for story in one.tested] == ["t", "v"]
        parts: list[np.ndarray] = []

        def score(part: Part, one: Group = one, vectors: Any = vectors, parts: Any = parts) -> None:
            parts.append(one.by_listener(one.score_vectors(part, vectors)))

        one.each_part(5, 1, score)
        assert parts[-1].shape == (2, 1, 4, 2) and (parts[-1] > 0.3).all()
        features = one.features(vectors)
        shifted = null_scores(one, features, np.full((4, 4), 20) + 5 * np.arange(4)[:, None])
        assert np.abs(shifted).mean() < 0.2


def test_weights_and_penalties_come_from_others_alone() -> None:
    one, vectors = group(learn_from="others")
    features, others = one.features(vectors).astype(float), one.others
    assert others is not None
    found = one.score_features(features, one.targets, others)
    r = one.by_listener(found)[:, 0]
    for test in range(4):
        train, held = one.row_story != test, one.row_story == test
        for listener in range(3):
            columns = slice(2 * listener, 2 * listener + 2)
            for target in range(2):
                penalty = ALPHAS[found.alpha[test].reshape(4, 2)[listener, target]]
                predicted = fitted(features, others[:, columns], train, held, penalty)
                expected = correlations(predicted, one.targets[held][:, columns])[target]
                assert r[test, listener, target] == pytest.approx(expected, abs=1e-3)
    changed = one.targets.copy()
    changed[one.row_story == 0, :2] = np.random.default_rng(9).standard_normal((60, 2))
    again = one.score_features(features, changed, others)  # own training rows say nothing
    np.testing.assert_allclose(again.r[1:, :, :2], found.r[1:, :, :2], atol=1e-6)
    np.testing.assert_array_equal(again.alpha[:, :2], found.alpha[:, :2])
    own, _ = group()
    alone = own.by_listener(own.score_features(features, own.targets))[:, 0]
    np.testing.assert_allclose(r[:, 3], alone[:, 3], atol=1e-5)  # the average has no others
