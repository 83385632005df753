"""The maximum statistic against a computation of its own, and known answers."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from engram.statistics import maximum_statistic as maximum


def by_loops(observed: np.ndarray, null: np.ndarray) -> list[float]:
    """The same p, written out: each draw, each region."""
    draws = [observed, *null]
    scaled = []
    for draw in draws:
        scaled.append(
            [
                (value - np.mean([one[k] for one in draws]))
                / np.std([one[k] for one in draws], ddof=1)
                for k, value in enumerate(draw)
            ]
        )
    return [
        (1 + sum(max(other) >= scaled[0][k] for other in scaled[1:])) / len(draws)
        for k in range(len(observed))
    ]


@pytest.mark.parametrize("regions", [1, 2, 7])
def test_p_are_those_of_a_direct_computation(regions: int) -> None:
    rng = np.random.default_rng(regions)
    null = rng.standard_normal((29, regions)) * 10.0 ** np.arange(regions)
    observed = rng.standard_normal(regions) + np.arange(regions)
    np.testing.assert_allclose(maximum.corrected_p(observed, null), by_loops(observed, null))


def test_one_region_needs_no_correction() -> None:
    rng = np.random.default_rng(0)
    null, observed = rng.standard_normal((39, 1)), np.array([0.7])
    assert maximum.corrected_p(observed, null)[0] == (1 + (null >= 0.7).sum()) / 40


def test_regions_have_one_scale() -> None:
    """A region that varies a thousand times as much does not hide the others."""
    null = np.random.default_rng(1).standard_normal((39, 3))
    observed = np.array([4.0, 0.0, 0.0])
    p = maximum.corrected_p(observed, null)
    scales, shift = np.array([1.0, 1000.0, 0.001]), np.array([0.0, 5.0, -3.0])
    np.testing.assert_array_equal(
        maximum.corrected_p(scales * observed + shift, scales * null + shift), p
    )
    assert p[0] <= 0.05 < p[1:].min()


def test_ties_count_against_what_was_observed() -> None:
    rng = np.random.default_rng(2)
    null = rng.standard_normal((39, 4))
    null[5] = observed = np.full(4, 3.0)
    assert (maximum.corrected_p(observed, null) == 2 / 40).all()
    assert (maximum.corrected_p(observed, np.tile(observed, (39, 1))) == 1).all()


def test_constant_and_missing_regions_take_no_part() -> None:
    rng = np.random.default_rng(3)
    null, observed = rng.standard_normal((39, 2)), np.array([3.0, 0.0])
    alone = maximum.corrected_p(observed, null)
    more = np.column_stack([null, np.zeros(39), np.r_[np.nan, np.zeros(38)]])
    p = maximum.corrected_p(np.r_[observed, 0.0, 1.0], more)
    np.testing.assert_array_equal(p[:2], alone)
    assert p[2] == 1 and np.isnan(p[3])
    assert maximum.corrected_p(np.zeros(0), np.zeros((39, 0))).size == 0
    assert (maximum.corrected_p(np.ones(2), np.zeros((0, 2))) == 1).all()  # no draws


def test_over_regions_a_true_null_is_rejected_as_often_as_it_says() -> None:
    """The smallest p over six regions that go together is uniform; by p alone it is not."""
    rng = np.random.default_rng(4)
    smallest = []
    for _ in range(2000):
        draws = rng.standard_normal((20, 6)) + rng.standard_normal((20, 1))
        smallest.append(maximum.corrected_p(draws[0], draws[1:]).min())
    for share in (0.05, 0.2, 0.5):
        low, high = stats.binom.ppf([0.0005, 0.9995], 2000, share)
        assert low <= np.sum(np.array(smallest) <= share) <= high


def test_by_the_null_alone_it_would_be_rejected_too_often() -> None:
    """Why what was observed is among the draws that give mean and standard deviation."""
    rng = np.random.default_rng(5)
    found = {"all": 0, "null alone": 0}
    for _ in range(500):
        draws = rng.standard_normal((40, 148))
        found["all"] += int(maximum.corrected_p(draws[0], draws[1:]).min() <= 0.05)
        z = (draws - draws[1:].mean(0)) / draws[1:].std(0, ddof=1)
        found["null alone"] += int((1 + (z[1:].max(1) >= z[0].max()).sum()) / 40 <= 0.05)
    low, high = stats.binom.ppf([0.0005, 0.9995], 500, 0.05)
    assert low <= found["all"] <= high < found["null alone"]


def test_over_seeds_all_labellings_are_taken_in_all_regions_alike() -> None:
    rng = np.random.default_rng(6)
    tunings, controls = rng.standard_normal((4, 3)), rng.standard_normal((4, 3))
    tunings[:, 0] += 2
    both = np.vstack([tunings, controls])
    draws = np.array(
        [
            both[list(chosen)].mean(0) - both[[k for k in range(8) if k not in chosen]].mean(0)
            for chosen in combinations(range(8), 4)
        ]
    )
    z = (draws - draws.mean(0)) / draws.std(0, ddof=1)
    expected = [(z.max(1) >= z[0, k] - 1e-9).mean() for k in range(3)]
    np.testing.assert_allclose(maximum.seed_p(tunings, controls), expected)


def test_many_seeds_are_sampled() -> None:
    weights = maximum.labellings(12, 12)
    assert weights.shape == (10_000, 24)
    np.testing.assert_allclose(weights[0], np.repeat([1 / 12, -1 / 12], 12))
    np.testing.assert_allclose(weights.sum(1), 0, atol=1e-12)
    assert len(maximum.labellings(4, 4)) == 70 and len(maximum.labellings(8, 8)) == 12_870


@pytest.mark.parametrize(
    ("regions", "draws", "expected"), [(6, 39, 3.6), (6, 99, 3.3), (148, 39, 4.8)]
)
def test_what_is_detectable_without_correlation(regions: int, draws: int, expected: float) -> None:
    null = np.random.default_rng(7).standard_normal((draws, regions))
    assert maximum.detectable_spreads(null) == pytest.approx(expected, abs=0.15)


def test_what_is_detectable_is_found_in_four_of_five() -> None:
    """In simulated studies of regions that go together."""
    rng = np.random.default_rng(9)
    draws = rng.standard_normal((600, 40, 6)) + rng.standard_normal((600, 40, 1))
    spreads = maximum.detectable_spreads(draws[0, 1:])
    draws[:, 0, 0] += spreads * np.sqrt(2)
    found = [maximum.corrected_p(one[0], one[1:])[0] <= 0.05 for one in draws]
    assert 0.75 < np.mean(found) < 0.85


def test_what_goes_together_is_corrected_for_less() -> None:
    rng = np.random.default_rng(9)
    apart = rng.standard_normal((39, 30))
    alike = rng.standard_normal((39, 1)) + 0.05 * rng.standard_normal((39, 30))
    one = maximum.detectable_spreads(apart[:, :1])
    assert one <= maximum.detectable_spreads(alike) < maximum.detectable_spreads(apart) - 0.5


def test_too_few_draws_detect_nothing() -> None:
    """With 18 draws of the null the smallest p is 1/19, above 0.05."""
    null = np.random.default_rng(10).standard_normal((18, 4))
    assert maximum.corrected_p(np.full(4, 100.0), null).min() > 0.05
    assert np.isnan(maximum.detectable(null)).all()
    assert np.isnan(maximum.detectable(null[:1])).all()
    enough = np.random.default_rng(10).standard_normal((19, 4))
    assert maximum.corrected_p(np.full(4, 100.0), enough).min() == 0.05
    constant = np.column_stack([enough, np.zeros(19)])
    np.testing.assert_array_equal(np.isnan(maximum.detectable(constant)), [*[False] * 4, True])


def test_what_is_detectable_over_seeds() -> None:
    assert np.isnan(maximum.detectable_seed_spreads(2, 2, 3))  # six labellings
    one, six = (maximum.detectable_seed_spreads(4, 4, regions) for regions in (1, 6))
    rng, found = np.random.default_rng(11), 0
    for _ in range(400):
        seeds = rng.standard_normal((8, 6))
        seeds[:4, 2] += six
        found += int(maximum.seed_p(seeds[:4], seeds[4:])[2] <= 0.05)
    assert 0.73 < found / 400 < 0.87 and one < six
