"""Caption of variance partitions."""

from __future__ import annotations

import pandas as pd

from engram.figures.captions.common import Words, lines_of_points
from engram.statistics.partition_tables import ALL, SHARED, UNIQUE
from engram.wording import count, number, span


def partitions(table: pd.DataFrame) -> Words:
    """Return the words of what groups of feature spaces explain alone, and what they share.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `engram.statistics.partition_tables`.
    """
    parts = table[table["kind"].isin([UNIQUE, SHARED])]
    first = table.iloc[0]
    found = int((parts["p_listeners_fdr"] <= 0.05).sum())
    sample = (
        f"{count(int(first['n_listeners']), 'listener')}, {count(int(first['n_stories']), 'story')}"
    )
    caption = (
        "Share of variance of held-out BOLD (R squared) that groups of feature spaces explain "
        f"alone (circles) and share (squares), by region; {sample}; banded ridge regression. Grey "
        "bars: all groups together, which is the sum of the parts. Points: means over listeners; "
        f"{lines_of_points(table['low'])}. {found} of {len(parts)} parts differ from 0 (p at most "
        "0.05, Wilcoxon over listeners, corrected by the false discovery rate): marked by stars. "
        "Shares below 0 are shown as they are."
    )
    said = []
    for name, mine in table.groupby("partition", sort=False):
        whole = mine[mine["kind"] == ALL]["r2"]
        said.append(f"{name}: all groups explain {span(whole)}.")
        for (kind, part), values in mine[mine["kind"].isin([UNIQUE, SHARED])].groupby(
            ["kind", "part"], sort=False
        ):
            mean = number(values["r2"].mean())
            said.append(f"{part}, {'alone' if kind == UNIQUE else 'shared'}: {mean} on average.")
    alt = "Points of explained variance by region. " + " ".join(said)
    return Words("Variance partitions", caption, alt)
