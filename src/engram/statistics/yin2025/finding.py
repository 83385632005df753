"""A finding: what a study has to say of one claim, with the verdict and why."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engram.statistics import significance

REPRODUCED, NOT_REPRODUCED, NOT_TESTABLE = "reproduced", "not reproduced", "not testable here"
_ANALOGUE = "The values shown are those of the nearest analogue."


@dataclass(frozen=True)
class Finding:
    """A row of the table, without the claim itself."""

    ours: str | None = None
    low: float = np.nan
    high: float = np.nan
    n: str | None = None
    test: str | None = None
    p: float = np.nan
    verdict: str = NOT_TESTABLE
    why: str = ""


def analogue(found: Finding, reason: str | None) -> Finding:
    """Return a finding that says nothing of the claim itself, and why.

    Without a reason it is returned as it is.
    """
    if reason is None:
        return found
    if found.ours is None or _ANALOGUE in found.why:
        why = f"{reason} {found.why}"
    elif found.verdict == NOT_TESTABLE:
        why = f"{reason} {_ANALOGUE} {found.why}"
    else:
        why = f"{reason} {_ANALOGUE} By itself: {found.verdict}. {found.why}"
    return replace(found, verdict=NOT_TESTABLE, why=why.strip())


def judge(
    low: float, high: float, p: float, size: tuple[float, float], direction: bool
) -> tuple[str, str]:
    """Return the verdict on a claim, and why.

    Parameters
    ----------
    low, high : float
        The 95 % interval of the effect.
    p : float
        Of the test that generalises beyond listeners.
    size : tuple of (smallest, largest)
        The published size.
    direction : bool
        Whether the claim is that there is an effect; else that it has this size.
    """
    if np.isnan(low) or np.isnan(high) or np.isnan(p):
        return (
            NOT_TESTABLE,
            "There is too little for an interval and a test that generalise beyond listeners.",
        )
    shown, overlaps = p <= significance.LEVEL and low > 0, low <= size[1] and high >= size[0]
    if shown and (direction or overlaps):
        return REPRODUCED, "The interval lies above 0" + (
            ", holds or touches the published size," if not direction else ""
        ) + " and the test agrees."
    if not overlaps:
        return NOT_REPRODUCED, "The interval excludes the published size."
    return (
        NOT_TESTABLE,
        (
            "The interval is too wide, or the test too weak: no effect and the published "
            "one are both possible."
        ),
    )
