"""Variance partitions: against numpy alone, known answers, spaces that share a band."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from engram.encoding import partitions
from engram.encoding.banded_ridge import (
    banded_predictions,
    explained_variance,
    set_scores,
)
from engram.encoding.folds import blocked_folds, inner_folds_of
from engram.statistics.partition_tables import parts_of
from engram.study import banded_needs

N = 240
STORY, POSITION = np.zeros(N, dtype=int), np.arange(N)
ALPHAS = [10.0**power for power in range(7)]


class Rows:
    """What scoring takes of a group of listeners: one story's rows."""

    folds, gap, backend = 4, 3, "numpy"
    row_story, row_position = STORY, POSITION

    def __init__(self, targets: np.ndarray) -> None:
        self.targets = targets


def parts(
    bands: Mapping[str, Any], bold: np.ndarray, alphas: list[float] = ALPHAS
) -> dict[tuple[str, ...], np.ndarray]:
    """Return the parts of some bands: an R squared of each target."""
    sets = {"+".join(names): names for names in partitions.subsets(list(bands))}
    found = set_scores(
        Rows(bold),  # type: ignore[arg-type]
        bands,
        sets,
        {name: partitions.shares_of(len(members)) for name, members in sets.items()},
        inner_folds=3,
        alphas=alphas,
        measure="r2",
        size=60,
    )
    return parts_of(dict(zip(sets, found[:, 0], strict=True)))


def drawn(*sizes: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return bands of noise, and signals of 40 targets from each, of variance 1."""
    rng = np.random.default_rng(1)
    bands = [rng.standard_normal((N, size)) for size in sizes]
    signals = [band @ rng.standard_normal((band.shape[1], 40)) for band in bands]
    return bands, [signal / signal.std(0) for signal in signals]


def noise(n_targets: int, seed: int = 2) -> np.ndarray:
    """Return noise of variance 1."""
    return np.random.default_rng(seed).standard_normal((N, n_targets))


def test_disjoint_signals_sum_and_share_nothing() -> None:
    (a, b, c), (one, two, three) = drawn(4, 6, 5)
    bold = one + two + three + 0.3 * noise(40)
    found = parts({"a": a, "b": b, "c": c}, bold.astype(np.float32))
    # A third of the variance each. What is shared is a little below 0: the weights of a group are
    # learned better where the others take their part of the BOLD away.
    for part, values in found.items():
        expected = 1 / 3.09 if len(part) == 1 else -0.025
        assert values.mean() == pytest.approx(expected, abs=0.05), part
    whole = sum(values.mean() for values in found.values())
    assert whole == pytest.approx(3 / 3.09, abs=0.04)
    alone = parts({"a": a, "b": b}, (two + 0.3 * noise(40)).astype(np.float32))
    means = {part: values.mean() for part, values in alone.items()}
    assert means["b",] == pytest.approx(1 / 1.09, abs=0.04)
    assert means["a",] == pytest.approx(0, abs=0.01)
    assert means["a", "b"] == pytest.approx(0, abs=0.02)


def test_identical_spaces_share_all() -> None:
    (a,), (signal,) = drawn(5)
    bold = (signal + 0.5 * noise(40)).astype(np.float32)
    found = parts({"a": a, "b": a.copy()}, bold)
    np.testing.assert_allclose(found["a",], 0, atol=0.02)
    np.testing.assert_allclose(found["b",], 0, atol=0.02)
    assert found["a", "b"].mean() == pytest.approx(1 / 1.25, abs=0.03)


def test_noise_has_no_part() -> None:
    (a, b), _ = drawn(20, 30)
    found = parts({"a": a, "b": b}, noise(200).astype(np.float32))
    for part, values in found.items():
        assert abs(values.mean()) < 0.01, part
    # Parts below 0 are kept.
    assert min(values.min() for values in found.values()) < 0


def by_numpy(
    bands: list[np.ndarray], bold: np.ndarray, weights: list[np.ndarray], alphas: list[float]
) -> np.ndarray:
    """R squared of a banded ridge regression in primal form, as one would write it by hand."""

    def fitted(fit: np.ndarray, test: np.ndarray, weight: np.ndarray, alpha: float) -> Any:
        x = np.concatenate([s * np.sqrt(w) for s, w in zip(scaled, weight, strict=True)], axis=1)
        x_mean, y_mean = x[fit].mean(0), bold[fit].mean(0)
        centred = x[fit] - x_mean
        gram = centred.T @ centred + alpha * np.eye(x.shape[1])
        return (x[test] - x_mean) @ np.linalg.solve(gram, centred.T @ (bold[fit] - y_mean)) + y_mean

    scores = []
    for train, test in blocked_folds(STORY, POSITION, 4, 3):
        inner = inner_folds_of(STORY[train], POSITION[train], 4, 3, 3)
        scaled = [  # by the training rows
            (band - band[train].mean(0)) / band[train].std(0) * np.sqrt(60 / band.shape[1])
            for band in bands
        ]
        best = np.full(bold.shape[1], -np.inf)
        chosen: list[tuple[np.ndarray, float]] = [(weights[0], alphas[0])] * bold.shape[1]
        for weight in weights:
            for alpha in alphas:
                held = []
                for fit, check in inner:
                    real = bold[train[check]]
                    left = real - fitted(train[fit], train[check], weight, alpha)
                    held.append(1 - (left**2).mean(0) / real.var(0))
                mean = np.mean(held, axis=0)
                for target in np.flatnonzero(mean > best):
                    best[target], chosen[target] = mean[target], (weight, alpha)
        left = np.stack(
            [
                bold[test, target] - fitted(train, test, *chosen[target])[:, target]
                for target in range(bold.shape[1])
            ],
            axis=1,
        )
        scores.append(1 - left.var(0) / bold[test].var(0))
    return np.mean(scores, axis=0)


def test_equal_to_numpy_alone() -> None:
    (a, b), (one, two) = drawn(4, 7)
    signals = np.stack([one[:, 0] + two[:, 0], two[:, 1], 0 * one[:, 0]], axis=1)
    bold = signals + noise(3)
    alphas = [1.0, 100.0, 10_000.0]
    found = parts({"a": a, "b": b}, bold, alphas)
    alone = [by_numpy([band], bold, [np.ones(1)], alphas) for band in (a, b)]
    whole = by_numpy([a, b], bold, list(partitions.shares_of(2)), alphas)
    np.testing.assert_allclose(found["a",], whole - alone[1], atol=1e-4)
    np.testing.assert_allclose(found["b",], whole - alone[0], atol=1e-4)
    np.testing.assert_allclose(found["a", "b"], alone[0] + alone[1] - whole, atol=1e-4)


def test_spaces_of_a_band_weigh_the_same_whatever_their_size() -> None:
    (small, large), _ = drawn(2, 40)
    bold = noise(3).astype(np.float32)
    options: dict[str, Any] = {
        "folds": 4, "inner_folds": 3, "gap": 3, "alphas": [50.0], "backend": "numpy", "size": 42,
    }  # fmt: skip
    rows = (bold, STORY, POSITION)
    one_band = banded_predictions([[small, large]], *rows, shares=np.ones((1, 1)), **options)
    half = np.full((1, 2), 0.5)
    two_bands = banded_predictions([small, large], *rows, shares=half, **options)
    np.testing.assert_allclose(one_band, two_bands, atol=1e-5)


def test_weights_treat_bands_alike_and_hold_those_of_fewer() -> None:
    assert [len(partitions.shares_of(number)) for number in (1, 2, 3)] == [1, 5, 19]
    two, three = ({tuple(row) for row in partitions.shares_of(number)} for number in (2, 3))
    assert {row[::-1] for row in two} == two and {(*row, 0.0) for row in two} <= three
    # What planning counts: weights of all sets of two and of three groups.
    assert banded_needs.CANDIDATES == {2: 2 * 1 + 5, 3: 3 * 1 + 3 * 5 + 19}


def test_explained_variance_of_rows() -> None:
    recorded = noise(2)
    assert explained_variance(recorded, recorded + 5).tolist() == [1, 1]  # means count for nothing
    np.testing.assert_allclose(explained_variance(recorded, 0 * recorded), 0, atol=1e-12)
    assert (explained_variance(recorded, -recorded) < -2.9).all()
    assert explained_variance(np.ones((5, 1)), np.zeros((5, 1))) == 0
