"""Features of a fold: what is learned from training rows, against direct computations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.signal import detrend
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from engram.encoding.backends import arrays
from engram.encoding.folds import blocked_folds
from engram.encoding.preparation import (
    Preparation,
    contiguous,
    moments,
    prepared,
    prepared_blocks,
    row_numbers,
)

ROWS = 90
STORY = np.repeat([0, 1], [50, 40])
POSITION = np.concatenate([np.arange(50), np.arange(40)])


def of_fold(fold: int, how: Preparation, backend: str = "numpy") -> tuple[Any, ...]:
    """Features, the rows of a fold, and what becomes of them."""
    rng = np.random.default_rng(0)
    features = (rng.standard_normal((ROWS, 6)) + rng.uniform(-5, 5, 6)).cumsum(0)
    features = features.astype(np.float32)
    train, test = blocked_folds(STORY, POSITION, 3, 2)[fold]
    xp = arrays(backend)
    numbers = row_numbers(STORY, POSITION)
    made = prepared(xp.asarray(features), train, test, numbers, how, xp)
    return features.astype(np.float64), train, test, xp.to_numpy(made)


def test_runs_end_where_rows_are_left_out_and_where_stories_do() -> None:
    train, test = blocked_folds(STORY, POSITION, 3, 2)[1]
    numbers = row_numbers(STORY, POSITION)
    assert [train[run].tolist() for run in contiguous(numbers[train])] == [
        list(range(15)), list(range(36, 50)), list(range(50, 62)), list(range(79, 90)),
    ]  # fmt: skip
    assert [len(test[run]) for run in contiguous(numbers[test])] == [17, 13]


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("fold", [0, 1, 2])
def test_a_line_is_taken_off_within_each_run_of_rows(backend: str, fold: int) -> None:
    features, train, test, found = of_fold(fold, Preparation("runs"), backend)
    numbers = row_numbers(STORY, POSITION)
    parts = [
        detrend(features[rows[run]], axis=0)
        for rows in (train, test)
        for run in contiguous(numbers[rows])
    ]
    expected = np.concatenate(parts)
    scale = expected[: len(train)].std(0)
    np.testing.assert_allclose(found, expected / scale, atol=1e-9)


def test_rows_too_few_for_a_line_become_0() -> None:
    numbers = np.array([0, 1, 5, 9, 10, 11])
    rows = np.arange(12, dtype=float).reshape(6, 2) ** 2
    xp = arrays("numpy")
    made = prepared(rows, np.arange(6), np.arange(0), numbers, Preparation("runs"), xp)
    assert np.abs(made[:3]).max() < 1e-9 and np.abs(made[3:]).min() > 0.1 and len(made) == 6


def test_features_that_are_not_scaled_are_centred_by_training_rows() -> None:
    features, train, test, found = of_fold(1, Preparation(scaling="none"))
    mean = features[train].mean(0)
    np.testing.assert_allclose(found, features[np.concatenate([train, test])] - mean, atol=1e-9)


def test_components_are_those_of_training_rows_at_all_delays() -> None:
    features, train, test, found = of_fold(1, Preparation("none", "none", 2, delays=2))
    seen = features[train].reshape(-1, 3)
    scaler = StandardScaler().fit(seen)
    pca = PCA(2).fit(scaler.transform(seen))
    rows = features[np.concatenate([train, test])]
    expected = np.concatenate(
        [pca.transform(scaler.transform(rows[:, block])) for block in (slice(3), slice(3, 6))],
        axis=1,
    )
    expected -= expected[: len(train)].mean(0)
    assert found.shape == (len(train) + len(test), 4)
    # A component's sign means nothing.
    signs = np.sign((found * expected).sum(0))
    np.testing.assert_allclose(found * signs, expected, atol=1e-6)


@pytest.mark.parametrize("how", [Preparation("runs"), Preparation(components=2, delays=2)])
def test_nothing_is_learned_from_held_out_rows(how: Preparation) -> None:
    """Training rows stay the same whatever the held-out ones are."""
    features, train, test, found = of_fold(0, how)
    changed = features.copy()
    changed[test] = 100 * np.random.default_rng(1).standard_normal((len(test), 6))
    xp, numbers = arrays("numpy"), row_numbers(STORY, POSITION)
    again = prepared(changed.astype(np.float32), train, test, numbers, how, xp)
    np.testing.assert_array_equal(again[: len(train)], found[: len(train)])
    assert not np.allclose(again[len(train) :], found[len(train) :])


def test_more_components_than_units_keep_all_units() -> None:
    assert of_fold(0, Preparation(components=9, delays=2))[3].shape[1] == 6


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("how", [Preparation(), Preparation(scaling="none")])
def test_blocks_of_columns_are_the_features_prepared_at_once(
    how: Preparation, backend: str
) -> None:
    """In float64, means of any size included, beside deviations a hundred thousandth of them."""
    rng, xp = np.random.default_rng(0), arrays(backend)
    features = rng.standard_normal((ROWS, 700)) * 10.0 ** rng.integers(-2, 2, 700)
    features += 10.0 ** rng.integers(-3, 4, 700)
    design, numbers = xp.asarray(features.astype(np.float32)), row_numbers(STORY, POSITION)
    folds = blocked_folds(STORY, POSITION, 3, 2)
    of_folds = moments(design, [train for train, _ in folds], how, xp, 1)
    for (train, test), of_fold in zip(folds, of_folds, strict=True):
        rows = np.concatenate([train, test])
        blocks = [xp.to_numpy(one) for one in prepared_blocks(design, rows, of_fold, xp, 1)]
        assert [one.shape[1] for one in blocks] == [256, 256, 188]
        expected = xp.to_numpy(prepared(design, train, test, numbers, how, xp))
        np.testing.assert_allclose(np.concatenate(blocks, axis=1), expected, rtol=1e-6, atol=1e-6)


def test_what_is_constant_in_training_rows_is_not_scaled() -> None:
    """Were its variance rounding and not 0, held-out rows would be multiplied by millions."""
    features = np.full((ROWS, 3), [0.1, 1e6, 0], dtype=np.float32)
    train, test = blocked_folds(STORY, POSITION, 3, 2)[0]
    features[test] += 1
    xp = arrays("numpy")
    (of_fold,) = moments(features, [train], Preparation(), xp, 1 << 20)
    assert of_fold.factors.tolist() == [1, 1, 1]
    (block,) = prepared_blocks(features, np.concatenate([train, test]), of_fold, xp, 1 << 20)
    np.testing.assert_allclose(block[len(train) :], 1, atol=1e-6)
    np.testing.assert_allclose(block[: len(train)], 0, atol=1e-6)


def test_moments_do_not_know_held_out_rows() -> None:
    features, train, test, _ = of_fold(0, Preparation())
    changed = features.copy()
    changed[test] = 1e3
    xp = arrays("numpy")
    (one,), (other,) = (
        moments(some, [train], Preparation(), xp, 1) for some in (features, changed)
    )
    np.testing.assert_array_equal(one.means, other.means)
    np.testing.assert_array_equal(one.factors, other.factors)
