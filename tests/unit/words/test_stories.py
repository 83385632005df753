"""Stories: complete times and sentences, worked out by hand."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings

from engram.errors import EngramError
from engram.words import stories

N = float("nan")


def table(
    words: str | list[str],
    onset: list[float],
    offset: list[float],
    ends: Any = pd.NA,
    pseudo_sentence: int = 15,
) -> pd.DataFrame:
    raw = pd.DataFrame(
        {
            "word": words.split() if isinstance(words, str) else words,
            "onset": onset,
            "offset": offset,
        }
    )
    raw["sentence_end"] = ends
    return stories.words_table(raw, pseudo_sentence, "tale")


def sentences(words: str, **options: Any) -> tuple[list[int], str]:
    number = len(words.split())
    made = table(words, list(range(number)), list(range(1, number + 1)), **options)
    return made["sentence"].tolist(), made["sentence_source"].iloc[0]


def test_columns_are_those_explained() -> None:
    assert list(table("a b", [0, 1], [1, 2]).columns) == list(stories.COLUMNS)


@pytest.mark.parametrize(
    ("onset", "offset", "expected"),
    [
        pytest.param([0, 1, 3], [1, 2.5, 4], [(0, 1), (1, 2.5), (3, 4)], id="complete"),
        pytest.param([0, N, N, 3], [1, N, N, 4], [(0, 1), (1, 2), (2, 3), (3, 4)], id="middle"),
        pytest.param([0, N, 1], [1, N, 2], [(0, 1), (1, 1), (1, 2)], id="middle without a gap"),
        pytest.param([N, N, 2], [N, N, 3], [(2, 2), (2, 2), (2, 3)], id="start"),
        pytest.param([0, N, N], [1, N, N], [(0, 1), (1, 1), (1, 1)], id="end"),
        pytest.param(
            [N, 2, N, 6, N],
            [N, 3, N, 7, N],
            [(2, 2), (2, 3), (3, 6), (6, 7), (7, 7)],
            id="everywhere",
        ),
        pytest.param(
            [0, 1, 1.2, 5],
            [0.5, N, N, 5.5],
            [(0, 0.5), (1, 1.2), (1.2, 1.7), (5, 5.5)],
            id="offsets: the usual duration, up to the next word",
        ),
        pytest.param([0, 1, 2], [0.2, 1.4, N], [(0, 0.2), (1, 1.4), (2, 2.3)], id="last offset"),
        pytest.param([0, 1], [N, N], [(0, 0), (1, 1)], id="no offset at all"),
        pytest.param([0, N, 3], [N, N, 4], [(0, 1), (1, 3), (3, 4)], id="offset before a gap"),
        pytest.param(
            [0, N, N, 2],
            [5, N, N, 3],
            [(0, 5), (2, 2), (2, 2), (2, 3)],
            id="after a word that outlasts the next timed one",
        ),
    ],
)
def test_missing_times_are_filled_in(
    onset: list[float], offset: list[float], expected: list[tuple[float, float]]
) -> None:
    made = table(["w"] * len(onset), onset, offset)
    np.testing.assert_allclose(made[["onset", "offset"]], expected)
    assert made["timed"].tolist() == ["true" if value == value else "false" for value in onset]


def test_no_time_at_all_is_an_error() -> None:
    with pytest.raises(EngramError, match="story tale: none of its 2 words has a time"):
        table("a b", [N, N], [1, 2])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("One two. Three four!", [0, 0, 1, 1]),
        ('"Who?" she said. Nobody.', [0, 1, 1, 2]),
        ("\u201cWho?\u201d he said (again.) \u2018No.\u2019 Yes", [0, 1, 1, 1, 2, 3]),
        ("Mr. and Mrs. Fox met Dr. Bear. They left.", [0, 0, 0, 0, 0, 0, 0, 1, 1]),
        ("Really?! Yes... no; perhaps, then: now.", [0, 1, 2, 2, 2, 2]),
        ("It is 3.14 or so. End.", [0, 0, 0, 0, 0, 1]),
    ],
)
def test_sentences_by_punctuation(words: str, expected: list[int]) -> None:
    assert sentences(words) == (expected, "punctuation")


@pytest.mark.parametrize("title", ["\u201cMr.", '"Mr.', "(Dr.", "\u2018Mrs.", "[(St."])
def test_abbreviation_behind_a_quotation_mark_ends_no_sentence(title: str) -> None:
    assert sentences(f"{title} Fox left. Yes.") == ([0, 0, 0, 1], "punctuation")


def test_pseudo_sentences_where_there_is_no_punctuation() -> None:
    assert sentences("a b c d e f g", pseudo_sentence=3) == ([0, 0, 0, 1, 1, 1, 2], "pseudo")


def test_a_stray_full_stop_is_no_punctuation() -> None:
    assert sentences("a. " + "b " * 149)[1] == "punctuation"
    assert sentences("a. " + "b " * 150)[1] == "pseudo"


def test_sentence_ends_of_the_dataset_win() -> None:
    assert sentences("One. Two three. Four", ends=[False, True, False, True]) == (
        [0, 0, 1, 1],
        "dataset",
    )


def test_dataset_that_does_not_say_everywhere_does_not_say() -> None:
    assert sentences("One. Two three.", ends=[False, True, pd.NA]) == ([0, 1, 1], "punctuation")


# For each word: seconds since the onset (or, without overlap, the offset) of the word before,
# duration, whether each time is known.
WORDS = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 30), st.booleans(), st.booleans()),
    min_size=1,
    max_size=12,
).filter(lambda words: any(word[2] for word in words))


@pytest.mark.slow
@pytest.mark.parametrize("overlap", [False, True])
@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(words=WORDS)
@example(words=[(0, 50, True, True), (10, 5, False, False), (20, 10, True, True)])
def test_times_are_in_order_whatever_is_missing(
    overlap: bool, words: list[tuple[int, int, bool, bool]]
) -> None:
    gaps, durations = (np.array([word[part] for word in words]) / 10 for part in (0, 1))
    onset = np.cumsum(gaps) if overlap else np.cumsum(gaps + np.concatenate([[0], durations[:-1]]))
    offset = onset + durations
    known = np.array([word[2] for word in words])
    known_offset = np.array([word[3] for word in words])
    made = table(
        ["w"] * len(words), list(np.where(known, onset, N)), list(np.where(known_offset, offset, N))
    )
    assert (np.diff(made["onset"]) >= 0).all()
    assert (made["offset"] >= made["onset"]).all()
    np.testing.assert_allclose(made["onset"][known], onset[known], atol=1e-4)
    np.testing.assert_allclose(
        made["offset"][known & known_offset], offset[known & known_offset], atol=1e-4
    )
