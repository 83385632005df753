"""Caption of the figure of attention heads."""

from __future__ import annotations

import pandas as pd

from engram.figures.captions.common import SCORE, Words
from engram.wording import count, number


def heads(table: pd.DataFrame, specialisation: pd.DataFrame) -> Words:
    """Return the words of heads by layer and by region.

    Parameters
    ----------
    table, specialisation : pandas.DataFrame
        Of `engram.statistics.head_tables`.
    """
    shown = table[table["is_reported"] == 1]
    shifts = int(shown["n_shifts"].max())
    tested = shown.dropna(subset=["p_corrected"])
    found = [int((tested[p] <= 0.05).sum()) for p in ("p_corrected", "split_p_corrected")]
    test = (
        f"Stars: above {count(shifts, 'circular shift')} of BOLD, p at most 0.05 corrected over "
        "heads and regions by the maximum statistic "
        f"({found[0]} of {len(tested)} heads by themselves, {found[1]} parts)."
        if len(tested)
        else "No test: a story is too short to be shifted."
    )
    many = table["layer"].nunique() > 1
    reported = f"{'Lines: the' if many else 'The'} reported layer, fixed beforehand."
    special = " ".join(
        f"{row.model}: differences between heads by region in one half of the stories come back in "
        f"the other by r = {number(row.reproduced, 2)} (p = {number(row.p)})."
        for row in specialisation.itertuples()
    )
    caption = (
        f"Attention heads, scaled to the same variance; {SCORE}, mean over "
        f"{count(int(table['n_listeners'].max()), 'listener')}. A head by itself, and the part of "
        "R of all heads of its layer that its weights carry; parts add up to R of the layer and "
        f"can be negative. {reported} {test} {special}"
    )
    said = []
    for space, mine in shown.groupby("model", sort=False):
        by_head = mine.groupby("head")["score"].mean()
        best = int(by_head.idxmax())
        said.append(
            f"{space}, layer {int(mine['layer'].iloc[0])}: head {best} by itself predicts best "
            f"over regions, R {number(float(by_head[best]))}, the least one "
            f"{number(float(by_head.min()))}."
        )
    alt = "Maps of the scores of attention heads, by layer and by region. " + " ".join(said)
    return Words("Attention heads", caption, alt)
