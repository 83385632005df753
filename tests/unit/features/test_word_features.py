"""Nuisance features by hand, and the sets of bands that are scored."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from engram.encoding.nuisance.bands import feature_sets
from engram.features import word_features


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
        log_frequency=[-3.0, np.nan, -6.0, -4.5],
        since_insertion=word_features.since_insertion(4, [1]),
    )
    found = word_features.word_features(words, list(word_features.FEATURES))
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
    np.testing.assert_array_equal(word_features.since_insertion(7, places), expected)


def test_sets_of_bands_are_without_and_with_the_language_model() -> None:
    assert feature_sets(["language", "word-rate", "others"]) == {
        "language": ["language"],
        "word-rate": ["word-rate"],
        "word-rate+language": ["word-rate", "language"],
        "all": ["word-rate", "others"],
        "all+language": ["word-rate", "others", "language"],
    }
    assert list(feature_sets(["language", "word-rate"])) == [
        "language",
        "word-rate",
        "word-rate+language",
    ]
    assert list(feature_sets(["language", "others"])) == [
        "language",
        "all",
        "all+language",
    ]
