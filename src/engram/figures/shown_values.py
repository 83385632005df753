"""Values that figures show: drawings and captions both take them from here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from engram.features.layers import reported_layer
from engram.features.variants import kind_of
from engram.vocabulary import AVERAGE, ORIGINAL, TUNING_CONTROLS

#: Hemispheres in the order of panels, and what they are called.
SIDES = {"L": "left hemisphere", "R": "right hemisphere", "B": "both hemispheres"}
#: Values are one-sided where none is further below 0 than this share of the largest.
_NEAR_ZERO = 0.1
#: Kinds of control texts that are drawn beside random ones.
_CONTROL_TEXTS = ("shuffled", "displaced", "repeat", "passage", "cues")


def regions_by_side(table: pd.DataFrame) -> dict[str, list[str]]:
    """Return the regions of a table by hemisphere, in alphabetical order."""
    return {
        side: sorted(set(table.loc[table["hemisphere"] == side, "roi"]))
        for side in SIDES
        if side in set(table["hemisphere"])
    }


def at_reported_layer(scores: pd.DataFrame, layer: int | None) -> pd.DataFrame:
    """Return the scores at each model's reported layer."""
    depth = scores.groupby("model")["layer"].transform("max")
    wanted = depth.map(lambda last: reported_layer(int(last), layer))
    return scores[scores["layer"] == wanted]


def n_single_listeners(scores: pd.DataFrame) -> int:
    """Return how many listeners have scores; the average listener does not count."""
    return int(scores.loc[scores["subject"] != AVERAGE, "subject"].nunique())


def of_single_listeners(scores: pd.DataFrame) -> pd.DataFrame:
    """Return scores of single listeners, or of the average listener where there is nobody else.

    Only scores of the original stories are kept.
    """
    scores = scores[scores["text"] == ORIGINAL]
    return scores[scores["subject"] != AVERAGE] if n_single_listeners(scores) else scores


def hemisphere_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the mean score over a hemisphere's targets of each subject, model and layer."""
    return _target_means(scores, "score", ["hemisphere", "model", "layer", "subject"])


def listener_reliability(ceilings: pd.DataFrame) -> pd.DataFrame:
    """Return each listener's correlation with the others, mean over targets, by story."""
    return _target_means(ceilings[ceilings["kind"] == "loo"], "ceiling", ["story", "subject"])


def listener_ceilings(ceilings: pd.DataFrame) -> pd.Series:
    """Return the mean ceiling over targets, then stories, by subject."""
    means = _target_means(ceilings, "ceiling", ["subject", "story"], sort=True)
    return means.groupby("subject")["ceiling"].mean()


def _target_means(
    table: pd.DataFrame, value: str, keys: list[str], sort: bool = False
) -> pd.DataFrame:
    """Return the mean of a column over targets, each with equal weight, for each key."""
    sums = (
        table.assign(weighted=table[value] * table["n_targets"])
        .groupby(keys, sort=sort)[["weighted", "n_targets"]]
        .sum()
    )
    return (sums["weighted"] / sums["n_targets"]).rename(value).reset_index()


def shown_controls(table: pd.DataFrame) -> list[str]:
    """Return the kinds of control texts, beside random ones, that a table of F has scores of."""
    return [kind for kind in _CONTROL_TEXTS if table[f"F_{kind}"].notna().any()]


def target_mean(table: pd.DataFrame, value: str) -> float:
    """Return a column's mean over targets."""
    return float(np.average(table[value], weights=table["n_targets"]))


def null_band(table: pd.DataFrame, controls: pd.DataFrame) -> tuple[float, float]:
    """Return between which values 95 % of null texts are, beside their mean.

    Each is a mean over targets. NaN where there is none.

    Parameters
    ----------
    table, controls : pandas.DataFrame
        F of one text and model, and of its controls, by region
        (`engram.statistics.association_tables`).
    """
    is_null = [kind_of(variant) == table["null"].iloc[0] for variant in controls["variant"]]
    sizes = table[["hemisphere", "roi", "n_targets"]]
    null = controls[is_null].merge(sizes, on=["hemisphere", "roi"])
    means = [target_mean(one, "F") for _, one in null.groupby("variant")]
    if not means:
        return np.nan, np.nan
    low, high = np.quantile(means, [0.025, 0.975]) - np.mean(means)
    return float(low), float(high)


def is_one_sided(values: np.ndarray) -> bool:
    """Tell whether values are one-sided: none is far below 0 beside the largest."""
    return not len(values) or float(values.min()) > -_NEAR_ZERO * float(np.abs(values).max())


def m_axis_bound(table: pd.DataFrame) -> float:
    """Return how far an axis of M reaches.

    It reaches as far as all values and intervals, but at most three times as far
    as the median of them.
    """
    reach = np.abs(table[["M", "M_low", "M_high"]].to_numpy(float))
    largest = np.nanmax(reach, axis=1, initial=0.0)
    usual = 3 * float(np.quantile(largest, 0.5))
    return max(0.02, min(float(largest.max()) * 1.02, max(usual, 0.05)))


def beyond(m: pd.Series, bound: float) -> pd.Series:
    """Return which values of M are beyond the axis; missing ones are not."""
    return m.abs() > bound


def tuning_p(table: pd.DataFrame) -> pd.Series:
    """Return the larger of the p against either control; n/a where one is."""
    return table[[f"p_{kind}_corrected" for kind in TUNING_CONTROLS]].max(axis=1, skipna=False)


@dataclass(frozen=True)
class Measure:
    """What is shown on the brain.

    Attributes
    ----------
    title, label : str
        Of the figure and of its colour bar.
    words : str
        The caption: what it is, n, test.
    rows : mapping
        By the row's title: values by hemisphere and region (a series), for markers.
    maps : mapping or None
        By the row's title: maps by hemisphere, for a surface.
    least : float
        The colour scale reaches at least this far, so that noise stays pale.
    sequential : bool
        Whether values begin at 0.
    percent : bool
        Whether values are shares.
    bound : float or None
        Where colours end; None: at the 99.5th percentile.
    """

    title: str
    label: str
    words: str
    rows: Mapping[str, pd.Series]
    maps: Mapping[str, Mapping[str, np.ndarray]] | None
    least: float
    sequential: bool = False
    percent: bool = False
    bound: float | None = None
