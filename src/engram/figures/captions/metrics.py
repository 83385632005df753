"""Captions of identification, similarity, and how models rank by each metric."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from engram.figures.captions.common import Words
from engram.vocabulary import AVERAGE
from engram.wording import count, null_text, number

#: What the two directions are, as titles have them.
DIRECTIONS = {"encoding": "from predicted BOLD", "decoding": "from decoded embeddings"}
SIMILARITIES = {"rsa": "RSA", "encoding": "similarity encoding"}
#: What metrics are called on an axis.
METRICS = {"R": "brain score", "rsa": "RSA", "similarity-encoding": "similarity encoding"}
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
        f"{_drawn(table, tests)} Everything is fitted anew for each shift. Grey bars: "
        "identification by the mean of the other listeners."
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
        f"weighted by how alike the text is. {_drawn(table, tests)} Grey bars: lower noise "
        "ceiling of RSA."
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


def has_layers(table: pd.DataFrame) -> bool:
    """Whether some model was measured at several layers."""
    return bool((table.groupby("model")["layer"].nunique() > 1).any())


def _drawn(table: pd.DataFrame, tests: pd.DataFrame) -> str:
    found = int((tests["p_corrected"] <= 0.05).sum())
    layers = (
        "Left: by layer; bands are 95 % confidence intervals of the mean over listeners (Student's "
        "t). Right: by"
        if has_layers(table)
        else "By"
    )
    return (
        f"{layers} set of targets at each model's reported layer; lines are 95 % bootstrap "
        "intervals (BCa) over listeners; crosses are the 95th percentile of circular shifts. "
        f"{found} of {len(tests)} tests have p at most 0.05, corrected over sets by the maximum "
        "statistic: marked by stars."
    )


def identified_association(table: pd.DataFrame) -> Words:
    """Return the words of F of rank accuracy by set of targets.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `engram.statistics.identified_effects.association_table`.
    """
    null, found = null_text(table["null"]), int((table["p_texts_corrected"] <= 0.05).sum())
    caption = (
        "Association effect by identification: rank accuracy of segments told by BOLD predicted "
        "from the story with associations, minus that from the story alone, by set of targets, at "
        f"the reported layer. {RANK}. n = {count(int(table['n_listeners'].max()), 'listener')} "
        f"(mean; lines are 95 % bootstrap intervals, BCa). Grey: "
        f"{count(int(table['n_null'].max()), null)}, from their mean to their 95th percentile. "
        "Test: one-sided, over texts, corrected over sets, texts and models by the maximum "
        f"statistic; {_passed(found, len(table))}"
    )
    said = [
        f"{row.text}, {row.model}, {row.set}: F {number(row.F)}, {null}s {number(row.F_null)}."
        for row in table.itertuples()
        if row.set == "all"
    ]
    alt = "Points by set of targets, beside bars of null texts. " + " ".join(said)
    return Words("Association effect by identification", caption, alt)


def identified_tuning(table: pd.DataFrame) -> Words:
    """Return the words of what tuning changes in rank accuracy, by set of targets.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `engram.statistics.identified_effects.tuning_table`.
    """
    p = table[["p_shuffled_corrected", "p_generic_corrected"]].max(axis=1, skipna=False)
    caption = (
        "Tuning effect by identification: rank accuracy of segments told by BOLD predicted from "
        "the tuned model, minus that from the base model, by set of targets, at the reported "
        f"layer. {RANK}. n = {count(int(table['n_listeners'].max()), 'listener')} (mean; lines are "
        "95 % bootstrap intervals, BCa). Diamonds: control tunings. Test: one-sided, over seeds, "
        "against both kinds of control tunings, corrected over sets by the maximum statistic; "
        f"{_passed(int((p <= 0.05).sum()), len(table))}"
    )
    said = [
        f"{row.tuning}, {row.model}, {row.set}: {number(row.difference)}."
        for row in table.itertuples()
        if row.set == "all"
    ]
    alt = "Points by set of targets, beside control tunings. " + " ".join(said)
    return Words("Tuning effect by identification", caption, alt)


def _passed(found: int, tests: int) -> str:
    return f"{found} of {count(tests, 'test')} {'has' if found == 1 else 'have'} p at most 0.05."
