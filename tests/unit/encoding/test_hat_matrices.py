"""Decompositions of a fold, beside himalaya's and beside scikit-learn's ridge regression."""

from __future__ import annotations

import numpy as np
import pytest
from himalaya.backend import set_backend
from himalaya.kernel_ridge._random_search import _decompose_kernel_ridge
from himalaya.ridge._random_search import _decompose_ridge
from sklearn.linear_model import Ridge

from engram.encoding.backends import arrays
from engram.encoding.hat_matrices import decomposed, hat, kernel_of

ALPHAS = [0.1, 10.0, 1e4]
#: Training rows beyond a block of the kernel's columns.
N_TRAIN, N_TEST = 230, 40


def made(n_features: int) -> np.ndarray:
    """Features with a strong common direction, centred by the training rows."""
    rng = np.random.default_rng(n_features)
    rows = rng.standard_normal((N_TRAIN + N_TEST, n_features))
    rows += 5 * rng.standard_normal((len(rows), 1))
    return rows - rows[:N_TRAIN].mean(0)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("n_features", [12, 600])
def test_matrices_are_himalayas(n_features: int, backend: str) -> None:
    rows, xp = made(n_features), arrays(backend)
    found = np.stack(
        [xp.to_numpy(one) for one in decomposed(xp.asarray(rows), N_TRAIN, xp).matrices(ALPHAS)]
    )
    set_backend("numpy")
    train, test = rows[:N_TRAIN], rows[N_TRAIN:]
    if n_features > N_TRAIN:
        expected, _ = next(
            _decompose_kernel_ridge(
                train @ train.T, np.array(ALPHAS), Ktest=test @ train.T, n_alphas_batch=3
            )
        )
    else:
        weights, _ = next(_decompose_ridge(train, np.array(ALPHAS), n_alphas_batch=3))
        expected = test @ weights
    np.testing.assert_allclose(found, expected, atol=1e-9)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_a_kernel_comes_from_blocks_of_columns(backend: str) -> None:
    rows, xp = made(600), arrays(backend)
    blocks = [xp.asarray(rows[:, some]) for some in (slice(250), slice(250, 260), slice(260, 600))]
    found = xp.to_numpy(kernel_of(blocks, len(rows), N_TRAIN, xp))
    np.testing.assert_allclose(found, rows @ rows[:N_TRAIN].T, atol=1e-9)


@pytest.mark.parametrize("n_features", [12, 600])
def test_matrices_for_units_are_the_weights_of_ridge_regression(n_features: int) -> None:
    train, xp = made(n_features)[:N_TRAIN], arrays("numpy")
    targets = np.random.default_rng(0).standard_normal((N_TRAIN, 3))
    (matrix,) = decomposed(train, N_TRAIN, xp, units=True).matrices([10.0])
    expected = Ridge(10.0, fit_intercept=False).fit(train, targets).coef_.T
    np.testing.assert_allclose(matrix @ targets, expected, atol=1e-9)


@pytest.mark.parametrize("n_features", [12, 600])
def test_centred_matrices_take_the_mean_of_targets_off(n_features: int) -> None:
    rows, xp = made(n_features), arrays("numpy")
    parts = decomposed(rows, N_TRAIN, xp)
    plain, centred = list(parts.matrices(ALPHAS)), list(parts.centred().matrices(ALPHAS))
    targets = np.random.default_rng(0).standard_normal((N_TRAIN, 3)) + 100
    for one, other in zip(plain, centred, strict=True):
        np.testing.assert_allclose(other @ targets, one @ (targets - targets.mean(0)), atol=1e-7)
        assert np.abs(other.sum(-1)).max() < 1e-9


@pytest.mark.parametrize(
    ("n_features", "n_targets", "each", "is_in_factors"),
    [
        (600, 5, True, True),  # few targets
        (600, 20_000, True, False),
        (600, 20_000, False, False),
        (12, 20_000, True, True),  # few features: their axes are fewer than training rows
    ],
)
def test_predictions_are_those_of_scikit_learn_whatever_is_multiplied_first(
    n_features: int, n_targets: int, each: bool, is_in_factors: bool
) -> None:
    rows, xp = made(n_features), arrays("torch")
    found = hat(decomposed(xp.asarray(rows), N_TRAIN, xp), ALPHAS, n_targets, each, xp)
    assert (found.right is not None) == is_in_factors
    targets = 3 + np.random.default_rng(0).standard_normal((N_TRAIN, 4)).astype(np.float32)
    predictions = xp.to_numpy(found.at_each(xp.asarray(targets)))
    for place, alpha in enumerate(ALPHAS):
        model = Ridge(alpha).fit(rows[:N_TRAIN], targets)
        expected = model.predict(rows[N_TRAIN:]) - targets.mean(0)
        np.testing.assert_allclose(predictions[place], expected, atol=1e-4)
    own = np.array([2, 0, 1, 0])  # each target's penalty
    chosen = xp.to_numpy(found.at_chosen(own, xp.asarray(targets), xp))
    np.testing.assert_allclose(chosen, predictions[own, :, np.arange(4)].T, atol=1e-5)
