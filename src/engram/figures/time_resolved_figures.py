"""Figure of R by window: which minutes of a story are predicted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from engram.decoding.target_sets import ALL
from engram.figures import panels, style
from engram.figures.captions import time_resolved as captions
from engram.figures.style import LIGHT, MM, NARROW, PAGE, Drawn, Palette
from engram.statistics.significance import LEVEL

#: So many stories have a panel, and so many models a curve; all are in the table.
MOST_STORIES, MOST_MODELS = 9, 4
#: Height of a row of stars, as a share of that of a panel.
_STARS = 0.06


@style.styled
def time_resolved(table: pd.DataFrame, models: Sequence[str], shown: Sequence[str]) -> Drawn:
    """Draw R of all targets in each window of each story, beside what listeners share.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `engram.statistics.time_resolved`.
    models : sequence of str
        All models of the study, for their colours.
    shown : sequence of str
        Those with a curve.
    """
    shown, palette = list(shown)[-MOST_MODELS:], Palette(models)
    drawn = table[(table["set"] == ALL) & table["model"].isin(shown)]
    stories = list(dict.fromkeys(drawn["story"]))[:MOST_STORIES]
    drawn = drawn[drawn["story"].isin(stories)]
    columns = min(3, len(stories))
    lines = -(-len(stories) // columns)
    figure = style.new_figure(PAGE if columns > 1 else NARROW, 48 * MM * lines + 12 * MM)
    grid = figure.subplots(lines, columns, squeeze=False, sharey=True)
    for panel, story in zip(grid.flat, stories, strict=False):
        _story(panel, drawn[drawn["story"] == story], shown, palette)
        panel.set_title(story)
    for panel in list(grid.flat)[len(stories) :]:
        panel.set_visible(False)
    for panel in grid[:, 0]:
        panel.set_ylabel("brain score R (Pearson r)")
        low, high = panel.get_ylim()
        panel.set_ylim(low - _STARS * len(shown) * (high - low), high)
    panels.legend(figure, grid.flat)
    return Drawn(figure, captions.time_resolved(table, drawn, shown))


def _story(panel: Axes, part: pd.DataFrame, shown: Sequence[str], palette: Palette) -> None:
    """Draw the windows of a story, in minutes."""
    first = part[part["model"] == part["model"].iloc[0]]
    ends = first["begin"] / 60, first["end"] / 60
    label = "the other listeners" if first["others"].notna().any() else ""
    panel.hlines(first["others"], *ends, color=LIGHT, linewidth=3, zorder=0.4, label=label)
    panels.zero_line(panel)
    for number, model in enumerate(shown):
        mine = part[part["model"] == model]
        width = (mine["end"] - mine["begin"]).to_numpy() / 60
        shift = 0.15 * (number - (len(shown) - 1) / 2) / len(shown)
        where = (mine["begin"] + mine["end"]).to_numpy() / 120 + shift * width
        panel.plot(where, mine["score"], label=model, **panels.marked(palette, model))
        colour = palette.model(model)["color"]
        panel.vlines(where, mine["low"], mine["high"], color=colour, linewidth=0.8, alpha=0.6)
        panel.scatter(
            where, mine["null_95"], s=8, marker="x", color=colour, linewidth=0.6, zorder=2
        )
        _stars(panel, where, mine["p_corrected"].to_numpy(), number, colour)
    if part["null_95"].notna().any():
        panels.chance_label(panel)
    panels.star_label(panel, part["p_corrected"].to_numpy())
    panel.set_xlabel("minutes of the story")


def _stars(panel: Axes, where: np.ndarray, p: np.ndarray, row: int, colour: str) -> None:
    """Set a model's stars below its windows, in a row and a colour of their own.

    Above the points those of one model would lie on the curve of another.
    """
    for x in where[p <= LEVEL]:
        panel.annotate(
            "*",
            (x, _STARS * row),
            xycoords=("data", "axes fraction"),
            ha="center",
            va="bottom",
            fontsize=9,
            color=colour,
        )
