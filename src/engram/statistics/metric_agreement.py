"""Whether models rank alike by brain score, identification and similarity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from engram.features.layers import reported_layer
from engram.statistics import columns, rankings, score_tables, significance
from engram.vocabulary import AVERAGE, ORIGINAL

#: Metrics as tables and figures name them, with what they are.
METRICS = {
    "R": "brain score R, mean over all targets",
    "identification": "rank accuracy by predicted BOLD",
    "decoding": "rank accuracy by decoded embeddings",
    "rsa": "RSA, word rate taken off",
    "similarity-encoding": "similarity encoding, mean r over targets",
}
#: Rows of the tables that a metric is taken from.
_DIRECTIONS = {"encoding": "identification", "decoding": "decoding"}
_SIMILARITIES = {"rsa": "rsa", "encoding": "similarity-encoding"}
AGREEMENT = (
    "Models by each metric at their reported layers, over all targets: the mean over stories, then "
    "single listeners; ranks among the study's models, and how far the order is that of R. "
    "Metrics differ in their units, and in what chance is."
)
AGREEMENT_COLUMNS = {
    "metric": "; ".join(f"'{name}': {what}" for name, what in METRICS.items()) + ".",
    "model": "Model or baseline.",
    **columns.FIXED_LAYER,
    **columns.N_LISTENERS,
    "value": "Mean over listeners.",
    **columns.interval("low", "high"),
    "rank": "Rank among models, 1 is the highest; ties get the mean of their ranks.",
    "rank_low": "95 % interval of the rank, over listeners that were drawn anew, in pairs.",
    "rank_high": "Its upper end.",
    "winner_changes": "Share of these draws in which another model is first by this metric.",
    "tau": "Kendall's tau-b of the order of models by this metric and by R; n/a with fewer than 3.",
    "w": "Kendall's W of the orders by all metrics: 1 where all agree.",
    "w_chance": "What W is on average for so many unrelated orders, 1 / metrics.",
}


def listener_values(
    scores: pd.DataFrame, tables: Mapping[str, pd.DataFrame], layer: int | None
) -> dict[str, pd.DataFrame]:
    """Return each metric's values: a row for each single listener, a column for each model.

    Parameters
    ----------
    scores : pandas.DataFrame
        Of `engram.statistics.score_tables.scores_table`.
    tables : mapping
        ``decoding`` and ``similarity``, where there are such tables.
    layer : int or None
        The layer to report.
    """
    scores = scores[(scores["text"] == ORIGINAL) & (scores["subject"] != AVERAGE)]
    reported = {
        model: reported_layer(int(part["layer"].max()), layer)
        for model, part in scores.groupby("model")
    }
    whole = _at(score_tables.by_subject(scores), reported)
    found = {"R": whole.pivot(index="subject", columns="model", values="score")}
    for name, column, kind, kinds in (
        ("decoding", "rank", "direction", _DIRECTIONS),
        ("similarity", "similarity", "metric", _SIMILARITIES),
    ):
        if name not in tables:
            continue
        table = _at(tables[name], reported)
        table = table[(table["subject"] != AVERAGE) & (table["set"] == "all")]
        for value, metric in kinds.items():
            part = table[table[kind] == value].dropna(subset=[column])
            if len(part):
                found[metric] = part.pivot_table(index="subject", columns="model", values=column)
    return found


def _at(table: pd.DataFrame, reported: Mapping[str, int]) -> pd.DataFrame:
    return table[table["layer"] == table["model"].map(reported)]


def agreement_table(
    scores: pd.DataFrame,
    tables: Mapping[str, pd.DataFrame],
    models: Sequence[str],
    layer: int | None,
    seed: int,
) -> pd.DataFrame:
    """Return models by each metric (the columns of `AGREEMENT_COLUMNS`).

    Parameters
    ----------
    scores, tables, layer
        As `listener_values` takes them.
    models : sequence of str
        All models of the study.
    seed : int
        Of the bootstrap.
    """
    found = listener_values(scores, tables, layer)
    depths = scores.groupby("model")["layer"].max()
    means = {name: values.reindex(columns=models).mean() for name, values in found.items()}
    w = rankings.kendalls_w(np.array([one.to_numpy() for one in means.values()]))
    rows = []
    for name, values in found.items():
        each = values.reindex(columns=models).to_numpy()
        drawn = rankings.bootstrap_means(each, seed)
        low, high = rankings.rank_interval(drawn)
        mean = means[name].to_numpy()
        order = rankings.ranks(mean)
        of_metric = {
            "n_listeners": len(each),
            "winner_changes": rankings.winner_changes(mean, drawn) if len(each) > 2 else np.nan,
            "tau": rankings.kendalls_tau(mean, means["R"].to_numpy()),
            "w": w,
            "w_chance": 1 / len(found),
        }
        for number, model in enumerate(models):
            ends = significance.interval(each[:, number], seed)
            rows.append(
                {
                    "metric": name,
                    "model": model,
                    "layer": reported_layer(int(depths[model]), layer),
                    "value": mean[number],
                    "low": ends[0],
                    "high": ends[1],
                    "rank": order[number],
                    "rank_low": low[number] if len(each) > 2 else np.nan,
                    "rank_high": high[number] if len(each) > 2 else np.nan,
                    **of_metric,
                }
            )
    return pd.DataFrame(rows, columns=list(AGREEMENT_COLUMNS))
