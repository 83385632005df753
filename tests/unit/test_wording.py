"""Numbers, ranges and lists in sentences."""

from __future__ import annotations

import numpy as np
import pytest

from engram import wording
from engram.wording import origin, writers


@pytest.mark.parametrize(
    ("amount", "noun", "expected"),
    [
        (1, "story", "1 story"),
        (2, "story", "2 stories"),
        (2, "day", "2 days"),
        (0, "seed", "0 seeds"),
        (1200, "listener", "1,200 listeners"),
    ],
)
def test_counts_have_their_plural(amount: int, noun: str, expected: str) -> None:
    assert wording.count(amount, noun) == expected


@pytest.mark.parametrize(
    ("value", "signed", "expected"),
    [
        (0.1, False, "0.100"),
        (0.1, True, "+0.100"),
        (-0.1, False, "−0.100"),
        (-0.0001, True, "0.000"),
        (np.nan, True, "n/a"),
    ],
)
def test_numbers_have_a_minus_sign_and_zero_has_none(
    value: float, signed: bool, expected: str
) -> None:
    assert wording.number(value, signed=signed) == expected


def test_ranges_skip_what_is_missing() -> None:
    assert wording.span([0.1, np.nan, -0.2], signed=True) == "−0.200 to +0.100"
    assert wording.span([0.1, 0.1001]) == "0.100"
    assert wording.span([3.0, 1.0], 0) == "1 to 3"
    assert wording.span([np.nan]) == wording.span([]) == "n/a"


def test_percentages_are_signed() -> None:
    assert wording.percent(-0.123) == "−12 %" and wording.percent(0.1234, 1) == "+12.3 %"
    assert wording.percent(np.nan) == "n/a"


def test_lists_end_with_and() -> None:
    assert wording.listed(["a", "b", "c"]) == "a, b and c"
    assert wording.listed(["a"]) == "a" and wording.listed([]) == ""


def test_only_the_first_letter_becomes_a_capital() -> None:
    assert wording.capitalised("two of Alice") == "Two of Alice" and wording.capitalised("") == ""


def test_writers_are_named_once_each() -> None:
    found = wording.writers(["manual", "language model, gpt-4", "gpt-4"])
    assert found == ["a language model", "gpt-4", "people"]
    assert writers(["language model: tiny"]) == ["the language model tiny"]


def test_where_texts_come_from_is_people_a_model_or_norms() -> None:
    norms = "norms:kiss1973 (what people said to words, 1970s, not to this story)"
    assert origin(["manual", "language model, manual"]) == "written by a language model and people"
    assert origin([norms, norms]) == f"from norms: {norms.removeprefix('norms:')}"
    assert origin(["manual", norms]).startswith("written by people or from norms: kiss1973 (what")
    assert writers([f"{norms}, manual"]) == sorted([norms, "people"])
