"""What the report says of the clock check: whether words and scans run on one clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from engram.bold.clock import CONFIRMED, ENOUGH_LISTENERS, NOT_CONFIRMED, TOO_SHORT, clocks_of
from engram.report.naming import MOST_NAMED
from engram.wording import capitalised, count, listed


@dataclass(frozen=True)
class Clocks:
    """What the page says of clocks: warnings, and one line about all stories."""

    warnings: list[str]
    summary: str


def clocks(scans: pd.DataFrame, config: Mapping[str, Any]) -> Clocks:
    """Return what the clock check found (`engram.bold.clock`).

    There is a warning for each story whose clock seems wrong, and a line about all stories.
    Simulated listeners give no warnings: their BOLD follows what was planted in it, which need
    not be the word rate.
    """
    found = list(clocks_of(scans))
    simulated = config["simulated"]
    loud = (
        []
        if simulated
        else [
            f"{capitalised(said)}."
            for said in (one.said(story) for story, one in found if one.is_loud)
        ]
    )
    if not found:
        return Clocks([], "The clocks of words and scans were not checked.")
    verdicts = {
        verdict: [story for story, one in found if one.verdict == verdict]
        for verdict in dict.fromkeys(one.verdict for _, one in found)
    }
    parts = [f"{verdict} for {_named(stories)}" for verdict, stories in verdicts.items()]
    summary = f"Clocks of words and scans (BOLD follows the word rate): {'; '.join(parts)}."
    if simulated and set(verdicts) - {CONFIRMED}:
        summary += (
            " Simulated listeners follow what was planted in them, which need not be the word rate."
        )
    elif not loud and NOT_CONFIRMED in verdicts:
        summary += (
            f" Fewer than {ENOUGH_LISTENERS} listeners, or regions that do not follow words, "
            "cannot confirm a clock: that is no sign of a fault."
        )
    if TOO_SHORT in verdicts:
        summary += " Too short: under about three and a half minutes."
    return Clocks(loud, summary + " The check does not detect an error of about 3 s.")


def _named(stories: Sequence[str]) -> str:
    """Return stories by name, or how many there are of more than a few."""
    return listed(stories) if len(stories) <= MOST_NAMED else count(len(stories), "story")
