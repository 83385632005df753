"""Parts of panels that several figures share: axes, points, intervals, stars, legends."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from engram.figures import style
from engram.figures.shown_values import SIDES
from engram.figures.style import COLUMN, INK, MM, PAGE, SMALL, TINY, Palette
from engram.statistics.significance import LEVEL

#: Mean width of a letter in titles and legends, in inches.
LETTER = 0.055
#: Longer names of regions are shortened to so many letters on an axis.
_LONGEST_REGION = 30
#: Beyond so many regions on an axis, their names are written smaller.
_MANY = 40
#: Lines of a legend that figures have room for, and the height of one more, in inches.
_LEGEND_LINES, _LEGEND_LINE = 3, 0.13
#: About so many points of a curve have a marker.
_MARKERS = 12
#: Width of a panel of curves by layer, as a share of that of all regions.
_CURVES = 0.42
#: Room that the numbers and the label of a first panel's axis take, in inches.
_FIRST_AXIS = 12 * MM
#: Room that a region's points need on an axis, in inches. Hemispheres whose regions have less
#: stand below each other.
_REGION_ROOM = 4.2 * MM


def legend(figure: Figure, panels: Iterable[Axes]) -> None:
    """Put one legend of all panels below them, with as many columns as there is room for."""
    handles = {
        name: handle
        for panel in panels
        for handle, name in zip(*panel.get_legend_handles_labels(), strict=True)
    }
    if handles:
        # A handle with its gaps takes 0.4 inches.
        room = figure.get_figwidth() / (LETTER * max(map(len, handles)) + 0.4)
        columns = int(np.clip(room, 1, 5))
        # A long legend has room of its own: panels stay as high as they are.
        lines = -(-len(handles) // columns)
        figure.set_figheight(figure.get_figheight() + max(0, lines - _LEGEND_LINES) * _LEGEND_LINE)
        figure.legend(
            list(handles.values()), list(handles), loc="outside lower center", ncols=columns
        )


def zero_line(panel: Axes) -> None:
    """Draw a line at 0."""
    panel.axhline(0, color=INK, linewidth=0.5, zorder=0.5)


def layer_axis(panel: Axes, deepest: int) -> None:
    """Make the axis of layers: whole numbers from 0."""
    panel.set(xlabel="layer (0: embeddings)", xlim=(-0.3, max(deepest, 1) + 0.3))
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))


def region_axis(panel: Axes, rois: Sequence[str], labelled: bool) -> None:
    """Make the axis of regions; many or long names are rotated."""
    names = [
        textwrap.shorten(roi, _LONGEST_REGION, placeholder="...")
        if " " in roi
        else roi[:_LONGEST_REGION]
        for roi in rois
    ]
    turned: dict[str, Any] = (
        {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
        if len(rois) <= 20
        else {"rotation": 90}
    )
    if len(rois) <= 10 and max(map(len, rois)) <= 7:
        turned = {}
    panel.set_xticks(
        range(len(rois)),
        names if labelled else [""] * len(rois),
        fontsize=SMALL if len(rois) <= _MANY else TINY,
        **turned,
    )
    panel.set_xlim(-0.6, len(rois) - 0.4)


def region_panels(
    figure_rows: int, regions: Mapping[str, Sequence[str]], height: float, curves: bool = False
) -> tuple[Figure, list[dict[str, Axes]]]:
    """Return a figure with a panel for each hemisphere in each row, and one for curves by layer.

    Parameters
    ----------
    figure_rows : int
    regions : mapping
        Regions by hemisphere. Hemispheres stand beside each other where their regions have room,
        else below each other.
    height : float
        Of a panel without the names of regions, in inches.
    curves : bool
        Whether each row has a panel for curves.

    Returns
    -------
    figure : matplotlib.figure.Figure
    panels : list of dict of Axes
        For each row: by hemisphere, and ``layers``.
    """
    layout = _Layout(figure_rows, regions, curves)
    widths = layout.widths
    figure = style.new_figure(*layout.size(height))
    grid = figure.add_gridspec(figure_rows * layout.lines, len(widths), width_ratios=widths)
    made: list[dict[str, Axes]] = []
    first = None
    for row in range(figure_rows):
        here: dict[str, Axes] = {}
        for number, side in enumerate(regions):
            place = (row, number) if layout.beside else (row * layout.lines + number, 0)
            panel = here[side] = figure.add_subplot(grid[place], sharey=first)
            first = first or panel
            region_axis(panel, regions[side], labelled=layout.has_names(row, side))
            zero_line(panel)
            if row == 0 or not layout.beside:
                panel.set_title(SIDES[side])
            if number and layout.beside:
                panel.tick_params(labelleft=False)
        if curves:
            below = grid[(row + 1) * layout.lines - 1, 0].subgridspec(1, 2)[0]
            here["layers"] = figure.add_subplot(grid[row, -1] if layout.beside else below)
            zero_line(here["layers"])
        made.append(here)
    return figure, made


def width(panels: Sequence[Axes]) -> float:
    """Return about how wide panels that stand side by side are together, in inches.

    Their figure's columns are taken to share all of its width but what a first axis needs.
    """
    places = [spec for panel in panels if (spec := panel.get_subplotspec()) is not None]
    figure = panels[0].get_figure(root=True)
    if not places or figure is None:
        raise ValueError("panels have no place in a grid")
    ratios = np.asarray(places[0].get_gridspec().get_width_ratios(), dtype=float)
    taken = ratios[: max(one.colspan.stop for one in places)].sum() / ratios.sum()
    return float(taken * (figure.get_figwidth() - _FIRST_AXIS))


@dataclass(frozen=True)
class _Layout:
    """Where the panels of regions stand in a figure, and how large it is.

    Attributes
    ----------
    rows, regions, curves
        As in `region_panels`.
    """

    rows: int
    regions: Mapping[str, Sequence[str]]
    curves: bool

    @property
    def beside(self) -> bool:
        """Whether hemispheres stand beside each other: their regions have room."""
        room = PAGE / style.zoom()
        return self._points <= room - 15 * MM - (45 * MM if self.curves else 0)

    @property
    def lines(self) -> int:
        """How many lines of panels a row of the figure has."""
        return 1 if self.beside else len(self.regions) + self.curves

    @property
    def widths(self) -> list[float]:
        """Relative widths of the columns."""
        if not self.beside:
            return [1.0]
        widths = [max(3, len(rois)) * _REGION_ROOM for rois in self.regions.values()]
        return [*widths, _CURVES * sum(widths)] if self.curves else widths

    @property
    def _points(self) -> float:
        """Return the room that the points of all regions take, in inches."""
        return sum(map(len, self.regions.values())) * _REGION_ROOM

    def size(self, height: float) -> tuple[float, float]:
        """Return the size of the figure in inches, with panels of this height."""
        longest = max(len(name) for rois in self.regions.values() for name in rois)
        names = LETTER * min(_LONGEST_REGION, longest)
        small = self.beside and not self.curves and self._points <= COLUMN / 2
        return (
            COLUMN if small else PAGE,
            self.rows * self.lines * (height + 0.2)
            + (1 if self.beside else self.rows) * names
            + 0.7,
        )

    def has_names(self, row: int, side: str) -> bool:
        """Whether a panel has the names of its regions, or shares those of the panel below."""
        if self.beside:
            return row == self.rows - 1
        last = list(self.regions)[-1]
        return side == last or list(self.regions[side]) != list(self.regions[last])


def mean_interval(values: Iterable[float]) -> tuple[float, float, float]:
    """Return a mean and its 95 % confidence interval (Student's t).

    The interval is NaN where there are fewer than two values.
    """
    from scipy.special import stdtrit  # scipy.stats would take a figure's job most of a second

    array = np.asarray(list(values), dtype=float)
    array = array[np.isfinite(array)]
    mean = float(array.mean()) if len(array) else np.nan
    if len(array) < 2:
        return mean, np.nan, np.nan
    half = float(stdtrit(len(array) - 1, 0.975) * array.std(ddof=1) / np.sqrt(len(array)))
    return mean, mean - half, mean + half


def marked(palette: Palette, model: str) -> dict[str, Any]:
    """Return colour, line and marker of a model's curve, for `plot`."""
    points = palette.marker(model)
    return {
        **palette.model(model),
        "marker": points["marker"],
        "markerfacecolor": points["facecolor"],
        "markeredgewidth": 0.6,
    }


def curve(panel: Axes, intervals: pd.Series, model: str, palette: Palette) -> None:
    """Draw a model's means with their intervals against what the series is indexed by.

    One value (the word rate, layers together) is a line across. One layer of several, and two, are
    points: they are no curve.

    Parameters
    ----------
    panel : Axes
    intervals : pandas.Series
        Of `mean_interval`.
    model : str
    palette : Palette
    """
    look, line = palette.model(model), marked(palette, model)
    mean, low, high = np.array(intervals.tolist()).T
    if len(mean) == 1 and not intervals.index[0]:
        panel.axhline(mean[0], label=model, **look)
        panel.update_datalim([(0, mean[0])])  # a line across does not stretch the axis by itself
        panel.autoscale_view()
        return
    if len(mean) <= 2:
        panel.plot(intervals.index, mean, label=model, **{**line, "linestyle": ""})
        panel.vlines(intervals.index, low, high, color=look["color"], linewidth=0.8)
        return
    panel.plot(intervals.index, mean, label=model, markevery=max(1, len(mean) // _MARKERS), **line)
    panel.fill_between(intervals.index, low, high, color=look["color"], alpha=0.15, linewidth=0)


def arrows(
    panel: Axes,
    where: np.ndarray,
    low: Iterable[float],
    high: Iterable[float],
    bound: float,
    colour: str,
) -> None:
    """Draw an arrow at each end of an interval that leaves an axis from -bound to bound."""
    for ends, sign, marker in ((high, 1, "^"), (low, -1, "v")):
        outside = sign * np.asarray(list(ends), dtype=float) > bound
        panel.scatter(
            where[outside],
            np.full(int(outside.sum()), sign * bound),
            marker=marker,
            s=10,
            color=colour,
            linewidth=0,
            zorder=5,
            clip_on=False,
        )


def error_bars(
    panel: Axes,
    where: np.ndarray,
    middle: Iterable[float],
    low: Iterable[float],
    high: Iterable[float],
    colour: str,
    **options: Any,
) -> None:
    """Draw points with their intervals, which need not hold the point nor exist."""
    points = np.asarray(list(middle), dtype=float)
    ends = np.array([list(low), list(high)], dtype=float)
    panel.vlines(where, *ends, color=colour, linewidth=0.8, zorder=3)
    filled = {} if "facecolor" in options else {"color": colour}
    panel.scatter(where, points, **{"s": 14, "linewidth": 0.7, "zorder": 4, **filled, **options})


def dots(panel: Axes, where: np.ndarray, values: Iterable[float], label: str | None) -> None:
    """Draw single listeners: pale dots, a little to either side, the same each time."""
    place = where + np.random.default_rng(0).uniform(-0.09, 0.09, len(where))
    panel.scatter(
        place,
        np.asarray(list(values), dtype=float),
        s=2.5,
        color="#999999",
        alpha=0.6,
        linewidth=0,
        zorder=1,
        label=label,
    )


def reach(panels: Iterable[Axes], *values: Any) -> None:
    """Let panels reach a little beyond some values and no further.

    That holds whatever dots of single listeners lie there.

    Parameters
    ----------
    panels : iterable of Axes
    *values : array-like
        Means, ends of intervals, controls.
    """
    found = np.concatenate([np.ravel(np.asarray(one, dtype=float)) for one in values])
    found = np.append(found[np.isfinite(found)], 0.0)
    margin = 0.25 * max(float(np.ptp(found)), 1e-4)
    for panel in panels:
        panel.set_ylim(found.min() - margin, found.max() + margin)


def stars(
    panel: Axes,
    where: np.ndarray,
    heights: Iterable[float],
    p: Iterable[float],
    *,
    named: bool = True,
) -> None:
    """Set a star above what survives correction, and say so in the legend if it is to be named."""
    known = np.asarray(list(p), dtype=float)
    for x, height, corrected in zip(where, heights, known, strict=True):
        if corrected <= LEVEL:
            panel.annotate("*", (x, max(height, 0)), ha="center", va="bottom", fontsize=9)
    if named:
        star_label(panel, known)


def star_label(panel: Axes, p: np.ndarray) -> None:
    """Name stars in the legend, where there are some."""
    if (p <= LEVEL).any():
        label = f"p at most {LEVEL}, corrected"
        panel.scatter([], [], marker=(5, 2), s=14, color=INK, linewidth=0.7, label=label)


def chance_label(panel: Axes) -> None:
    """Name the crosses of circular shifts in the legend."""
    label = "95 % of circular shifts are below"
    panel.scatter([], [], s=8, marker="x", color=INK, linewidth=0.6, label=label)


def matching(table: pd.DataFrame, values: Mapping[str, Any]) -> pd.DataFrame:
    """Return the rows that have these values."""
    return table[np.logical_and.reduce([table[name] == value for name, value in values.items()])]


def places(rois: Sequence[str], names: Iterable[str]) -> np.ndarray:
    """Return where regions stand on their axis: (n_names, )."""
    order = {name: number for number, name in enumerate(rois)}
    return np.array([order[name] for name in names], dtype=float)
