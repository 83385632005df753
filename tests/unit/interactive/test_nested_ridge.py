"""NestedRidge: the encoding's regression, held against scikit-learn's."""

from __future__ import annotations

from typing import Any
from unittest import SkipTest

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from engram.encoding.folds import blocked_folds
from engram.errors import EngramError
from engram.interactive.nested_ridge import NestedRidge

ALPHAS = (1.0, 100.0, 10_000.0)


def data(n_features: int, n_rows: int = 120, n_targets: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((n_rows, n_features)) * rng.uniform(0.1, 10, n_features) + 500
    targets = features @ rng.standard_normal((n_features, n_targets)) / 20
    return features, targets + rng.standard_normal(targets.shape) * targets.std() * [0.1, 1, 5] + 9


def pearson(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a, b)[0, 1])


def ridge(
    features: np.ndarray, target: np.ndarray, train: np.ndarray, alpha: float
) -> tuple[StandardScaler, Ridge]:
    scaler = StandardScaler().fit(features[train])
    return scaler, Ridge(alpha, solver="svd").fit(scaler.transform(features[train]), target[train])


def best_alpha(
    features: np.ndarray, target: np.ndarray, rows: np.ndarray, position: np.ndarray, gap: int
) -> float:
    """The penalty of the highest mean r over inner folds, by loops and scikit-learn."""
    folds = blocked_folds(np.zeros(len(rows), int), position[rows], 3, gap)

    def mean_r(alpha: float) -> float:
        found = []
        for fit, held_out in folds:
            scaler, model = ridge(features, target, rows[fit], alpha)
            predicted = model.predict(scaler.transform(features[rows[held_out]]))
            found.append(pearson(predicted, target[rows[held_out]]))
        return float(np.mean(found))

    return max(ALPHAS, key=mean_r)


@pytest.mark.parametrize("n_features", [20, 200])
def test_cross_validation_equals_loops_over_scikit_learn(n_features: int) -> None:
    features, targets = data(n_features)
    found = NestedRidge(ALPHAS, folds=2, inner_folds=3, gap=3).cross_validate(features, targets)
    position = np.arange(len(features))
    expected = np.empty_like(found)
    for fold, (train, test) in enumerate(blocked_folds(position * 0, position, 2, 3)):
        for target in range(3):
            y = targets[:, target]
            alpha = best_alpha(features, y, train, position, 3)
            scaler, model = ridge(features, y, train, alpha)
            expected[fold, target] = pearson(
                model.predict(scaler.transform(features[test])), y[test]
            )
    np.testing.assert_allclose(found, expected, atol=2e-4)


@pytest.mark.parametrize("n_features", [20, 200])
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_weights_are_those_of_scikit_learn_at_the_chosen_penalty(
    n_features: int, backend: str
) -> None:
    features, targets = data(n_features)
    fitted = NestedRidge(ALPHAS, inner_folds=3, backend=backend).fit(features, targets)
    new = data(n_features, 130)[0][120:]
    every = np.arange(len(features))
    assert len(set(fitted.alpha_)) > 1
    for target in range(3):
        y = targets[:, target]
        assert fitted.alpha_[target] == best_alpha(features, y, every, every, 0)
        scaler, model = ridge(features, y, every, fitted.alpha_[target])
        np.testing.assert_allclose(
            fitted.predict(new)[:, target], model.predict(scaler.transform(new)), rtol=1e-4
        )
    assert fitted.coef_.shape == (3, n_features) and fitted.intercept_.shape == (3,)


def test_one_target_may_be_flat_and_its_score_is_pearson_s_r() -> None:
    features, targets = data(20)
    fitted = NestedRidge(ALPHAS).fit(features, targets[:, 0])
    assert fitted.predict(features).shape == (120,) and fitted.coef_.shape == (20,)
    assert isinstance(fitted.alpha_, float) and isinstance(fitted.intercept_, float)
    expected = pearson(fitted.predict(features), targets[:, 0])
    assert fitted.score(features, targets[:, 0]) == pytest.approx(expected, abs=1e-6)
    assert NestedRidge(ALPHAS).cross_validate(features, targets[:, 0]).shape == (5, 1)


@pytest.mark.parametrize("scale", [1e-30, 1e30, 1e200])
def test_scores_do_not_depend_on_the_targets_scale(scale: float) -> None:
    features, targets = data(20)
    expected, found = NestedRidge(ALPHAS, gap=2), NestedRidge(ALPHAS, gap=2)
    np.testing.assert_allclose(
        found.cross_validate(features, targets * scale),
        expected.cross_validate(features, targets),
        atol=1e-6,
    )
    found.fit(features, targets * scale)
    np.testing.assert_allclose(
        found.predict(features) / scale, expected.fit(features, targets).predict(features), 1e-5
    )


@pytest.mark.parametrize("mean", [1e3, 1e5, -1e7])
def test_a_score_does_not_depend_on_the_targets_mean(mean: float) -> None:
    """BOLD as scanners write it has a mean that is large beside its deviations."""
    features, targets = data(20)
    expected = NestedRidge(ALPHAS).fit(features, targets).score(features, targets)
    moved = NestedRidge(ALPHAS).fit(features, targets + mean)
    assert expected > 0.3
    assert moved.score(features, targets + mean) == pytest.approx(expected, abs=1e-4)
    assert moved.score(np.tile(features[:1], (120, 1)), targets + mean) == 0


def test_stories_are_cut_into_folds_of_their_own() -> None:
    features, targets = data(20)
    names = np.repeat(["b", "a"], [70, 50])
    found = NestedRidge(ALPHAS, gap=2).cross_validate(features, targets, stories=names)
    assert found.shape == (2, 5, 3) and np.isfinite(found).all()
    one = NestedRidge(ALPHAS, gap=2).fit(features, targets, stories=names)
    assert one.coef_.shape == (3, 20)


def test_noise_is_not_predicted() -> None:
    rng = np.random.default_rng(1)
    features, targets = rng.standard_normal((200, 30)), rng.standard_normal((200, 40))
    assert abs(NestedRidge(gap=2).cross_validate(features, targets).mean()) < 0.03


def test_it_can_be_cloned_and_searched() -> None:
    one = clone(NestedRidge(ALPHAS, gap=4, scaling="none"))
    assert one.get_params()["gap"] == 4 and one.get_params()["scaling"] == "none"
    features, targets = data(10)
    search = GridSearchCV(one, {"gap": [0, 2]}, cv=3).fit(features, targets)
    assert search.best_params_["gap"] in (0, 2)


@pytest.mark.parametrize(
    ("options", "arguments", "message"),
    [
        ({"alpha_by": "R"}, {}, "alpha_by is 'R'"),
        ({"scaling": "std"}, {}, "scaling is 'std'"),
        ({"backend": "cuda"}, {}, "backend is 'cuda'; there are torch, torch_cuda, numpy"),
        ({"folds": 1}, {}, "folds is 1; a whole number from 2"),
        ({"folds": 2.5}, {}, "folds is 2.5"),
        ({"inner_folds": 0}, {}, "inner_folds is 0"),
        ({"gap": -1}, {}, "gap is -1; a whole number from 0"),
        ({"alphas": []}, {}, r"alphas is \[\]; penalties above 0"),
        ({"alphas": [0, 1]}, {}, "penalties above 0"),
        ({"alphas": "auto"}, {}, "penalties above 0"),
        ({"alphas": 10.0}, {}, "penalties above 0"),
        ({"gap": 60}, {}, "the stories are too short|training rows left"),
        ({}, {"stories": np.zeros(3)}, r"shape \(3,\)"),
        ({}, {"stories": np.arange(120) % 2}, "stand together"),
    ],
)
def test_what_cannot_be_is_said(
    options: dict[str, Any], arguments: dict[str, Any], message: str
) -> None:
    features, targets = data(10)
    with pytest.raises(EngramError, match=message):
        NestedRidge(**{"alphas": ALPHAS, **options}).cross_validate(features, targets, **arguments)


def test_a_score_needs_targets_of_the_shape_of_predictions() -> None:
    features, targets = data(10)
    fitted = NestedRidge(ALPHAS).fit(features, targets)
    with pytest.raises(EngramError, match=r"y has the shape \(120, 2\)"):
        fitted.score(features, targets[:, :2])
    with pytest.raises(EngramError, match=r"y has the shape \(119, 3\)"):
        fitted.score(features, targets[:119])


def test_weights_of_samples_are_refused() -> None:
    features, targets = data(10)
    with pytest.raises(EngramError, match="sample_weight"):
        NestedRidge(ALPHAS).fit(features, targets).score(features, targets, targets)  # type: ignore[arg-type]


@pytest.mark.slow
def test_checks_of_scikit_learn() -> None:
    failed = {}
    for estimator, check in estimator_checks_generator(NestedRidge(ALPHAS, inner_folds=2)):
        try:
            check(estimator)
        except SkipTest:
            pass  # another library, or a variable of the environment, would be needed
        except Exception as error:
            failed[check.func.__name__] = f"{type(error).__name__}: {error}"[:300]
    assert failed == {}
