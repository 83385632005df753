"""The ranked table of models: R, its share of the ceiling, and differences with their tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from engram.features.layers import reported_layer
from engram.report.naming import Tables
from engram.statistics import significance
from engram.statistics.comparisons import ALL
from engram.statistics.score_tables import by_subject
from engram.vocabulary import AVERAGE, ORIGINAL, REINITIALISED_SUFFIX, WORD_RATE
from engram.wording import number


@dataclass(frozen=True)
class Gain:
    """A difference of two models' R.

    Attributes
    ----------
    value : float
        Mean over listeners.
    p : float
        Two-sided, over listeners, corrected over the models of the column; NaN where there is none.
    """

    value: float
    p: float = np.nan

    @property
    def said(self) -> str:
        """The difference as a cell has it."""
        return number(self.value, signed=True)

    @property
    def tested(self) -> str:
        """Its p as a cell has it; nothing where there is no test."""
        if pd.isna(self.p):
            return ""
        return f"p {number(self.p)}" if self.p >= 0.001 else "p < 0.001"


@dataclass(frozen=True)
class Ranked:
    """A row of the ranked table.

    Attributes
    ----------
    model : str
    layer : str
        The reported layer and the last one; empty where there is one layer.
    score, low, high : float
        Mean over targets and listeners; 95 % bootstrap interval over listeners.
    share : str
        Of the mean ceiling, as a percentage; empty where that is not known.
    to_best, to_word_rate, to_twin : Gain
        R minus that of the best model, of the word rate, and of the re-initialised twin; None
        where there is no such.
    is_baseline : bool
    """

    model: str
    layer: str
    score: float
    low: float
    high: float
    share: str
    to_best: Gain
    to_word_rate: Gain | None
    to_twin: Gain | None
    is_baseline: bool

    @property
    def interval(self) -> str:
        """The interval as a cell has it; nothing where there is none."""
        return "" if pd.isna(self.low) else f"{number(self.low)} to {number(self.high)}"


@dataclass(frozen=True)
class Ranking:
    """The ranked models, and what of the table's columns they have.

    Attributes
    ----------
    rows : sequence of Ranked
        The highest R first.
    n_listeners : int
    """

    rows: Sequence[Ranked]
    n_listeners: int

    @property
    def has_several(self) -> bool:
        """Whether there are models to be compared, beside a baseline."""
        return sum(not one.is_baseline for one in self.rows) > 1

    @property
    def title(self) -> str:
        """What the table is called on the page."""
        return "Models, ranked" if self.has_several else "Brain score"

    @property
    def smallest_p(self) -> float:
        """The smallest two-sided p that Wilcoxon's test over so many listeners can reach."""
        return float(2.0 ** (1 - self.n_listeners))

    @property
    def has_shares(self) -> bool:
        """Whether shares of the ceiling are known."""
        return any(one.share for one in self.rows)

    @property
    def has_word_rate(self) -> bool:
        """Whether the word rate was scored."""
        return any(one.to_word_rate for one in self.rows)

    @property
    def has_twins(self) -> bool:
        """Whether models have re-initialised twins."""
        return any(one.to_twin for one in self.rows)

    @property
    def has_tests(self) -> bool:
        """Whether differences were tested."""
        gains = (
            gain
            for one in self.rows
            for gain in (one.to_best, one.to_word_rate, one.to_twin)
            if gain is not None
        )
        return any(pd.notna(gain.p) for gain in gains)


def ranking(tables: Tables, config: Mapping[str, Any]) -> Ranking:
    """Return the models by their R at the reported layer, over single listeners.

    Twins of models have no row of their own: each model's difference to its own is shown.
    Differences and p are those of the table of comparisons, over all targets; p are corrected over
    the models of a column (Benjamini and Hochberg).

    Parameters
    ----------
    tables : mapping
        `scores`, and `comparisons` where the study has it.
    config : mapping
        With `scored`, `shown`, `reported_layer`, `seed` and `ceiling`.
    """
    scores = _reported(tables["scores"], config)
    by_listener = {
        model: part["score"].to_numpy()
        for model, part in by_subject(scores).groupby("model", sort=False)
    }
    means = {model: float(values.mean()) for model, values in by_listener.items()}
    wanted = [*config["shown"], *([WORD_RATE] if WORD_RATE in config["scored"] else [])]
    order = sorted(dict.fromkeys(wanted), key=lambda model: -means[model])
    models = [model for model in order if model != WORD_RATE] or order
    pairs = _pairs(tables.get("comparisons"))
    twins = {model: f"{model}{REINITIALISED_SUFFIX}" for model in order}
    columns = {
        "best": _gains({one: models[0] for one in order if one != models[0]}, means, pairs),
        "word rate": _gains({one: WORD_RATE for one in order if one != WORD_RATE}, means, pairs),
        "twin": _gains(twins, means, pairs),
    }
    rows = [
        Ranked(
            model,
            _layers(tables["scores"], scores, model),
            means[model],
            *significance.interval(by_listener[model], config["seed"]),
            _share(scores[scores["model"] == model], config["ceiling"]["floor"]),
            columns["best"].get(model, Gain(0.0)),
            columns["word rate"].get(model),
            columns["twin"].get(model),
            model == WORD_RATE,
        )
        for model in order
    ]
    return Ranking(rows, int(scores["subject"].nunique()))


def _reported(scores: pd.DataFrame, config: Mapping[str, Any]) -> pd.DataFrame:
    """Return the scores of single listeners in the stories as heard, at the reported layers."""
    original = scores[(scores["text"] == ORIGINAL) & (scores["subject"] != AVERAGE)]
    depth = original.groupby("model")["layer"].transform("max")
    wanted = depth.map(lambda last: reported_layer(int(last), config["reported_layer"]))
    return original[original["layer"] == wanted]


def _layers(table: pd.DataFrame, reported: pd.DataFrame, model: str) -> str:
    last = int(table.loc[table["model"] == model, "layer"].max())
    layer = int(reported.loc[reported["model"] == model, "layer"].iloc[0])
    return f"layer {layer} of {last}" if last else ""


def _share(mine: pd.DataFrame, floor: float) -> str:
    """Return the share of the mean ceiling that a model reaches."""
    if mine["ceiling"].isna().any():
        return ""
    score, ceiling = (
        float(np.average(mine[name], weights=mine["n_targets"])) for name in ("score", "ceiling")
    )
    return "" if ceiling < max(floor, 1e-9) else f"{number(100 * score / ceiling, 0)} %"


def _pairs(table: pd.DataFrame | None) -> dict[tuple[str, str], float]:
    """Return p over listeners of each pair of models, over all targets."""
    if table is None or table.empty:
        return {}
    of_models = table[
        (table["question"] == "models") & (table["roi"] == ALL) & (table["hemisphere"] == "B")
    ]
    found: dict[tuple[str, str], float] = {}
    for row in of_models.itertuples():
        found[row.a, row.b] = found[row.b, row.a] = float(row.p_listeners)
    return found


def _gains(
    others: Mapping[str, str],
    means: Mapping[str, float],
    pairs: Mapping[tuple[str, str], float],
) -> dict[str, Gain]:
    """Return each model's difference to another, p corrected over these models."""
    from scipy import stats

    known = {one: other for one, other in others.items() if other in means}
    p = {
        one: pairs[one, other]
        for one, other in known.items()
        if pd.notna(pairs.get((one, other), np.nan))
    }
    adjusted = stats.false_discovery_control(list(p.values())) if p else []
    corrected = dict(zip(p, adjusted, strict=True))
    return {
        one: Gain(means[one] - means[other], float(corrected.get(one, np.nan)))
        for one, other in known.items()
    }
