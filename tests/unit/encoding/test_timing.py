"""Words to TRs, against rows and features worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from engram.bold import story_rows
from engram.encoding import timing

TR = 1.5


def test_word_enters_row_of_onset_plus_delay() -> None:
    times = 10.0 + TR * np.arange(8)
    onsets = np.array([10.0, 11.49, 11.5, 16.1])  # rows 0, 0, 1, 4
    vectors = np.array([[1.0, 10.0], [2.0, 20.0], [4.0, 40.0], [8.0, 80.0]])
    design = timing.delayed_features(vectors, onsets, times, TR, [1, 2])
    expected_first_unit = np.array(
        [[0, 0], [3, 0], [4, 3], [0, 4], [0, 0], [8, 0], [0, 8], [0, 0]], float
    )
    np.testing.assert_array_equal(design[:, [0, 2]], expected_first_unit)  # delay 1, delay 2
    np.testing.assert_array_equal(design[:, 1], 10 * expected_first_unit[:, 0])


def test_onset_on_a_border_belongs_to_the_row_it_begins() -> None:
    times = 0.3 + 0.1 * np.arange(20)  # decimals that binary cannot hold
    for row in range(20):
        design = timing.delayed_features(
            np.ones((1, 1)), np.array([0.3 + 0.1 * row]), times, 0.1, [0]
        )
        assert np.flatnonzero(design[:, 0]).tolist() == [row]


def test_words_before_the_scan_act_through_their_delays_and_words_after_it_do_not() -> None:
    times = 6.0 + 2.0 * np.arange(4)
    design = timing.delayed_features(
        np.ones((3, 1)), np.array([3.0, 5.0, 99.0]), times, 2.0, [1, 2]
    )
    np.testing.assert_array_equal(design, [[1, 1], [0, 1], [0, 0], [0, 0]])


def test_mean_divides_by_the_words_of_the_row() -> None:
    design = timing.delayed_features(
        np.array([[1.0], [3.0], [5.0]]),
        np.array([0.0, 0.5, 2.1]),
        2.0 * np.arange(3),
        2.0,
        [0],
        "mean",
    )
    np.testing.assert_allclose(design[:, 0], [2, 5, 0])


def test_lanczos_equals_the_formula_word_by_word() -> None:
    onsets, times = np.array([0.4, 3.0, 7.7]), TR * np.arange(8)
    vectors = np.array([[1.0], [-2.0], [0.5]])
    design = timing.delayed_features(vectors, onsets, times, TR, [0], "lanczos")[:, 0]
    for row in range(8):
        total = 0.0
        for onset, (value,) in zip(onsets, vectors, strict=True):
            x = ((row + 0.5) * TR - onset) / TR
            if abs(x) < 3:
                total += value * (
                    1.0
                    if x == 0
                    else 3 * np.sin(np.pi * x) * np.sin(np.pi * x / 3) / (np.pi * x) ** 2
                )
        assert design[row] == pytest.approx(total, abs=1e-6)


def test_stories_never_leak_into_each_other() -> None:
    """A story's rows depend on its own words only, whatever stands beside them."""
    rng = np.random.default_rng(0)
    onsets, times = np.sort(rng.uniform(0, 30, 40)), TR * np.arange(20)
    vectors = rng.standard_normal((40, 3))
    alone = timing.delayed_features(vectors, onsets, times, TR, [1, 2, 3])
    assert (alone[0] == 0).all()  # nothing of the story's end wraps into its beginning
    early = onsets < times[5] + TR
    np.testing.assert_array_equal(
        timing.delayed_features(vectors[early], onsets[early], times[:5], TR, [1, 2, 3]), alone[:5]
    )


@pytest.mark.parametrize(
    ("tr", "delays"),
    [(2.0, [1, 2, 3, 4, 5]), (1.5, [1, 2, 3, 4, 5, 6]), (0.1, list(range(1, 101))), (12.0, [1])],
)
def test_default_delays_reach_ten_seconds(tr: float, delays: list[int]) -> None:
    assert timing.fir_delays(tr, 10.0, None) == delays


def test_given_delays_win_and_the_gap_is_the_last_one() -> None:
    assert timing.fir_delays(2.0, 10.0, [0, 4]) == [0, 4]
    assert timing.fold_gap([1, 4], "sum") == 4
    assert timing.fold_gap([1, 4], "lanczos") == 7


@pytest.mark.parametrize(
    ("start", "n_trs", "trim", "expected"),
    [
        # First word at 5 s (row 2), last offset 24 s + 8 s = 32 s: rows up to 30-32 s.
        (0.0, 100, 0, slice(2, 16)),
        (0.0, 100, 6, slice(6, 16)),
        (0.0, 10, 0, slice(2, 10)),  # the scan ends first
        (20.0, 100, 0, slice(0, 6)),  # the scan begins after the first word
        (100.0, 50, 0, slice(0, 0)),  # no overlap
    ],
)
def test_kept_rows(start: float, n_trs: int, trim: int, expected: slice) -> None:
    assert (
        story_rows.kept_rows(
            np.array([5.0, 23.5]), np.array([5.5, 24.0]), start, 2.0, n_trs, trim, 8.0
        )
        == expected
    )
