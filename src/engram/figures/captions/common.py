"""What captions of several figures share: what metrics are, and how tests came out."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

#: What R is, in every caption.
SCORE = (
    "R: Pearson r between recorded BOLD and BOLD predicted from the model (cross-validated FIR "
    "ridge regression) on held-out TRs, "
    "mean over test blocks and stories"
)
F_MEANING = (
    "F = R with the associations written into the story, minus R of the story alone (Pearson r)"
)
M_MEANING = (
    "M = (R of the tuned model - R of its base model) / R of its base model, a ratio "
    "of means over listeners"
)
#: Intervals that the tables of F and M hold.
_BOOTSTRAP = "95 % bootstrap interval (BCa) over listeners"
#: How tests of F and M are corrected.
_CORRECTED = "corrected by the maximum statistic"


@dataclass(frozen=True)
class Words:
    """A figure's words.

    Attributes
    ----------
    title : str
    caption : str
        How many listeners, stories, texts and seeds; the metric and its definition; the test;
        what an interval or a band is.
    alt : str
        What is to be seen, in words and numbers, for people who do not see it.
    """

    title: str
    caption: str
    alt: str


def lines_of_points(ends: pd.Series) -> str:
    """Return what the lines of points are; without ends there are too few listeners for any."""
    return f"lines: {_BOOTSTRAP}" if ends.notna().any() else "no interval: too few listeners"


def tests_below_level(number: int, of: int, against: str = "") -> str:
    """Return a sentence on how many tests have a corrected p of at most 0.05."""
    if of == 1:
        return f"The one test has p {'at most' if number else 'above'} 0.05{against}. "
    if not number:
        return f"None of {of} tests has p at most 0.05{against}, {_CORRECTED}. "
    return (
        f"{number} of {of} tests {'has' if number == 1 else 'have'} p at most 0.05{against}, "
        f"{_CORRECTED}: marked by stars. "
    )
