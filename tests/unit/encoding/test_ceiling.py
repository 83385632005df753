"""Ceilings: direct computations, and what a perfect model must normalise to."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from engram.datasets.time_courses import zscore
from engram.encoding import ceiling
from engram.encoding.folds import blocked_folds

OPTIONS = {"folds": 5, "gap": 3, "halves": 30, "seed": 0}


def listeners(
    n_subjects: int, n_rows: int, n_targets: int, share: float, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """A signal that all share (the given part of each one's variance), and each one's BOLD."""
    rng = np.random.default_rng(seed)
    signal = zscore(rng.standard_normal((n_rows, n_targets)))
    noise = rng.standard_normal((n_subjects, n_rows, n_targets))
    return signal, np.stack(
        [zscore(np.sqrt(share) * signal + np.sqrt(1 - share) * one) for one in noise]
    )


@pytest.mark.parametrize("share", [0.02, 0.1, 0.4])
@pytest.mark.parametrize("n_subjects", [8, 25])
def test_a_perfect_model_normalises_to_one(share: float, n_subjects: int) -> None:
    signal, bold = listeners(n_subjects, 600, 60, share)
    ceilings = ceiling.story_ceiling(bold, np.arange(600), **OPTIONS)
    blocks = blocked_folds(np.zeros(600, int), np.arange(600), 5, 3)
    average = ceiling.blockwise(signal, bold.mean(0), blocks).mean() / ceilings["average"].mean()
    single = (
        np.mean([ceiling.blockwise(signal, one, blocks).mean() for one in bold])
        / ceilings["single"].mean()
    )
    assert average == pytest.approx(1, abs=0.05)
    assert single == pytest.approx(1, abs=0.05)


def test_split_half_and_spearman_brown_by_hand() -> None:
    _, bold = listeners(4, 60, 3, 0.5)
    found = ceiling.story_ceiling(bold, np.arange(60), folds=3, gap=2, halves=400, seed=1)
    halves = [((0, 1), (2, 3)), ((0, 2), (1, 3)), ((0, 3), (1, 2))]
    direct = np.mean(
        [
            [
                [
                    np.corrcoef(bold[list(a)].mean(0)[rows, t], bold[list(b)].mean(0)[rows, t])[
                        0, 1
                    ]
                    for t in range(3)
                ]
                for rows in np.split(np.arange(60), 3)
            ]
            for a, b in halves
        ],
        axis=(0, 1),
    )
    # 400 random splits of three possible ones.
    np.testing.assert_allclose(found["split"], direct, atol=0.03)
    np.testing.assert_allclose(found["split_sb"], 2 * found["split"] / (1 + found["split"]))
    np.testing.assert_allclose(found["average"], np.sqrt(found["split_sb"]))


def test_the_mean_of_the_others_never_contains_the_listener() -> None:
    """A listener of pure noise correlates 0 with the others, however loud.

    An average that held the listener would not.
    """
    rng = np.random.default_rng(0)
    bold = rng.standard_normal((5, 4000, 10))
    found = ceiling.story_ceiling(bold, np.arange(4000), **OPTIONS)
    assert np.abs(found["loo"]).mean() < 0.03
    direct = np.corrcoef(bold[1:].mean(0)[:800, 0], bold[0, :800, 0])[0, 1]
    first = ceiling.blockwise(
        bold[1:].mean(0)[:800], bold[0, :800], [(np.arange(0), np.arange(800))]
    )[0]
    assert first == pytest.approx(direct)
    louder = bold.copy()
    louder[0] *= 1000
    np.testing.assert_allclose(
        ceiling.story_ceiling(louder, np.arange(4000), **OPTIONS)["loo"][0],
        found["loo"][0],
        atol=1e-9,
    )


def test_ridge_form_equals_scikit_learn() -> None:
    _, bold = listeners(4, 80, 3, 0.3)
    blocks = blocked_folds(np.zeros(80, int), np.arange(80), 4, 2)
    others = bold[1:].mean(0)
    direct = np.zeros(3)
    for target in range(3):
        for train, test in blocks:
            model = Ridge(alpha=10.0).fit(
                others[train, target : target + 1], bold[0, train, target]
            )
            direct[target] += (
                np.corrcoef(
                    model.predict(others[test, target : target + 1]), bold[0, test, target]
                )[0, 1]
                / 4
            )
    np.testing.assert_allclose(
        ceiling.one_feature_ridge(others, bold[0], blocks), direct, atol=1e-9
    )


def test_fewer_than_four_listeners_have_no_ceiling() -> None:
    _, bold = listeners(3, 60, 2, 0.5)
    assert all(
        np.isnan(value).all()
        for value in ceiling.story_ceiling(bold, np.arange(60), **OPTIONS).values()
    )


def test_listeners_who_share_nothing_have_a_ceiling_near_zero() -> None:
    _, bold = listeners(10, 300, 200, 0.0)
    found = ceiling.story_ceiling(bold, np.arange(300), **OPTIONS)
    assert abs(found["split"].mean()) < 0.02
    assert np.isfinite(found["single"]).all() and np.abs(found["single"]).max() <= 1


def test_the_order_of_listeners_and_targets_changes_nothing_but_the_splits() -> None:
    _, bold = listeners(6, 100, 5, 0.3)
    found = ceiling.story_ceiling(bold, np.arange(100), **OPTIONS)
    turned = ceiling.story_ceiling(bold[::-1, :, ::-1], np.arange(100), **OPTIONS)
    np.testing.assert_allclose(turned["loo"][::-1, ::-1], found["loo"], atol=1e-12)
