"""Nuisance control: features by hand, the solver against others, known answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from engram.encoding import nuisance, ridge
from engram.encoding.folds import blocked_folds
from engram.files import storage
from engram.statistics import unique_contributions

ROWS = {"folds": 4, "gap": 3}
OPTIONS: dict[str, Any] = {**ROWS, "inner_folds": 3, "backend": "numpy"}
STORY, POSITION = np.zeros(240, dtype=int), np.arange(240)


def test_features_by_hand() -> None:
    words = pd.DataFrame(
        {
            "word": ["The", "sea's", "calm.", "Go!"],
            "onset": [1.0, 1.5, 3.0, 3.2],
            "offset": [1.4, 2.0, 3.3, 3.6],
            "sentence": [0, 0, 0, 1],
        }
    )
    words = words.assign(
        log_frequency=[-3.0, np.nan, -6.0, -4.5], since_insertion=nuisance.since_insertion(4, [1])
    )
    found = nuisance.nuisance_vectors(words, list(nuisance.FEATURES))
    third = 1 / 3
    letters, pauses = [3.0, 4.0, 4.0, 2.0], [0.0, 0.1, 1.0, 0.0]  # a pause is never less than none
    expected = np.array(
        [
            [1.0] * 4,
            letters,
            [3.0, 3.0, 3.0, 1.0],
            [0.0, 1.0, 2.0, 0.0],
            [0.0, third, 2 * third, 1.0],
            pauses,
        ]
    )
    # An unknown frequency is a usual one.
    expected = np.concatenate([expected, [[-3.0, -4.5, -6.0, -4.5], [1.0, 1.0, 0.0, 1.0]]])
    np.testing.assert_allclose(found.T, expected, atol=1e-9)


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        pytest.param([1, 4], [2, 2, 0, 1, 2, 0, 1], id="before the first as far as the farthest"),
        pytest.param([4, 1], [2, 2, 0, 1, 2, 0, 1], id="in any order"),
        pytest.param([0], [5, 0, 1, 2, 3, 4, 5], id="behind the first word"),
        pytest.param([6], [0] * 7, id="behind the last word"),
        pytest.param([], [0] * 7, id="none"),
        pytest.param(range(7), [0] * 7, id="behind every word"),
    ],
)
def test_words_since_the_last_insertion(places: list[int], expected: list[int]) -> None:
    np.testing.assert_array_equal(nuisance.since_insertion(7, places), expected)


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
    shares = nuisance.candidates(1)
    found = nuisance.banded_predictions(
        [large], bold, STORY, POSITION, alphas=alphas, shares=shares, **OPTIONS
    )
    r = nuisance.score_predictions(found, bold, STORY, POSITION, **ROWS)
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
    found = nuisance.banded_predictions(
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


def test_candidates_weigh_to_one_and_hold_each_band_alone() -> None:
    for n_bands in (1, 2, 3):
        found = nuisance.candidates(n_bands)
        np.testing.assert_allclose(found.sum(1), 1)
        assert (found >= 0).all() and all(
            (found == row).all(1).any() for row in np.eye(n_bands)[[0, -1]]
        )
    assert nuisance.feature_sets(["language", "word-rate", "others"]) == {
        "language": ["language"],
        "word-rate": ["word-rate"],
        "word-rate+language": ["word-rate", "language"],
        "all": ["word-rate", "others"],
        "all+language": ["word-rate", "others", "language"],
    }
    assert list(nuisance.feature_sets(["language", "word-rate"])) == [
        "language",
        "word-rate",
        "word-rate+language",
    ]
    assert list(nuisance.feature_sets(["language", "others"])) == [
        "language",
        "all",
        "all+language",
    ]


def test_what_a_band_adds_is_found() -> None:
    small, large, bold = bands_and_bold()
    options = {**OPTIONS, "alphas": [1.0, 10.0, 100.0, 1000.0]}
    scores = {
        name: nuisance.score_predictions(
            nuisance.banded_predictions(
                bands, bold, STORY, POSITION, shares=nuisance.candidates(len(bands)), **options
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
    options = {**OPTIONS, "alphas": [1.0, 100.0], "shares": nuisance.candidates(2)}
    first = nuisance.banded_predictions([small, large], bold, STORY, POSITION, **options)
    second = nuisance.banded_predictions([small, large], bold[:, ::-1], STORY, POSITION, **options)
    np.testing.assert_allclose(first, second[:, ::-1], atol=1e-5)


def test_table_is_a_direct_computation(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sets = ["language", "word-rate", "word-rate+language"]
    r = rng.uniform(0, 0.2, (3, 2, 5, 1)).astype(np.float32)
    coordinates = {
        "features": sets,
        "story": ["a", "b"],
        "subject": ["01", "02", "03", "04", "05"],
        "region_hemisphere": ("region", ["L"]),
        "region_roi": ("region", ["one"]),
        "region_targets": ("region", [3]),
    }
    path = str(tmp_path / "scores.nc")
    dataset = xr.Dataset(
        {"r": (("features", "story", "subject", "region"), r)},
        coords=coordinates,
        attrs={"reported_layer": 2, "nuisance": "word-rate"},
    )
    storage.write_dataset(path, dataset)
    table = unique_contributions.nuisance_table({"m": [path]}, 0)
    assert list(table.columns) == list(unique_contributions.COLUMNS) and len(table) == 1
    row = table.iloc[0]
    assert row["unique"] == pytest.approx((r[2] - r[1]).mean(), abs=1e-6) and row[
        "language"
    ] == pytest.approx(r[0].mean())
    assert (
        row["low"] < row["unique"] < row["high"]
        and np.isnan(row["p_stories"])
        and (row["n_listeners"], row["n_stories"]) == (5, 2)
    )
