"""What to know before believing the page: clocks, language, scans left out, coverage, warnings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from engram.report.clocks import Clocks
from engram.report.embedding import public
from engram.report.naming import people
from engram.wording import count, number

#: Scans left out that the banner names; all are further down.
_MOST_SCANS = 3
#: What a job that leaves a scan out says of it.
LEFT_OUT = " is left out: "
#: Scans in which fewer of the story's words were heard are spoken of.
_FEW_WORDS = 0.95


@dataclass(frozen=True)
class Caution:
    """Something to look at before the numbers.

    Attributes
    ----------
    title, why : str
        What it is, and what follows from it.
    lines : sequence of str
        Cases.
    place : str
        Where on the page there is more; empty where all is said.
    """

    title: str
    why: str
    lines: Sequence[str]
    place: str = ""


def cautions(
    scans: pd.DataFrame,
    config: Mapping[str, Any],
    clocks: Clocks,
    read_as_bytes: Sequence[str],
    warnings: Sequence[str],
) -> list[Caution]:
    """Return what a reader must know before the numbers, the gravest first.

    Parameters
    ----------
    scans : pandas.DataFrame
        The table `scans`.
    config : mapping
        The checked configuration.
    clocks : Clocks
        What the clock check found.
    read_as_bytes : sequence of str
        Models that do not know a story's language.
    warnings : sequence of str
        Of jobs.
    """
    found = [
        Caution(
            "Check these clocks.",
            "Words and scans may not be on the same clock, and then no score on this page is "
            "valid.",
            clocks.warnings,
        ),
        Caution(
            "A model does not know this language.",
            "Its scores say little of models that were trained on it.",
            read_as_bytes,
        ),
        Caution("Scans were left out.", "", _left_out(scans, people(config))),
        Caution("Parts of a story are outside of scans.", "", _coverage(scans)),
        Caution("Jobs warned of something.", "", _warned(warnings), "warnings"),
    ]
    return [one for one in found if one.lines]


def _left_out(scans: pd.DataFrame, who: str) -> list[str]:
    left = scans[scans["excluded"].notna()]
    named = [
        f"{who} {row.subject}, {row.story}: {public(str(row.excluded))}"
        for row in left.head(_MOST_SCANS).itertuples()
    ]
    more = len(left) - len(named)
    return [*named, *([f"and {count(more, 'other')} (How it was made)"] if more else [])]


def _coverage(scans: pd.DataFrame) -> list[str]:
    """Return how many scans do not cover their story, and the story that is covered least."""
    used = scans[scans["excluded"].isna()]
    short = used[used["words_in_scan"] < _FEW_WORDS]
    if short.empty:
        return []
    least = short.loc[short["words_in_scan"].idxmin()]
    return [
        f"{len(short)} of {count(len(used), 'scan')} hold less than {100 * _FEW_WORDS:.0f} % of "
        f"their story's words; fewest, {number(100 * least['words_in_scan'], 0)} %, in "
        f"{least['story']}, {least['subject']} (table scans)."
    ]


def _warned(warnings: Sequence[str]) -> list[str]:
    """Return how many warnings there are, those of scans left out apart, which are named here."""
    others = [one for one in warnings if LEFT_OUT not in one]
    return [f"{count(len(others), 'warning')}:"] if others else []
