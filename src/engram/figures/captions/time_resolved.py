"""Caption of R by window."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from engram.figures.captions.common import Words, lines_of_points, tests_below_level
from engram.wording import count, number, span


def time_resolved(table: pd.DataFrame, drawn: pd.DataFrame, shown: Sequence[str]) -> Words:
    """Return the words of R in windows of stories.

    Parameters
    ----------
    table, drawn : pandas.DataFrame
        Of `engram.statistics.time_resolved`: all, and the rows that are drawn.
    shown : sequence of str
        Models with a curve.
    """
    seconds = (drawn["end"] - drawn["begin"]).median()
    n_stories, left = drawn["story"].nunique(), table["story"].nunique() - drawn["story"].nunique()
    tested = drawn[drawn["p_corrected"].notna()]
    found = int((tested["p_corrected"] <= 0.05).sum())
    more = f" ({count(left, 'other story')} in the table)" if left else ""
    chance = (
        f"Crosses: 95th percentile of {count(int(tested['n_shifts'].iloc[0]), 'circular shift')} "
        "of BOLD, everything fitted anew. "
        + tests_below_level(found, len(tested), " over the windows of a model")
        if len(tested)
        else "Stories are too short for circular shifts. "
    )
    caption = (
        f"R of all targets in windows of about {number(seconds, 0)} s, at the reported layer; "
        f"{count(int(drawn['n_listeners'].max()), 'listener')}, {count(n_stories, 'story')}{more}. "
        "Each window is predicted by what was learned outside of its test block. Points: means "
        f"over listeners; {lines_of_points(drawn['low'])}. Grey bars: correlation of listeners "
        f"with the mean of the others. {chance}Windows are short: R of one is noisy."
    )
    said = []
    for model in shown:
        mine = drawn[drawn["model"] == model]
        if len(mine):
            best = mine.loc[mine["score"].idxmax()]
            said.append(
                f"{model}: {span(mine['score'])}, highest in {best['story']} from "
                f"{number(best['begin'], 0)} to {number(best['end'], 0)} s."
            )
    return Words(
        "Which minutes are predicted",
        caption,
        "Points of R by minute of the story. " + " ".join(said),
    )
