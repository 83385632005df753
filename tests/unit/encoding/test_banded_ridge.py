"""Banded ridge: against ridge and scikit-learn, known answers, order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from engram.encoding import banded_ridge, ridge
from engram.encoding.folds import blocked_folds

ROWS: dict[str, Any] = {"folds": 4, "gap": 3}
OPTIONS: dict[str, Any] = {**ROWS, "inner_folds": 3, "backend": "numpy"}
STORY, POSITION = np.zeros(240, dtype=int), np.arange(240)


def bands_and_bold(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A small band, a large one, and three targets: driven by the first, by both, by neither."""
    rng = np.random.default_rng(seed)
    small, large = rng.standard_normal((240, 4)), rng.standard_normal((240, 60))
    a, b = (values @ rng.standard_normal(values.shape[1]) for values in (small, large))
    signals = np.stack([a / a.std(), a / a.std() + 2 * b / b.std(), np.zeros(240)], axis=1)
    return small, large, (signals + 0.5 * rng.standard_normal((240, 3))).astype(np.float32)


def test_one_band_is_the_ridge_of_the_scores() -> None:
    _, large, bold = bands_and_bold()
    alphas = [10.0**power for power in range(-1, 9)]
    shares = banded_ridge.candidates(1)
    found = banded_ridge.banded_predictions(
        [large], bold, STORY, POSITION, alphas=alphas, shares=shares, **OPTIONS
    )
    r = banded_ridge.score_predictions(found, bold, STORY, POSITION, **ROWS)
    expected = ridge.encode(large, bold, STORY, POSITION, alphas=alphas, **OPTIONS).r.mean(1)
    np.testing.assert_allclose(r[:, :2], expected[:, :2], atol=1e-4)
    # Noise: penalties that tie may be told apart by the last digit.
    assert r[0, 2] == pytest.approx(expected[0, 2], abs=0.01)


def test_two_bands_are_ridge_on_scaled_features() -> None:
    """At fixed weights: scikit-learn's ridge on each band's features.

    They are scaled by the root of the band's weight.
    """
    small, large, bold = bands_and_bold()
    share, alpha = 0.3, 50.0
    found = banded_ridge.banded_predictions(
        [small, large],
        bold,
        STORY,
        POSITION,
        alphas=[alpha],
        shares=np.array([[1 - share, share]]),
        **OPTIONS,
    )
    for train, test in blocked_folds(STORY, POSITION, **{"n_folds": 4, "gap": 3}):
        parts = []
        for band, weight in ((small, 1 - share), (large, share)):
            scaler = StandardScaler().fit(band[train])
            parts.append(
                [
                    scaler.transform(band[rows]) * np.sqrt(weight * 64 / band.shape[1])
                    for rows in (train, test)
                ]
            )
        fit, held_out = (
            np.concatenate([one[number] for one in parts], axis=1) for number in (0, 1)
        )
        expected = Ridge(alpha=alpha).fit(fit, bold[train] - bold[train].mean(0)).predict(held_out)
        np.testing.assert_allclose(
            found[test] - found[test].mean(0), expected - expected.mean(0), atol=1e-3
        )


def test_what_a_band_adds_is_found() -> None:
    small, large, bold = bands_and_bold()
    options = {**OPTIONS, "alphas": [1.0, 10.0, 100.0, 1000.0]}
    scores = {
        name: banded_ridge.score_predictions(
            banded_ridge.banded_predictions(
                bands, bold, STORY, POSITION, shares=banded_ridge.candidates(len(bands)), **options
            ),
            bold,
            STORY,
            POSITION,
            **ROWS,
        )[0]
        for name, bands in {"small": [small], "large": [large], "both": [small, large]}.items()
    }
    unique = scores["both"] - scores["small"]
    assert abs(unique[0]) < 0.05 and unique[1] > 0.3  # nothing beyond the first band; most of it
    assert scores["both"][1] > scores["large"][1]


@pytest.mark.slow
def test_order_of_targets_changes_nothing() -> None:
    small, large, bold = bands_and_bold()
    options = {**OPTIONS, "alphas": [1.0, 100.0], "shares": banded_ridge.candidates(2)}
    first = banded_ridge.banded_predictions([small, large], bold, STORY, POSITION, **options)
    second = banded_ridge.banded_predictions(
        [small, large], bold[:, ::-1], STORY, POSITION, **options
    )
    np.testing.assert_allclose(first, second[:, ::-1], atol=1e-5)


def test_candidates_weigh_to_one_and_hold_each_band_alone() -> None:
    for n_bands in (1, 2, 3):
        found = banded_ridge.candidates(n_bands)
        np.testing.assert_allclose(found.sum(1), 1)
        assert (found >= 0).all() and all(
            (found == row).all(1).any() for row in np.eye(n_bands)[[0, -1]]
        )
