"""Captions of identification, similarity, and how models rank by each metric."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from engram.figures.captions.common import Words
from engram.vocabulary import AVERAGE
from engram.wording import count, number

#: What the two directions are, as titles have them.
DIRECTIONS = {"encoding": "from predicted BOLD", "decoding": "from decoded embeddings"}
SIMILARITIES = {"rsa": "RSA", "encoding": "similarity encoding"}
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
        Of `engram.statistics.metric_tables`.
    models : sequence of str
    """
    caption = (
        f"Identification of segments of the story from BOLD; {_sample(table)}. {RANK}. "
        f"{_drawn(tests)} Everything is fitted anew for each shift. Grey bars: identification by "
        "the mean of the other listeners."
    )
    said = [
        f"{row.model}, {DIRECTIONS[row.direction]}, {row.set}: {number(row.rank)}."
        for row in tests.itertuples()
        if row.set == "all" and row.model in models
    ]
    alt = "Lines of rank accuracy by layer, and points by set of targets. " + " ".join(said)
    return Words("Identification of segments from BOLD", caption, alt)


def similarity(table: pd.DataFrame, tests: pd.DataFrame, models: Sequence[str]) -> Words:
    """Return the words of similarity by layer and by set of targets.

    Parameters
    ----------
    table, tests : pandas.DataFrame
        Of `engram.statistics.metric_tables`.
    models : sequence of str
    """
    caption = (
        f"Similarity of models with brains, without fitted weights; {_sample(table)}. RSA: Pearson "
        "r of the dissimilarities of pairs of segments, centred within each lag, word rate taken "
        "off. Similarity encoding: Pearson r of recorded BOLD and the mean of training rows, "
        f"weighted by how alike the text is. {_drawn(tests)} Grey bars: lower noise ceiling of RSA."
    )
    said = [
        f"{row.model}, {SIMILARITIES[row.metric]}, {row.set}: {number(row.similarity)}."
        for row in tests.itertuples()
        if row.set == "all" and row.model in models
    ]
    alt = "Lines of similarity by layer, and points by set of targets. " + " ".join(said)
    return Words("Similarity of models with brains", caption, alt)


def metrics(table: pd.DataFrame, models: Sequence[str]) -> Words:
    """Return the words of models by each metric.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `engram.statistics.metric_agreement`.
    models : sequence of str
    """
    first = table.iloc[0]
    agree = (
        f" Kendall's W of the orders is {number(first['w'], 2)}; of unrelated ones it is "
        f"{number(first['w_chance'], 2)} on average."
        if pd.notna(first["w"])
        else ""
    )
    caption = (
        "Ranks of models by each metric at their reported layers, over all targets, mean over "
        f"stories and {count(int(first['n_listeners']), 'listener')}. Pale lines: 95 % of ranks "
        f"where listeners are drawn anew, in pairs (descriptive).{agree}"
    )
    said = [
        f"{metric}: {', '.join(part.sort_values('rank')['model'])}."
        for metric, part in table.dropna(subset=["rank"]).groupby("metric", sort=False)
    ]
    alt = f"Ranks of {count(len(models), 'model')} by metric, highest first. " + " ".join(said)
    return Words("Models by each metric", caption, alt)


def _sample(table: pd.DataFrame) -> str:
    single = table[table["subject"] != AVERAGE]
    return (
        f"{count(single['subject'].nunique(), 'listener')}, "
        f"{count(single['story'].nunique(), 'story')}"
    )


def _drawn(tests: pd.DataFrame) -> str:
    found = int((tests["p_corrected"] <= 0.05).sum())
    return (
        "Left: by layer; bands are 95 % confidence intervals of the mean over listeners (Student's "
        "t). Right: by set of targets at each model's reported layer; lines are 95 % bootstrap "
        "intervals (BCa) over listeners; crosses are the 95th percentile of circular shifts. "
        f"{found} of {len(tests)} tests have p at most 0.05, corrected over sets by the maximum "
        "statistic: marked by stars."
    )
