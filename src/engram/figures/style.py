"""How figures look: sizes, type, colours, and what a figure is made of besides its drawing.

Figures are as wide as a journal's column (85 mm) or page (180 mm), with type of 6 to 7 points
at that size. Colours of models are Okabe and Ito's (2008, jfly.uni-koeln.de/color), those of texts
and tunings Paul Tol's muted ones (SRON/EPS/TN/09-002):
both can be told apart with any colour vision. A model, text or tuning has the same colour
in every figure of a study.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy import stats

from engram.files import storage
from engram.vocabulary import ASSOCIATION, ORIGINAL, REINITIALISED_SUFFIX, WORD_RATE

matplotlib.use("Agg")

MM = 1 / 25.4
#: Widths in inches: a column and a page in print.
COLUMN, PAGE = 85 * MM, 180 * MM
#: Points.
SMALL, TINY = 6, 5
GREY, LIGHT, INK = "#777777", "#D9D9D9", "#222222"
#: Of models, in their order.
MODELS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_TEXTS = ("#332288", "#CC6677", "#44AA99", "#882255", "#999933", "#117733")
#: What a model was tuned on.
CONDITIONS = {ASSOCIATION: _TEXTS[0], "shuffled": "#E69F00", "generic": GREY}
#: Markers of control texts.
CONTROLS = {"shuffled": "^", "displaced": "v", "repeat": "s"}
SIDES = {"L": "left hemisphere", "R": "right hemisphere", "B": "both hemispheres"}
#: Values on either side of 0; values from 0 on.
DIVERGING, SEQUENTIAL = "RdBu_r", "viridis"
RC: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Arial", "Helvetica"],
    "font.size": 7,
    "axes.titlesize": 7,
    "axes.labelsize": 7,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "legend.fontsize": SMALL,
    "figure.titlesize": 7,
    "axes.linewidth": 0.5,
    "axes.edgecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
    "xtick.major.size": 2,
    "ytick.major.size": 2,
    "lines.linewidth": 1.0,
    "lines.markersize": 2.5,
    # Names of regions may hold dollar signs, which mark formulas otherwise.
    "text.parse_math": False,
    "legend.frameon": False,
    "legend.handlelength": 2.2,
    "svg.fonttype": "none",
    "svg.hashsalt": "engram",
    "figure.constrained_layout.use": True,
}
#: Resolution of images inside SVG files.
_EMBEDDED_DPI = 300
#: Letters of a region's name on an axis.
_LONGEST_REGION = 30
#: More regions on an axis are written smaller.
_MANY = 40
#: Width of a panel of curves by layer, as a share of that of all regions.
_CURVES = 0.42
#: Room on an axis for a region's points, in inches, before hemispheres stand below each other.
_REGION_ROOM = 4.2 * MM

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Drawn:
    """A figure with its words.

    Attributes
    ----------
    figure : matplotlib.figure.Figure
    title : str
    caption : str
        How many listeners, stories, texts and seeds; the metric and its definition; the test;
        what an interval or a band is.
    alt : str
        What is to be seen, in words and numbers, for people who do not see it.
    """

    figure: Figure
    title: str
    caption: str
    alt: str


def styled(draw: Callable[P, T]) -> Callable[P, T]:
    """Let a function draw in this style."""

    @wraps(draw)
    def drawn(*arguments: P.args, **options: P.kwargs) -> T:
        with matplotlib.rc_context(RC):
            return draw(*arguments, **options)

    return drawn


def save(drawn: Drawn, svg: str, png: str, dpi: int) -> None:
    """Write a figure as SVG and PNG, the same bytes each time, and its words into their sidecar."""
    storage.write_json(
        storage.sidecar(svg), {"Title": drawn.title, "Caption": drawn.caption, "Alt": drawn.alt}
    )
    # Figures have their layout already; Matplotlib would give this one to those that have none.
    with matplotlib.rc_context({**RC, "figure.constrained_layout.use": False}):
        with storage.atomic(svg) as path:
            drawn.figure.savefig(
                path,
                metadata={"Date": None, "Title": drawn.title, "Description": drawn.alt},
                dpi=_EMBEDDED_DPI,
            )
        with storage.atomic(png) as path:
            drawn.figure.savefig(path, dpi=dpi, metadata={"Description": drawn.alt})


class Palette:
    """Colours of a study.

    Parameters
    ----------
    models, texts : sequence of str
        All models of the study, and all its texts and tunings, in the order of the configuration.
    """

    def __init__(self, models: Sequence[str] = (), texts: Sequence[str] = ()) -> None:
        self._models = [
            name for name in models if name != WORD_RATE and not name.endswith(REINITIALISED_SUFFIX)
        ]
        self._texts = [name for name in texts if name != ORIGINAL]

    def model(self, name: str) -> dict[str, Any]:
        """Return colour and line style of a model.

        Re-initialised twins have their model's colour, dotted; the word rate is grey, dashed.
        """
        if name == WORD_RATE:
            return {"color": GREY, "linestyle": "--"}
        base = name.removesuffix(REINITIALISED_SUFFIX)
        return {
            "color": MODELS[self._models.index(base) % len(MODELS)],
            "linestyle": ":" if name.endswith(REINITIALISED_SUFFIX) else "-",
        }

    def text(self, name: str) -> str:
        """Return the colour of a text or a tuning."""
        return _TEXTS[self._texts.index(name) % len(_TEXTS)]


def legend(figure: Figure, panels: Iterable[Axes]) -> None:
    """Put one legend of all panels below them, with as many columns as there is room for."""
    handles = {
        name: handle
        for panel in panels
        for handle, name in zip(*panel.get_legend_handles_labels(), strict=True)
    }
    if handles:
        # Inches of a letter, and of a handle with its gaps.
        room = figure.get_figwidth() / (0.055 * max(map(len, handles)) + 0.4)
        figure.legend(
            list(handles.values()),
            list(handles),
            loc="outside lower center",
            ncols=int(np.clip(room, 1, 5)),
        )


def zero_line(panel: Axes) -> None:
    """Draw a line at 0."""
    panel.axhline(0, color=INK, linewidth=0.5, zorder=0.5)


def layer_axis(panel: Axes, deepest: int) -> None:
    """Make the axis of layers: whole numbers from 0."""
    panel.set(xlabel="layer (0: embeddings)", xlim=(-0.3, max(deepest, 1) + 0.3))
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))


def region_axis(panel: Axes, rois: Sequence[str], labelled: bool) -> None:
    """Make the axis of regions; names are turned where they are many or long."""
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
    if len(rois) <= 10 and max(map(len, rois)) <= 8:
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
    sides, total = list(regions), sum(map(len, regions.values()))
    beside = total * _REGION_ROOM <= PAGE - 15 * MM - (45 * MM if curves else 0)
    names = 0.055 * min(
        _LONGEST_REGION, max(len(name) for of_side in regions.values() for name in of_side)
    )
    lines = 1 if beside else len(sides) + curves
    small = beside and not curves and total * _REGION_ROOM <= COLUMN / 2
    figure = Figure(
        figsize=(
            COLUMN if small else PAGE,
            figure_rows * lines * (height + 0.2) + (1 if beside else figure_rows) * names + 0.7,
        )
    )
    widths = [max(3, len(regions[side])) * _REGION_ROOM for side in sides] if beside else [1.0]
    if curves and beside:
        widths.append(_CURVES * sum(widths))
    grid = figure.add_gridspec(figure_rows * lines, len(widths), width_ratios=widths)
    made: list[dict[str, Axes]] = []
    first = None
    for row in range(figure_rows):
        here: dict[str, Axes] = {}
        for number, side in enumerate(sides):
            here[side] = figure.add_subplot(
                grid[row, number] if beside else grid[row * lines + number, 0], sharey=first
            )
            first = first or here[side]
            # Hemispheres below each other share the names, where they have the same regions.
            named = (
                beside
                or number == len(sides) - 1
                or list(regions[side]) != list(regions[sides[-1]])
            )
            region_axis(
                here[side], regions[side], labelled=named and (row == figure_rows - 1 or not beside)
            )
            zero_line(here[side])
            if row == 0 or not beside:
                here[side].set_title(SIDES[side])
            if number and beside:
                here[side].tick_params(labelleft=False)
        if curves:
            here["layers"] = figure.add_subplot(
                grid[row, -1] if beside else grid[(row + 1) * lines - 1, 0].subgridspec(1, 2)[0]
            )
            zero_line(here["layers"])
        made.append(here)
    return figure, made


def mean_interval(values: Iterable[float]) -> tuple[float, float, float]:
    """Return a mean and its 95 % confidence interval (Student's t).

    The interval is NaN where there are fewer than two values.
    """
    array = np.asarray(list(values), dtype=float)
    array = array[np.isfinite(array)]
    mean = float(array.mean()) if len(array) else np.nan
    if len(array) < 2:
        return mean, np.nan, np.nan
    half = float(stats.t.ppf(0.975, len(array) - 1) * array.std(ddof=1) / np.sqrt(len(array)))
    return mean, mean - half, mean + half


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
    panel.scatter(
        where, points, **{"s": 12, "color": colour, "linewidth": 0.7, "zorder": 4, **options}
    )


def dots(panel: Axes, where: np.ndarray, values: Iterable[float], label: str | None) -> None:
    """Draw single listeners: pale dots, a little to either side, the same each time."""
    place = where + np.random.default_rng(0).uniform(-0.09, 0.09, len(where))
    panel.scatter(
        place,
        np.asarray(list(values), dtype=float),
        s=2,
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


def stars(panel: Axes, where: np.ndarray, heights: Iterable[float], p: Iterable[float]) -> None:
    """Set a star above what survives correction."""
    for x, height, corrected in zip(where, heights, p, strict=True):
        if corrected < 0.05:
            panel.annotate("*", (x, max(height, 0)), ha="center", va="bottom", fontsize=9)


def matching(table: pd.DataFrame, values: Mapping[str, Any]) -> pd.DataFrame:
    """Return the rows that have these values."""
    return table[np.logical_and.reduce([table[name] == value for name, value in values.items()])]


def places(rois: Sequence[str], names: Iterable[str]) -> np.ndarray:
    """Return where regions stand on their axis: (n_names, )."""
    order = {name: number for number, name in enumerate(rois)}
    return np.array([order[name] for name in names], dtype=float)


def nothing(title: str, why: str, caption: str = "") -> Drawn:
    """Return a figure that says why there is nothing to show."""
    figure = Figure(figsize=(COLUMN, 20 * MM))
    figure.text(0.5, 0.5, why, ha="center")
    return Drawn(
        figure, title, f"{caption} Nothing is shown: {why}.".strip(), f"An empty figure: {why}."
    )


def count(number: int, what: str) -> str:
    """Return a number with its noun: ``1 listener``, ``2 stories``."""
    plural = what if number == 1 else f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"
    return f"{number:,} {plural}"


def listed(names: Collection[str]) -> str:
    """Return names as a sentence has them: ``a, b and c``."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def span(values: Iterable[float], signed: bool = False) -> str:
    """Return the range of values: ``0.012 to 0.140``."""
    array = np.asarray(list(values), dtype=float)
    array = array[np.isfinite(array)]
    if not len(array):
        return "n/a"
    form = "+.3f" if signed else ".3f"
    low, high = format(array.min(), form), format(array.max(), form)
    return low if low == high else f"{low} to {high}"
