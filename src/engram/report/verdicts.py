"""How published claims, and what was planted in simulated listeners, came out."""

from __future__ import annotations

import pandas as pd

from engram.wording import count, listed


def verdict(claims: pd.DataFrame | None) -> str:
    """Return how many published claims were reproduced, were not, and could not be tested.

    It is nothing where no claim could be tested.
    """
    if claims is None or (claims["verdict"] == "not testable here").all():
        return ""
    amounts = claims["verdict"].value_counts()
    named = [
        f"{int(amounts[name])} {name}"
        for name in ("reproduced", "not reproduced", "not testable here")
        if name in amounts
    ]
    named += [
        f"{int(amount)} {name}"
        for name, amount in amounts.items()
        if name not in ("reproduced", "not reproduced", "not testable here")
    ]
    return f"Of {count(len(claims), 'published claim')}: {listed(named)}."


def planted(truth: pd.DataFrame | None) -> str:
    """Return how much of what was planted in simulated listeners was found; nothing for people."""
    if truth is None or truth.empty:
        return ""
    checks = truth[truth["found"].isin(["yes", "no"])]
    n_found, of_them = int((checks["found"] == "yes").sum()), "what was planted in these listeners"
    if n_found == len(checks):
        return f"All {count(n_found, 'check')} of {of_them} came out as planted (table truth)."
    return (
        f"Of {count(len(checks), 'check')} of {of_them} {n_found} came out as planted "
        "(table truth)."
    )
