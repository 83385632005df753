"""Options of prediction: penalties that listeners share, others to learn from, and a leak.

Each is held against scikit-learn or a direct computation, and against noise.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from engram.bold.cleaning import clean
from engram.encoding import memory, ridge
from engram.encoding.circular_shift import null_scores
from engram.encoding.correlation import pearson, standardize
from engram.encoding.folds import blocked_folds
from engram.encoding.group import Group
from engram.encoding.preparation import Preparation
from engram.encoding.story_data import StoryData
from engram.errors import EngramError

ALPHAS = [1.0, 100.0, 10_000.0]
ROWS, TARGETS = 80, 3
PEOPLE = ["1", "2", "3", "average"]
OPTIONS: dict[str, Any] = {
    "words_to_trs": "sum", "longest_delay": 6.0, "delays": None, "folds": 3, "inner_folds": 3,
    "alphas": ALPHAS, "alpha_by": "r", "backend": "numpy",
}  # fmt: skip


def made(**options: Any) -> tuple[Group, np.ndarray]:
    """Three listeners and their mean, of a story that moves them a little; word vectors."""
    rng = np.random.default_rng(0)
    onsets = np.sort(rng.uniform(0, 110, 200))
    vectors = rng.standard_normal((200, 5)).astype(np.float32)
    moved = np.zeros(ROWS)
    np.add.at(moved, np.minimum(onsets // 1.5 + 2, ROWS - 1).astype(int), vectors[:, 0])
    bold = rng.standard_normal((3, ROWS, TARGETS)) + 0.5 * moved[:, None]
    bold = np.concatenate([bold, bold.mean(0, keepdims=True)])
    array = xr.DataArray(
        bold.astype(np.float32),
        dims=("subject", "time", "target"),
        coords={"subject": PEOPLE},
    )
    story = StoryData("s", 1.5, onsets, np.arange(ROWS) * 1.5, array, {})
    return Group([story], PEOPLE, **{**OPTIONS, **options}), vectors


def scored(at_once: int, monkeypatch: pytest.MonkeyPatch, **options: Any) -> tuple[Any, Any]:
    """R and penalties of everybody, so many listeners at a time."""
    monkeypatch.setattr(memory, "listeners_at_once", lambda *_: at_once)
    group, vectors = made(**options)
    r = np.full((3, 4, TARGETS), np.nan)
    alpha = np.full((3, 4, TARGETS), np.nan)

    def score(part: Any) -> None:
        for _ in range(2):  # of two things that are scored the last counts
            found = group.score_vectors(part, [vectors * (1 + _)])
        r[:, part.listeners] = group.by_listener(found)[0]
        alpha[:, part.listeners] = found.alpha.reshape(3, -1, TARGETS)

    group.each_part(5, 2, score)
    return r, alpha


# ---------------------------------------------------------------- penalty: listeners
def test_listeners_share_the_penalty_with_the_best_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand, with scikit-learn: the mean inner r over single listeners chooses."""
    group, vectors = made()
    features, bold = group.features([vectors]).astype(np.float64), group.targets
    story, position = np.zeros(ROWS, int), np.arange(ROWS)
    _, alpha = scored(4, monkeypatch, penalty="listeners")
    own = scored(4, monkeypatch)[1]
    for fold, (train, _) in enumerate(blocked_folds(story, position, 3, group.gap)):
        inner = np.zeros((len(ALPHAS), bold.shape[1]))
        for fit, held in blocked_folds(story[train], position[train], 3, group.gap):
            scaler = StandardScaler().fit(features[train[fit]])
            for number, penalty in enumerate(ALPHAS):
                model = Ridge(penalty).fit(scaler.transform(features[train[fit]]), bold[train[fit]])
                predicted = model.predict(scaler.transform(features[train[held]]))
                inner[number] += pearson(standardize(bold[train[held]]), predicted - bold.mean(0))
        by_listener = inner.reshape(len(ALPHAS), 4, TARGETS)
        best = by_listener[:, :3].mean(1).argmax(0)
        np.testing.assert_array_equal(alpha[fold, :3], np.tile(best, (3, 1)))
        np.testing.assert_array_equal(alpha[fold, 3], by_listener[:, 3].argmax(0))
    np.testing.assert_array_equal(alpha[:, 3], own[:, 3])  # the average listener keeps its own
    assert (alpha[:, :3] != own[:, :3]).any()


@pytest.mark.parametrize("learn_from", ["listener", "listener+others"])
@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_parts_of_the_listeners_share_penalties_with_all(
    at_once: int, learn_from: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"penalty": "listeners", "learn_from": learn_from, "trend": "runs"}
    r, alpha = scored(4, monkeypatch, **options)
    parts, of_parts = scored(at_once, monkeypatch, **options)
    np.testing.assert_array_equal(of_parts, alpha)
    np.testing.assert_allclose(parts, r, atol=1e-6)


def test_memory_that_runs_out_changes_no_shared_penalty(monkeypatch: pytest.MonkeyPatch) -> None:
    r, _ = scored(4, monkeypatch, penalty="listeners")
    real = ridge.inner_criterion
    calls = []

    def tight(features: Any, targets: Any, *rest: Any, **more: Any) -> Any:
        calls.append(targets.shape[1])
        if targets.shape[1] > 2 * TARGETS or len(calls) == 4:  # in the middle of a part too
            raise MemoryError
        return real(features, targets, *rest, **more)

    monkeypatch.setattr(ridge, "inner_criterion", tight)
    np.testing.assert_allclose(scored(4, monkeypatch, penalty="listeners")[0], r, atol=1e-6)
    assert calls[:4] == [12, 6, 6, 6] and calls[4] == 3


def test_shifts_share_penalties_among_the_listeners_of_a_shift() -> None:
    group, vectors = made(penalty="listeners", learn_from="listener+others")
    features = group.features([vectors])
    shifts = np.array([[20], [30]])
    both = null_scores(group, features, shifts)
    each = [null_scores(group, features, one[None])[0] for one in shifts]
    np.testing.assert_allclose(both, np.stack(each), atol=1e-6)
    assert np.abs(both[0] - both[1]).max() > 1e-3


# ---------------------------------------------------------------- learn_from: listener+others
def test_weights_come_from_own_and_others_training_rows_by_hand() -> None:
    group, vectors = made(alphas=[100.0], learn_from="listener+others")
    features, bold = group.features([vectors]).astype(np.float64), group.targets.astype(float)
    found = group.by_listener(group.score_features(features, group.targets, group.others))[0]
    people = bold.reshape(ROWS, 4, TARGETS)
    story, position = np.zeros(ROWS, int), np.arange(ROWS)
    for fold, (train, test) in enumerate(blocked_folds(story, position, 3, group.gap)):
        scaler = StandardScaler().fit(features[train])
        for one in range(3):
            own = people[train, one]
            others = people[train][:, [k for k in range(3) if k != one]].mean(1)
            learned = own + StandardScaler().fit_transform(others) * own.std(0)
            model = Ridge(100.0).fit(scaler.transform(features[train]), learned)
            predicted = model.predict(scaler.transform(features[test]))
            for target in range(TARGETS):
                r = np.corrcoef(predicted[:, target], people[test, one, target])[0, 1]
                assert found[fold, one, target] == pytest.approx(r, abs=1e-4)
    alone = made(alphas=[100.0])[0]
    own = alone.by_listener(alone.score_features(features, alone.targets))[0]
    np.testing.assert_allclose(found[:, 3], own[:, 3], atol=1e-5)  # the average learns from itself
    assert (found[:, :3] > own[:, :3]).mean() > 0.7


def test_held_out_rows_of_others_say_nothing() -> None:
    """In the last fold scores stay as they are whatever the others' held-out rows are."""
    group, vectors = made(learn_from="listener+others")
    features, others = group.features([vectors]), group.others
    assert others is not None
    found = group.score_features(features, group.targets, others)
    changed = others.copy()
    changed[-ROWS // 3 :] = 9 * np.random.default_rng(1).standard_normal((ROWS // 3 + 1, 12))
    again = group.score_features(features, group.targets, changed)
    np.testing.assert_allclose(again.r[:, 2], found.r[:, 2], atol=1e-6)
    assert not np.allclose(again.r[:, 0], found.r[:, 0], atol=1e-3)


def test_a_story_with_one_listener_has_nobody_else_to_learn_from() -> None:
    group, _ = made()
    story = group.stories[0]
    alone = StoryData("s", 1.5, story.onsets, story.times, story.bold.sel(subject=["1"]), {})
    with pytest.raises(EngramError, match="the story s has one listener, and nobody else"):
        Group([alone], ["1"], **OPTIONS, learn_from="listener+others")


# ---------------------------------------------------------------- noise, and a leak
#: How far noise may score from 0, and with an option from the default.
_NOTHING = 0.05


def noise_scores(high_passed: bool = False, **options: Any) -> float:
    """Mean R of slow noise features on noise BOLD, which was cleaned over the run as BOLD is.

    With `high_passed` features are cleaned over the whole run too: the leak that is no option.
    """
    rng, rows, people = np.random.default_rng(0), 150, 4
    found = []
    for _ in range(12):
        raw = rng.standard_normal((rows + 2, people * 4 + 200))
        raw = raw[2:] + 0.7 * raw[1:-1] + 0.3 * raw[:-2]
        raw += 0.3 * rng.standard_normal(raw.shape).cumsum(0)  # drifts, as scanners have them
        cleaned = clean(raw, None, 2.0, 1 / 128).astype(np.float32)
        bold, features = cleaned[:, : people * 4], raw[:, people * 4 :].astype(np.float32)
        if high_passed:
            features = cleaned[:, people * 4 :]
        if options.get("learn_from"):
            each = bold.reshape(rows, people, 4)
            others = (each.sum(1, keepdims=True) - each) / (people - 1)
            more: dict[str, Any] = {"others": others.reshape(rows, -1)}
        else:
            more = {}
        if options.get("penalty"):
            more["tied"] = np.tile(np.arange(4), people)
        preparation = Preparation(
            options.get("trend", "none"), options.get("scaling", "variance"),
            options.get("components"), 1,
        )  # fmt: skip
        scores = ridge.encode(
            features, bold, np.zeros(rows, int), np.arange(rows), folds=5, inner_folds=3, gap=5,
            alphas=[1.0, 100.0, 10_000.0],
            preparation=preparation, backend="numpy", **more,
        )  # fmt: skip
        found.append(scores.r.mean())
    return float(np.mean(found))


@pytest.mark.slow
def test_noise_scores_nothing_under_any_option_and_a_leak_is_noticed() -> None:
    default = noise_scores()
    assert abs(default) < _NOTHING
    options: list[dict[str, Any]] = [
        {"penalty": "listeners"},
        {"trend": "runs"},
        {"penalty": "listeners", "trend": "runs"},
        {"learn_from": "listener+others"},
        {"scaling": "none"},
        {"components": 20},
    ]
    for one in options:
        null = noise_scores(**one)
        assert abs(null) < _NOTHING and abs(null - default) < _NOTHING, one
    leak = noise_scores(high_passed=True)
    assert leak - default > 2 * _NOTHING
