"""Scores against scikit-learn's nested cross-validation, and known answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import pearsonr
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from engram.encoding import backends, ridge, timing
from engram.encoding.folds import blocked_folds

ALPHAS = [10.0**power for power in range(-1, 9)]


def sklearn_scores(
    features: np.ndarray,
    targets: np.ndarray,
    story: np.ndarray,
    position: np.ndarray,
    folds: int,
    inner_folds: int,
    gap: int,
    alpha_by: str,
) -> np.ndarray:
    """Nested cross-validation with scikit-learn alone, target by target, in float64."""

    def criterion(estimator: Any, x: np.ndarray, y: np.ndarray) -> float:
        prediction = estimator.predict(x)
        if alpha_by == "mse":
            return -float(((prediction - y) ** 2).mean())
        return float(pearsonr(prediction, y)[0]) if prediction.std() > 1e-12 else 0.0

    # Given float32, scikit-learn computes in it.
    features, targets = features.astype(np.float64), targets.astype(np.float64)
    r = np.zeros((len(np.unique(story)), folds, targets.shape[1]))
    for fold, (train, test) in enumerate(blocked_folds(story, position, folds, gap)):
        inner = blocked_folds(story[train], position[train], inner_folds, gap)
        for target in range(targets.shape[1]):
            search = GridSearchCV(
                make_pipeline(StandardScaler(), Ridge()),
                {"ridge__alpha": ALPHAS},
                scoring=criterion,
                cv=inner,
            )
            search.fit(features[train], targets[train, target])
            prediction = search.predict(features[test])
            for number, one in enumerate(np.unique(story)):
                rows = story[test] == one
                r[number, fold, target] = pearsonr(prediction[rows], targets[test[rows], target])[0]
    return r


def example(
    n_rows: int, n_features: int, n_targets: int, seed: int, noise: float = 3.0
) -> tuple[np.ndarray, np.ndarray]:
    """Correlated features on several scales, as language models have them.

    Targets follow them in part.
    """
    rng = np.random.default_rng(seed)
    latent = rng.standard_normal((n_rows, max(4, n_features // 3)))
    features = (
        latent @ rng.standard_normal((latent.shape[1], n_features))
        + 0.3 * rng.standard_normal((n_rows, n_features))
        + rng.uniform(-5, 5, n_features)
    )
    features *= 10 ** rng.uniform(-1, 1, n_features)
    targets = latent @ rng.standard_normal((latent.shape[1], n_targets)) / np.sqrt(
        latent.shape[1]
    ) + noise * rng.standard_normal((n_rows, n_targets))
    return features.astype(np.float32), targets.astype(np.float32)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("n_features", [12, 300])
@pytest.mark.parametrize("alpha_by", ["r", "mse"])
def test_equals_scikit_learn(backend: str, n_features: int, alpha_by: str) -> None:
    features, targets = example(100, n_features, 4, seed=1)
    story, position = np.zeros(100, int), np.arange(100)
    ours = ridge.encode(
        features,
        targets,
        story,
        position,
        folds=3,
        inner_folds=3,
        gap=3,
        alphas=ALPHAS,
        alpha_by=alpha_by,
        backend=backend,
    )
    np.testing.assert_allclose(
        ours.r, sklearn_scores(features, targets, story, position, 3, 3, 3, alpha_by), atol=1e-3
    )


def test_stories_are_scored_apart_and_equal_scikit_learn_under_mse() -> None:
    features, targets = example(150, 200, 2, seed=2)
    story, position = np.repeat([0, 1], [90, 60]), np.concatenate([np.arange(90), np.arange(60)])
    ours = ridge.encode(
        features,
        targets,
        story,
        position,
        folds=3,
        inner_folds=3,
        gap=4,
        alphas=ALPHAS,
        alpha_by="mse",
        backend="torch",
    )
    assert ours.r.shape == (2, 3, 2)
    np.testing.assert_allclose(
        ours.r, sklearn_scores(features, targets, story, position, 3, 3, 4, "mse"), atol=1e-3
    )


def test_batches_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    features, targets = example(120, 200, 50, seed=3)
    story, position = np.zeros(120, int), np.arange(120)
    options: dict[str, Any] = {
        "folds": 4,
        "inner_folds": 3,
        "gap": 2,
        "alphas": ALPHAS,
        "backend": "torch",
    }
    whole = ridge.encode(features, targets, story, position, **options)
    monkeypatch.setitem(backends._BATCH_BYTES, "torch", 4 * 10 * 30 * 7)  # seven targets at a time
    np.testing.assert_allclose(
        ridge.encode(features, targets, story, position, **options).r, whole.r, atol=1e-6
    )


@pytest.mark.slow
def test_noise_scores_zero() -> None:
    """Noise features against autocorrelated noise.

    The mean over 20 seeds is within three standard errors of 0.
    """
    means = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        features = rng.standard_normal((150, 200)).astype(np.float32)
        targets = np.cumsum(rng.standard_normal((150, 20)), axis=0) * 0.2 + rng.standard_normal(
            (150, 20)
        )
        scores = ridge.encode(
            features,
            targets.astype(np.float32),
            np.zeros(150, int),
            np.arange(150),
            folds=5,
            inner_folds=4,
            gap=5,
            alphas=ALPHAS,
            backend="torch",
        )
        means.append(scores.r.mean())
    assert abs(np.mean(means)) < 3 * np.std(means, ddof=1) / np.sqrt(20)
    assert np.std(means) > 0


def test_the_brain_as_its_own_feature_reaches_the_ceiling() -> None:
    rng = np.random.default_rng(0)
    bold = rng.standard_normal((250, 10)).astype(np.float32)
    scores = ridge.encode(
        bold,
        bold,
        np.zeros(250, int),
        np.arange(250),
        folds=5,
        inner_folds=5,
        gap=0,
        alphas=ALPHAS,
        backend="torch",
    )
    assert scores.r.min() > 0.99


def test_shifting_the_words_by_20_seconds_destroys_the_score() -> None:
    rng = np.random.default_rng(0)
    onsets, times = np.sort(rng.uniform(0, 450, 1200)), 1.5 * np.arange(300)
    vectors = rng.standard_normal((1200, 8)).astype(np.float32)
    features = timing.delayed_features(vectors, onsets, times, 1.5, [1, 2, 3, 4, 5, 6])
    bold = features.reshape(300, 6, 8).sum(1) @ rng.standard_normal(
        (8, 15)
    ) + 3 * rng.standard_normal((300, 15))
    story, position = np.zeros(300, int), np.arange(300)
    options: dict[str, Any] = {
        "folds": 5,
        "inner_folds": 5,
        "gap": 6,
        "alphas": ALPHAS,
        "backend": "torch",
    }
    right = ridge.encode(features, bold.astype(np.float32), story, position, **options).r.mean()
    late = timing.delayed_features(vectors, onsets + 20, times, 1.5, [1, 2, 3, 4, 5, 6])
    assert right > 0.4
    assert (
        abs(ridge.encode(late, bold.astype(np.float32), story, position, **options).r.mean()) < 0.1
    )


def test_constant_features_score_zero() -> None:
    rng = np.random.default_rng(0)
    features = np.ones((100, 3), dtype=np.float32)
    scores = ridge.encode(
        features,
        rng.standard_normal((100, 4)).astype(np.float32),
        np.zeros(100, int),
        np.arange(100),
        folds=4,
        inner_folds=3,
        gap=1,
        alphas=ALPHAS,
        backend="torch",
    )
    assert (scores.r == 0).all()


@pytest.mark.slow
def test_ill_conditioned_kernels_keep_their_precision() -> None:
    """Features with a dominant direction a million times as large as the others.

    With them float32 eigenvalues would turn negative.
    """
    features, targets = example(120, 200, 2, seed=4)
    features = features + 1e3 * np.random.default_rng(0).standard_normal((120, 1)).astype(
        np.float32
    )
    story, position = np.zeros(120, int), np.arange(120)
    ours = ridge.encode(
        features,
        targets,
        story,
        position,
        folds=3,
        inner_folds=3,
        gap=2,
        alphas=ALPHAS,
        backend="torch",
    )
    np.testing.assert_allclose(
        ours.r, sklearn_scores(features, targets, story, position, 3, 3, 2, "r"), atol=1e-3
    )
