"""What the report says of brain scores: beside baselines, ceilings, chance and nuisance features.

Every sentence is built from the numbers, and says when there are none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from engram.features.layers import reported_layer
from engram.report.means import target_mean
from engram.report.naming import MOST_NAMED, people
from engram.statistics import significance
from engram.statistics.score_tables import by_subject
from engram.vocabulary import AVERAGE, ORIGINAL, WORD_RATE
from engram.wording import count, listed, number, span


def how_well(
    scores: pd.DataFrame,
    config: Mapping[str, Any],
    chance: pd.DataFrame | None = None,
    nuisance: pd.DataFrame | None = None,
) -> list[str]:
    """Return how well the models that the brain shows predict single listeners.

    It stands beside ceilings, baselines, chance and nuisance features.
    """
    original = scores[scores["text"] == ORIGINAL]
    depths = original.groupby("model")["layer"].max()
    layers = {
        model: reported_layer(int(depths[model]), config["reported_layer"])
        for model in config["scored"]
    }
    reported = original[original["layer"] == original["model"].map(layers)]
    single = reported[reported["subject"] != AVERAGE]
    means, average = (_means(part) for part in (single, reported[reported["subject"] == AVERAGE]))
    n_listeners = single["subject"].nunique()
    n_regions = len(single[["hemisphere", "roi"]].drop_duplicates())
    who, shown = people(config), list(config["shown"])
    where = f"{count(n_regions, 'region')} of {count(n_listeners, who)}"
    first = (
        "Mean brain score R (Pearson's r of predicted and recorded BOLD) over "
        f"{where}: {_by_model(shown, means)}."
    )
    rest = [model for model in config["scored"] if model not in shown]
    of_layers = [
        f"{model} {layers[model]} of {depths[model]}" for model in shown if model != WORD_RATE
    ]
    are_few = 0 < len(of_layers) <= MOST_NAMED
    said = [
        first,
        f"Layers, fixed beforehand: {listed(of_layers)}." if are_few else "",
        _intervals(single, shown, config["seed"]),
        f"Baselines: {_by_model(rest, means)}." if rest else "",
        *(_not_above(model, rest, means) for model in shown[:MOST_NAMED]),
        f"The average {who}: {_by_model(shown, average)}." if len(average) else "",
        _of_the_ceiling(single, shown, config["ceiling"]["floor"]),
        _above_chance(chance, shown),
        *(_unique(model, nuisance) for model in shown[:MOST_NAMED]),
    ]
    return [sentence for sentence in said if sentence]


def _means(scores: pd.DataFrame) -> pd.Series:
    """Return each model's score, mean over targets and then over listeners."""
    return by_subject(scores).groupby("model")["score"].mean()


def _by_model(models: Sequence[str], values: pd.Series) -> str:
    if len(models) <= MOST_NAMED:
        return listed([f"{model} {number(values[model])}" for model in models])
    return f"{len(models)} models {span(values[list(models)])}"


def _not_above(model: str, baselines: Sequence[str], means: pd.Series) -> str:
    """Return which baselines a model does not exceed: language may then not be what it predicts."""
    above = [baseline for baseline in baselines if means[baseline] >= means[model]]
    return f"In the mean {model} is not above {listed(above)}." if above else ""


def _intervals(single: pd.DataFrame, shown: Sequence[str], seed: int) -> str:
    by_listener = by_subject(single)
    ends = {
        model: significance.interval(
            by_listener.loc[by_listener["model"] == model, "score"].to_numpy(), seed
        )
        for model in shown
    }
    if len(shown) > MOST_NAMED or any(pd.isna(low) for low, _ in ends.values()):
        return ""
    said = [f"{model} {number(low)} to {number(high)}" for model, (low, high) in ends.items()]
    return f"95 % intervals over listeners: {listed(said)}."


def _of_the_ceiling(single: pd.DataFrame, shown: Sequence[str], floor: float) -> str:
    parts = [single[single["model"] == model] for model in shown]
    if single["ceiling"].isna().all():
        return ""  # the section on limits says so
    if single["ceiling"].isna().any():
        return "What a perfect model would reach, the ceiling, is not known for every listener."
    ceiling = target_mean(parts[0], "ceiling")
    if ceiling < max(floor, 1e-9):
        return (
            f"The mean ceiling, {number(ceiling)}, is too low to say what share of it is reached."
        )
    shares = span((100 * target_mean(part, "score") / ceiling for part in parts), 0)
    return (
        f"A perfect model would reach {number(ceiling)} (mean ceiling of single listeners); "
        f"this is {shares} % of it."
    )


def _above_chance(chance: pd.DataFrame | None, shown: Sequence[str]) -> str:
    if chance is None:
        return "R was not tested against chance here."
    mine = chance[chance["model"].isin(shown) & chance["p_corrected"].notna()]
    if mine.empty:
        return "R was not tested against chance: the stories are too short for circular shifts."
    if mine["smallest_p"].min() > significance.LEVEL:
        return (
            "Against chance (circular shifts of BOLD) no p below "
            f"{number(mine['smallest_p'].min())} can be reached."
        )
    above = [
        (
            f"{model} in {int((part['p_corrected'] <= significance.LEVEL).sum())} "
            f"of {count(len(part), 'region')}"
        )
        for model, part in mine.groupby("model", sort=False)
    ]
    return (
        f"Above chance (circular shifts of BOLD; p at most {significance.LEVEL}, corrected over "
        f"regions by the maximum statistic): {listed(above)}."
    )


def _unique(model: str, nuisance: pd.DataFrame | None) -> str:
    """Return what a language model predicts that nuisance features do not."""
    mine = nuisance[nuisance["model"] == model] if nuisance is not None else pd.DataFrame()
    if mine.empty:
        return ""
    said = [
        f"beyond {beyond}: {span(part['unique'], signed=True)}"
        for beyond, part in mine.groupby("beyond", sort=False)
    ]
    return f"What {model} alone predicts {'; '.join(said)}, by region."
