"""What figures of the brain show: R, ceilings, F and M, by region or on the cortex."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from engram.figures.captions import brain as captions
from engram.figures.captions.associations import association_title
from engram.figures.captions.tunings import tuning_title
from engram.figures.maps import ASSOCIATION_DIFFERENCE, INTER_SUBJECT, layer_name, region_maps
from engram.figures.shown_values import Measure, at_reported_layer, m_axis_bound
from engram.vocabulary import AVERAGE, ORIGINAL
from engram.wording import null_text

if TYPE_CHECKING:
    import xarray as xr

#: Hemispheres of a surface.
_SIDES = ("L", "R")

Maps = Mapping[str, Mapping[str, np.ndarray]]


def scores(
    table: pd.DataFrame, maps: Mapping[str, Maps] | None, models: Sequence[str], layer: int | None
) -> Measure:
    """Return what a figure of R shows, at each model's reported layer.

    Parameters
    ----------
    table : pandas.DataFrame
        Scores of `engram.statistics.score_tables`.
    maps : mapping or None
        By model, hemisphere (L, R) and layer, as `engram.figures.maps` names it: arrays of shape
        (n_vertices, ), NaN where no target is.
    models : sequence of str
    layer : int or None
        Layer to show; None: two thirds of each model's depth.
    """
    shown = at_reported_layer(
        table[(table["text"] == ORIGINAL) & (table["subject"] != AVERAGE)], layer
    )
    rows, found = {}, {}
    for model in models:
        part = shown[shown["model"] == model]
        depth = int(part["layer"].iloc[0])
        rows[f"{model}, layer {depth}"] = part.groupby(["hemisphere", "roi"])["score"].mean()
        if maps:
            found[f"{model}, layer {depth}"] = {
                side: maps[model][side][layer_name(depth)] for side in _SIDES
            }
    return Measure(
        "Brain score on the brain",
        "brain score R (Pearson r)",
        captions.scores(shown),
        rows,
        found or None,
        0.05,
    )


def ceilings(table: pd.DataFrame, maps: Maps | None) -> Measure:
    """Return what a figure of ceilings shows.

    Parameters
    ----------
    table : pandas.DataFrame
        Ceilings of `engram.statistics.score_tables`.
    maps : mapping or None
        By hemisphere and name, as `engram.figures.maps.ceiling_maps` names them.
    """
    rows, found = {}, {}
    for kind, name, title in (
        ("average", "average listener", "average listener: ceiling (Pearson r)"),
        ("single", "single listeners", "single listeners: ceiling (Pearson r), mean"),
        ("loo", INTER_SUBJECT, f"{INTER_SUBJECT} (Pearson r), mean"),
    ):
        part = table[table["kind"] == kind]
        rows[title] = (
            part.groupby(["story", "hemisphere", "roi"])["ceiling"]
            .mean()
            .groupby(["hemisphere", "roi"])
            .mean()
        )
        if maps:
            found[title] = {side: maps[side][name] for side in _SIDES}
    return Measure(
        "Ceiling and inter-subject correlation on the brain",
        "Pearson r",
        captions.ceilings(table),
        rows,
        found or None,
        0.05,
        sequential=True,
    )


def association(
    table: pd.DataFrame,
    maps: Mapping[tuple[str, str], Maps] | None,
    places: xr.Dataset | None,
    space: str | None,
) -> Measure:
    """Return what a figure of F minus that of null texts shows, a row for each text and model.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `engram.statistics.association_tables.association_table`.
    maps : mapping or None
        By text and model, hemisphere and name (`engram.figures.maps.association_maps`).
    places : xarray.Dataset or None
        Without maps: which vertices belong to which region, all of which are
        painted with its value.
    space : str or None
        Whose vertices they are.
    """
    parts = {
        (text, model): part for (text, model), part in table.groupby(["text", "model"], sort=False)
    }
    rows = {
        association_title(part): part.set_index(["hemisphere", "roi"])["F_minus_null"]
        for part in parts.values()
    }
    found = None
    if maps:
        found = {
            association_title(part): {
                side: maps[key][side][ASSOCIATION_DIFFERENCE] for side in _SIDES
            }
            for key, part in parts.items()
        }
    elif places is not None and space is not None:
        found = {title: region_maps(values, places, space) for title, values in rows.items()}
    return Measure(
        "Association effect on the brain",
        f"F minus F of {null_text(table['null'])}s (Pearson r)",
        captions.association(table, by_target=bool(maps)),
        rows,
        found,
        0.01,
    )


def tuning(
    table: pd.DataFrame,
    ceilings: pd.DataFrame,
    places: xr.Dataset | None,
    space: str | None,
    floor: float,
) -> Measure:
    """Return what a figure of M shows, a row for each tuning and model.

    Regions have one value each, since M is a ratio of means.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `engram.statistics.tuning_tables.tuning_table`.
    ceilings : pandas.DataFrame
        Of `engram.statistics.score_tables`.
    places, space
        As in `association`.
    floor : float
        Regions with a ceiling (of single listeners) below this are not shown: a ratio
        to an R near 0 has no meaning there.
    """
    bounds = ceilings[ceilings["kind"] == "single"].groupby(["hemisphere", "roi"])["ceiling"].mean()
    low = bounds.index[bounds < floor]
    shown = table[~pd.MultiIndex.from_frame(table[["hemisphere", "roi"]]).isin(low)]
    parts = [part for _, part in shown.groupby(["tuning", "model"], sort=False)]
    rows = {tuning_title(part): part.set_index(["hemisphere", "roi"])["M"] for part in parts}
    found = (
        {title: region_maps(values, places, space) for title, values in rows.items()}
        if places is not None and space is not None
        else None
    )
    return Measure(
        "Tuning effect on the brain",
        "M = (R_sft - R) / R",
        captions.tuning(table, shown, floor),
        rows,
        found,
        0.05,
        percent=True,
        bound=m_axis_bound(shown) if len(shown) else None,
    )
