"""Captions of identification, similarity, and how models rank by each metric."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from engram.figures.captions.common import Words
from engram.vocabulary import AVERAGE
from engram.wording import count, number

#: What the two directions are, as titles have them.
DIRECTIONS = {"encoding": "from predicted BOLD", "decoding": "from decoded embeddings"}
#: What rank accuracy is, in every caption.
RANK = (
    "Rank accuracy: share of other segments of the same held-out block that are less alike than "
    "the true one, chance 0.5"
)


def decoding(table: pd.DataFrame, tests: pd.DataFrame, models: Sequence[str]) -> Words:
    """Return the words of identification by layer and by set of targets.

    Parameters
    ----------
    table, tests : pandas.DataFrame
        Of `engram.statistics.decoding_tables`.
    models : sequence of str
    """
    single = table[table["subject"] != AVERAGE]
    listeners = count(single["subject"].nunique(), "listener")
    stories = count(single["story"].nunique(), "story")
    found = int((tests["p_corrected"] <= 0.05).sum())
    caption = (
        f"Identification of segments of the story from BOLD; {listeners}, {stories}. {RANK}. "
        "Left: by layer, all targets; bands are 95 % confidence intervals of the mean over "
        "listeners (Student's t). Right: by set of targets at each model's reported layer; lines "
        "are 95 % bootstrap intervals (BCa) over listeners; crosses are the 95th percentile of "
        "circular shifts, everything fitted anew; grey bars are identification by the mean of the "
        f"other listeners. {found} of {len(tests)} tests have p at most 0.05, corrected over sets "
        "by the maximum statistic: marked by stars."
    )
    said = [
        f"{row.model}, {DIRECTIONS[row.direction]}, {row.set}: {number(row.rank)}."
        for row in tests.itertuples()
        if row.set == "all" and row.model in models
    ]
    alt = "Lines of rank accuracy by layer, and points by set of targets. " + " ".join(said)
    return Words("Identification of segments from BOLD", caption, alt)
