"""Figures of the brain: inflated and flat cortex for surfaces, else markers of regions.

There are markers where regions have coordinates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from engram.figures import style
from engram.figures.effect_figures import (
    F_MEANING,
    M_MEANING,
    association_title,
    readable,
    tuning_title,
)
from engram.figures.maps import ASSOCIATION_DIFFERENCE, layer_name, on_fsaverage5, region_maps
from engram.figures.score_figures import SCORE, at_reported_layer
from engram.figures.style import MM, PAGE, Drawn, count
from engram.vocabulary import AVERAGE, ORIGINAL

#: Of a hemisphere by its letter: nilearn's name.
_PARTS = {"L": "left", "R": "right"}
_VIEWS = (("L", "lateral"), ("L", "medial"), ("R", "medial"), ("R", "lateral"))
#: Behind what is painted: gyri light, sulci dark.
_SULCI = "Greys"
_MESH = (
    "drawn on fsaverage5, inflated (lateral and medial) and flat; grey: "
    "curvature, where no target is"
)
#: Letters of a row's title.
_LETTERS = 95

Maps = Mapping[str, Mapping[str, np.ndarray]]


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
        Colours reach so far or beyond, so that noise is pale.
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
                side: maps[model][side][layer_name(depth)] for side in _PARTS
            }
    words = (
        f"Brain score R on the brain. {SCORE}. n = "
        f"{count(shown['subject'].nunique(), 'listener')} (mean). Layers are fixed beforehand. "
        "No threshold, no test."
    )
    return Measure(
        "Brain score on the brain", "brain score R (Pearson r)", words, rows, found or None, 0.05
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
    for kind, name in (("average", "average listener"), ("single", "single listeners")):
        part = table[table["kind"] == kind]
        title = f"{name}: ceiling (Pearson r)" + (
            ", mean over listeners" if kind == "single" else ""
        )
        rows[title] = (
            part.groupby(["story", "hemisphere", "roi"])["ceiling"]
            .mean()
            .groupby(["hemisphere", "roi"])
            .mean()
        )
        if maps:
            found[title] = {side: maps[side][name] for side in _PARTS}
    there = table[table["ceiling"].notna()]
    words = (
        "Ceiling: what a perfect model would reach. Average listener: square root "
        "of the split-half reliability; single listeners: leave-one-out correlation over "
        "the square root of the "
        "others' reliability. n = "
        f"{count(there.loc[there['subject'] != AVERAGE, 'subject'].nunique(), 'listener')}, "
        f"{count(there['story'].nunique(), 'story')} (means). No test."
    )
    return Measure(
        "Ceiling on the brain",
        "ceiling (Pearson r)",
        words,
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
    """Return what a figure of F minus that of random texts shows, a row for each text and model.

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
        association_title(part): part.set_index(["hemisphere", "roi"])["F_minus_random"]
        for part in parts.values()
    }
    found = None
    if maps:
        found = {
            association_title(part): {
                side: maps[key][side][ASSOCIATION_DIFFERENCE] for side in _PARTS
            }
            for key, part in parts.items()
        }
    elif places is not None and space is not None:
        found = {title: region_maps(values, places, space) for title, values in rows.items()}
    survive = int((table["p_texts_fdr"] < 0.05).sum())
    words = (
        f"Association score minus that of random texts: {F_MEANING}. "
        f"n = {count(int(table['n_listeners'].max()), 'listener')} (mean), "
        f"{count(int(table['n_random'].max()), 'random text')} for each text. "
        f"{'' if maps else 'Regions have one value each. '}Not thresholded; by region, "
        f"{survive or 'none'} of {len(table)} tests over texts {'is' if survive < 2 else 'are'} "
        "below 0.05 after correction (tables/association.tsv)."
    )
    return Measure(
        "Association score on the brain",
        "F minus F of random texts (Pearson r)",
        words,
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
        Regions with a ceiling (of single listeners) below this have no M that means
        anything, and are not shown.
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
    null = shown["null_sd"].median()
    words = (
        f"Tuning score: {M_MEANING}. n = "
        f"{count(int(table['n_listeners'].max()), 'listener')}, "
        f"{count(int(table['n_seeds'].max()), 'seed')} (means). Regions have one value each"
        f"{f'; {len(low)} with a ceiling below {floor:g} are left out' if len(low) else ''}. "
        "M means little where R of the base model is near 0. Not thresholded."
    ) + (
        (
            f" Under control tunings M strays by {100 * null:.0f} % (standard "
            "deviation, median over regions)."
        )
        if np.isfinite(null)
        else ""
    )
    return Measure(
        "Tuning score on the brain",
        "M = (R_sft - R) / R",
        words,
        rows,
        found,
        0.05,
        percent=True,
        bound=readable(shown) if len(shown) else None,
    )


@style.styled
def draw(measure: Measure, regions: pd.DataFrame) -> Drawn:
    """Draw a measure, a row each for its titles.

    It is drawn on the cortex where there are maps, else as markers of regions on glass brains.

    Parameters
    ----------
    measure : Measure
    regions : pandas.DataFrame
        Of `engram.statistics.score_tables`, with MNI coordinates where there are some.
    """
    if not measure.rows:
        return style.nothing(measure.title, "no value to show", measure.words)
    if measure.maps:
        figure, seen = _cortex(measure, measure.maps), ""
        how = f"Maps, {_MESH}"
    else:
        figure, seen = _markers(measure, regions)
        how = "Markers at the mean MNI coordinates of regions, on glass brains (left, above, right)"
    end = (
        f"{100 * measure.bound:.0f} %"
        if measure.bound
        else f"the 99.5th percentile of the {'values' if measure.sequential else 'absolute values'}"
    )
    scale = (
        f"{'All rows share colours, which' if len(measure.rows) > 1 else 'Colours'} end at {end}."
    )
    alt = [
        (
            f"{'Cortical maps' if measure.maps else 'Glass brains with markers'}, "
            f"{count(len(measure.rows), 'row')}."
        )
    ]
    for title, values in measure.rows.items():
        known = values.dropna()
        if len(known):
            low, high = known.idxmin(), known.idxmax()
            alt.append(
                f"{title}: from {_shown(known.min(), measure)} in {low[1]} ({low[0]}) to "
                f"{_shown(known.max(), measure)} in {high[1]} ({high[0]})."
            )
    return Drawn(figure, measure.title, f"{measure.words} {how}. {scale}{seen}", " ".join(alt))


def _shown(value: float, measure: Measure) -> str:
    return f"{100 * value:+.0f} %" if measure.percent else f"{value:.3f}"


def _scale(values: Iterable[np.ndarray], measure: Measure) -> tuple[Normalize, str]:
    """Return the colours' range and their names."""
    sizes = np.abs(np.concatenate([np.ravel(one) for one in values]))
    sizes = sizes[np.isfinite(sizes)]
    bound = measure.bound or max(
        measure.least, float(np.quantile(sizes, 0.995)) if len(sizes) else 0.0
    )
    return Normalize(
        0 if measure.sequential else -bound, bound
    ), style.SEQUENTIAL if measure.sequential else style.DIVERGING


def _cortex(measure: Measure, maps: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """Draw four inflated views and two flat ones in each row."""
    import matplotlib.pyplot as plt
    from nilearn.datasets import load_fsaverage, load_fsaverage_data

    meshes, sulci = (
        load_fsaverage("fsaverage5"),
        load_fsaverage_data(mesh="fsaverage5", data_type="sulcal"),
    )
    values = {
        title: {side: on_fsaverage5(sides[side]) for side in _PARTS}
        for title, sides in maps.items()
    }
    scale, colours = _scale((one for sides in values.values() for one in sides.values()), measure)
    row, foot = 29 * MM, 13 * MM
    figure = plt.figure(figsize=(PAGE, row * len(values) + foot), layout="none")
    high = figure.get_figheight()
    for number, (title, sides) in enumerate(values.items()):
        bottom = 1 - (number + 1) * row / high
        figure.text(
            0.005,
            bottom + 0.97 * row / high,
            title if len(title) <= _LETTERS else f"{title[: _LETTERS - 3]}...",
            va="top",
        )
        for column, (side, view) in enumerate(_VIEWS):
            axes = figure.add_axes(
                (column * 0.16 - 0.02, bottom - 0.05 * row / high, 0.2, 1.02 * row / high),
                projection="3d",
            )
            _inflated(axes, sides[side], meshes["inflated"], sulci, side, view, scale, colours)
        for column, side in enumerate(_PARTS):
            axes = figure.add_axes(
                (0.645 + column * 0.178, bottom + 0.04 * row / high, 0.172, 0.78 * row / high)
            )
            _flat(
                axes,
                sides[side],
                meshes["flat"].parts[_PARTS[side]],
                sulci.data.parts[_PARTS[side]],
                scale,
                colours,
            )
    _bar(figure, scale, colours, measure, foot)
    plt.close(figure)  # pyplot, which nilearn needs, would keep it
    return figure


def _inflated(
    axes: Any,
    values: np.ndarray,
    mesh: Any,
    sulci: Any,
    side: str,
    view: str,
    scale: Normalize,
    colours: str,
) -> None:
    from nilearn import plotting

    part = _PARTS[side]
    plotting.plot_surf(
        mesh.parts[part],
        np.asarray(values, dtype=float),
        hemi=part,
        view=view,
        bg_map=sulci.data.parts[part],
        bg_on_data=False,
        cmap=colours,
        vmin=scale.vmin,
        vmax=scale.vmax,
        colorbar=False,
        axes=axes,
    )
    for surface in axes.collections:  # 20,000 triangles: an image inside the SVG
        surface.set_rasterized(True)


def _flat(
    axes: Axes, values: np.ndarray, mesh: Any, sulci: np.ndarray, scale: Normalize, colours: str
) -> None:
    """Draw a flat map: two coordinates are enough, so no camera is needed."""
    x, y = mesh.coordinates[:, 0], mesh.coordinates[:, 1]
    axes.tripcolor(
        x, y, mesh.faces, sulci, shading="gouraud", cmap=_SULCI, vmin=-2, vmax=2.5, rasterized=True
    )
    painted = mesh.faces[np.isfinite(values)[mesh.faces].all(1)]
    if len(painted):
        axes.tripcolor(
            x,
            y,
            painted,
            np.nan_to_num(values),
            shading="gouraud",
            cmap=colours,
            norm=scale,
            rasterized=True,
        )
    axes.set_aspect("equal")
    axes.set_axis_off()


def _bar(figure: Figure, scale: Normalize, colours: str, measure: Measure, foot: float) -> None:
    high = figure.get_figheight()
    bar = figure.add_axes((0.33, 0.68 * foot / high, 0.34, 0.12 * foot / high))
    drawn = figure.colorbar(
        ScalarMappable(scale, colours),
        cax=bar,
        orientation="horizontal",
        label=measure.label,
        ticks=MaxNLocator(5),
    )
    if measure.percent:
        drawn.ax.xaxis.set_major_formatter(
            lambda value, _: f"{100 * value:+.0f} %" if value else "0"
        )


def _markers(measure: Measure, regions: pd.DataFrame) -> tuple[Figure, str]:
    """Draw a marker at each region that has coordinates; say how many have none."""
    import matplotlib.pyplot as plt
    from nilearn import plotting

    located = regions.dropna(subset=["x", "y", "z"])
    scale, colours = _scale((values.to_numpy(float) for values in measure.rows.values()), measure)
    row, foot = 45 * MM, 13 * MM
    figure = plt.figure(figsize=(0.75 * PAGE, row * len(measure.rows) + foot), layout="none")
    high = figure.get_figheight()
    for number, (title, values) in enumerate(measure.rows.items()):
        bottom = 1 - (number + 1) * row / high
        figure.text(0.005, bottom + 0.98 * row / high, title, va="top")
        here = [
            one
            for one in located.itertuples()
            if np.isfinite(values.get((one.hemisphere, one.roi), np.nan))
        ]
        if here:
            plotting.plot_markers(
                [values.loc[(one.hemisphere, one.roi)] for one in here],
                np.array([[one.x, one.y, one.z] for one in here]),
                node_size=30,
                node_cmap=colours,
                node_vmin=scale.vmin,
                node_vmax=scale.vmax,
                display_mode="lzr",
                axes=figure.add_axes((0.0, bottom, 1.0, 0.9 * row / high)),
                colorbar=False,
            )
    _bar(figure, scale, colours, measure, foot)
    plt.close(figure)
    missing = len(regions) - len(located)
    return (
        figure,
        (
            (
                f" {count(missing, 'region')} without coordinates "
                f"{'is' if missing == 1 else 'are'} not shown."
            )
            if missing
            else ""
        ),
    )
