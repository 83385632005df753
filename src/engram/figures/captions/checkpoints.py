"""Caption of the figure of checkpoints."""

from __future__ import annotations

import pandas as pd

from engram.figures.captions.common import SCORE, Words
from engram.statistics.checkpoint_tables import ALL
from engram.wording import count, number


def checkpoints(table: pd.DataFrame, changes: pd.DataFrame, pairs: pd.DataFrame | None) -> Words:
    """Return the words of R, and of minimal pairs, by training step.

    Parameters
    ----------
    table, changes : pandas.DataFrame
        Of `engram.statistics.checkpoint_tables`.
    pairs : pandas.DataFrame or None
        Of `engram.statistics.pair_tables`, of series alone.
    """
    whole, cuts = table[table["roi"] == ALL], changes[changes["roi"] == ALL]
    found = " ".join(
        f"{row.series} changes between steps {int(row.last_before):,} and "
        f"{int(row.first_after):,} (p = {number(row.p)} over orders of checkpoints; over listeners "
        f"the first step after it is {int(row.low):,} to {int(row.high):,})."
        for row in cuts.itertuples()
        if pd.notna(row.first_after)
    )
    of_pairs = (
        " Right: share of minimal pairs whose right sentence is the more probable one (sum of log "
        "probabilities), mean over phenomena, each phenomenon pale; chance is 0.5."
        if pairs is not None
        else ""
    )
    caption = (
        f"Checkpoints by training step, at their reported layer, mean over regions; {SCORE}; "
        f"{count(int(table['n_listeners'].max()), 'listener')}. Bands: 95 % bootstrap intervals "
        "(BCa) over listeners. Dotted: the re-initialised twin. Grey: where R changes, if two "
        f"levels are to describe it. {found}{of_pairs}"
    )
    said = [
        f"{name}: R {number(float(part['score'].iloc[0]))} at step {int(part['step'].iloc[0]):,}, "
        f"{number(float(part['score'].iloc[-1]))} at step {int(part['step'].iloc[-1]):,}."
        for name, part in whole.groupby("series", sort=False)
    ]
    return Words("Checkpoints", caption, "Lines of R by training step. " + " ".join(said))
