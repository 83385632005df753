"""Parts of the figures of F and M: titles of rows, single listeners, curves by layer."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from engram.figures import panels, style
from engram.figures.shown_values import SIDES
from engram.figures.style import CONDITIONS
from engram.vocabulary import AVERAGE, TUNING_CONTROLS

#: Curves of the hemispheres.
_DASHES = {"L": "-", "R": (0, (3, 1.5)), "B": "-."}
_POINTS = {"L": "o", "R": "^", "B": "s"}


def row_title(line: Mapping[str, Axes], title: str, label: str) -> None:
    """Set a row's title above that of its first panel, which names the hemisphere.

    It takes as many lines as it needs to stay above this panel.

    Parameters
    ----------
    line : mapping
        The panels of a row (`engram.figures.panels.region_panels`).
    title : str
    label : str
        Of the first panel's axis.
    """
    first = next(panel for name, panel in line.items() if name != "layers")
    lines = textwrap.wrap(title, int(panels.width([first]) / panels.LETTER))
    first.set_ylabel(label)
    first.set_title("\n".join([*lines, first.get_title(loc="left")]).rstrip())


def listener_dots(
    panel: Axes, listeners: pd.DataFrame, value: str, rois: Sequence[str], step: float
) -> None:
    """Draw the values of single listeners, a step beside their regions."""
    single = listeners[listeners["subject"] != AVERAGE]
    if len(single):
        panels.dots(
            panel, panels.places(rois, single["roi"]) + step, single[value], "single listeners"
        )


def curves(
    panel: Axes, layers: pd.DataFrame, value: str, colours: Mapping[str, str], key: str | None
) -> None:
    """Draw means over regions by layer, the left hemisphere solid, the right dashed.

    There is one curve for each of the values of a key.
    """
    for name, colour in colours.items():
        mine = layers[layers[key] == name] if key else layers
        for side, part in mine.groupby("hemisphere"):
            curve = part.groupby("layer")[value].mean()
            line = _DASHES[side] if len(curve) > 2 else ""  # two layers are no curve
            panel.plot(
                curve.index, curve, marker=_POINTS[side], markersize=2, color=colour, linestyle=line
            )
    for side in sorted(set(layers["hemisphere"])):
        panel.plot(
            [],
            [],
            color=style.INK,
            linestyle=_DASHES[side],
            marker=_POINTS[side],
            label=f"by layer, {SIDES[side]}",
        )


def layer_panels(grid: Sequence[dict[str, Axes]], layers: pd.DataFrame) -> None:
    """Set the axes and titles of the panels of curves by layer."""
    for line in grid:
        panels.layer_axis(line["layers"], int(layers["layer"].max()))
        line["layers"].set_title("mean of regions")


def control_tunings(
    panel: Axes, where: np.ndarray, part: pd.DataFrame, steps: Sequence[float]
) -> None:
    """Draw what each kind of control tuning changes, beside the tunings to associate.

    Parameters
    ----------
    panel : matplotlib.axes.Axes
    where : array of shape (n_rows,)
        Places of the table's rows.
    part : pandas.DataFrame
        With a column ``difference_<kind>`` for each kind.
    steps : sequence of float
        How far to the right of a place each kind stands.
    """
    for step, kind in zip(steps, TUNING_CONTROLS, strict=True):
        if part[f"difference_{kind}"].notna().any():
            panel.scatter(
                where + step,
                part[f"difference_{kind}"],
                s=12,
                marker="D",
                color=CONDITIONS[kind],
                linewidth=0,
                zorder=4,
                label=f"{kind} control",
            )
