"""Figures of the brain: inflated and flat cortex for surfaces, else markers of regions.

There are markers where regions have coordinates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from engram.figures import style
from engram.figures.captions import brain as captions
from engram.figures.maps import on_fsaverage5
from engram.figures.shown_values import Measure, is_one_sided
from engram.figures.style import MM, NARROW, PAGE, Drawn

#: nilearn's names of the hemispheres, by their letters.
_PARTS = {"L": "left", "R": "right"}
_VIEWS = (("L", "lateral"), ("L", "medial"), ("R", "medial"), ("R", "lateral"))
#: Colour map of curvature, behind the values: gyri are light, sulci dark.
_SULCI = "Greys"
#: Colours begin at the lowest value where it is above this share of the highest.
_ALIKE = 0.5
#: Longer titles of rows are cut to so many letters.
_LETTERS = 95


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
        return Drawn(_cortex(measure, measure.maps), captions.drawn(measure, 0))
    located = regions.dropna(subset=["x", "y", "z"])
    words = captions.drawn(measure, len(regions) - len(located))
    return Drawn(_markers(measure, located), words)


def _scale(values: Iterable[np.ndarray], measure: Measure) -> tuple[Normalize, str]:
    """Return the colours' range and their names."""
    known = np.concatenate([np.ravel(one) for one in values])
    known = known[np.isfinite(known)]
    bound = measure.bound or max(
        measure.least, float(np.quantile(np.abs(known), 0.995)) if len(known) else 0.0
    )
    if not (measure.sequential or is_one_sided(known)):
        return Normalize(-bound, bound), style.DIVERGING
    low = float(known.min()) if len(known) else 0.0
    # Values that are all alike beside 0 would all have the colour of the upper end.
    return Normalize(low if low > _ALIKE * bound else 0.0, bound), style.SEQUENTIAL


def _cortex(measure: Measure, maps: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """Draw four inflated views and two flat ones in each row."""
    import matplotlib.pyplot as plt
    from nilearn.datasets import load_fsaverage, load_fsaverage_data

    sulci = load_fsaverage_data(mesh="fsaverage5", data_type="sulcal")
    # Kept: a mesh of nilearn's is read from its file again whenever it is used.
    meshes = {
        (kind, side): load_fsaverage("fsaverage5")[kind].parts[part].loaded()
        for kind in ("inflated", "flat")
        for side, part in _PARTS.items()
    }
    values = {
        title: {side: on_fsaverage5(sides[side]) for side in _PARTS}
        for title, sides in maps.items()
    }
    scale, colours = _scale((one for sides in values.values() for one in sides.values()), measure)
    row, foot = 29 * MM / style.zoom(), 13 * MM
    figure = plt.figure(figsize=(PAGE / style.zoom(), row * len(values) + foot), layout="none")
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
            _inflated(
                axes, sides[side], meshes["inflated", side], sulci, side, view, scale, colours
            )
        for column, side in enumerate(_PARTS):
            axes = figure.add_axes(
                (0.645 + column * 0.178, bottom + 0.04 * row / high, 0.172, 0.78 * row / high)
            )
            _flat(
                axes,
                sides[side],
                meshes["flat", side],
                sulci.data.parts[_PARTS[side]],
                scale,
                colours,
            )
    _bar(figure, scale, colours, measure, foot)
    plt.close(figure)  # nilearn needs pyplot, which keeps figures until they are closed
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
    """Draw one view of an inflated hemisphere, with curvature where there are no values."""
    from nilearn import plotting

    part = _PARTS[side]
    plotting.plot_surf(
        mesh,
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
    for surface in axes.collections:  # as an image inside the SVG: there are 20,000 triangles
        surface.set_rasterized(True)


def _flat(
    axes: Axes, values: np.ndarray, mesh: Any, sulci: np.ndarray, scale: Normalize, colours: str
) -> None:
    """Draw a flat map, in two dimensions."""
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
    """Draw the colour bar, in the foot of the figure."""
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


def _markers(measure: Measure, located: pd.DataFrame) -> Figure:
    """Draw a marker at each region that has coordinates."""
    import matplotlib.pyplot as plt
    from nilearn import plotting

    scale, colours = _scale((values.to_numpy(float) for values in measure.rows.values()), measure)
    row, foot = 36 * MM / style.zoom(), 13 * MM
    figure = plt.figure(
        figsize=(NARROW / style.zoom(), row * len(measure.rows) + foot), layout="none"
    )
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
                # Values about 0 are white, and would not be seen without a rim.
                node_kwargs={"edgecolors": "#555555", "linewidths": 0.4},
                node_cmap=colours,
                node_vmin=scale.vmin,
                node_vmax=scale.vmax,
                display_mode="lzr",
                axes=figure.add_axes((0.0, bottom, 1.0, 0.9 * row / high)),
                colorbar=False,
            )
    _bar(figure, scale, colours, measure, foot)
    plt.close(figure)
    return figure
