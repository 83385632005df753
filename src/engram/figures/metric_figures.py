"""Figures of identification and similarity, and of how models rank by each metric.

They are drawn from the tables alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from engram.figures import panels, style
from engram.figures.captions import metrics as captions
from engram.figures.style import INK, LIGHT, MM, PAGE, SMALL, Drawn, Palette
from engram.vocabulary import AVERAGE

#: Room that the points of all models take about the place of a set.
_ROOM = 0.7


@style.styled
def decoding(table: pd.DataFrame, tests: pd.DataFrame, models: Sequence[str]) -> Drawn:
    """Draw rank accuracy by layer and by set of targets, a row for each direction.

    Parameters
    ----------
    table, tests : pandas.DataFrame
        Of `engram.statistics.decoding_tables`.
    models : sequence of str
        All models of the study.
    """
    directions = list(dict.fromkeys(table["direction"]))
    palette, deepest = Palette(models), int(table["layer"].max())
    figure = Figure(figsize=(PAGE, 52 * MM * len(directions) + 14 * MM))
    grid = figure.subplots(len(directions), 2, squeeze=False, sharey="row")
    first = next(iter(dict.fromkeys(table["set"])))
    for line, direction in zip(grid, directions, strict=True):
        here = table[(table["direction"] == direction) & (table["subject"] != AVERAGE)]
        for model in models:
            mine = here[(here["model"] == model) & (here["set"] == first)]
            _by_layer(line[0], mine, model, palette)
        panels.layer_axis(line[0], deepest)
        line[0].set_title(f"{captions.DIRECTIONS[direction]}, {first}")
        line[0].set_ylabel("rank accuracy")
        _by_set(line[1], tests[tests["direction"] == direction], models, palette, "rank", "null_95")
        line[1].set_title(f"{captions.DIRECTIONS[direction]}, reported layer")
        for panel in line:
            panel.axhline(0.5, color=INK, linewidth=0.5, zorder=0.5)
    panels.legend(figure, grid.flat)
    return Drawn(figure, captions.decoding(table, tests, models))


def _by_layer(panel: Axes, part: pd.DataFrame, model: str, palette: Palette) -> None:
    if part.empty:
        return
    look = palette.model(model)
    by_listener = part.groupby(["layer", "subject"])["rank"].mean()
    found = by_listener.groupby("layer").apply(panels.mean_interval)
    mean, low, high = np.array(found.tolist()).T
    if len(mean) == 1:
        panel.axhline(mean[0], label=model, **look)
        panel.update_datalim([(0, mean[0])])
        panel.autoscale_view()
        return
    panel.plot(found.index, mean, marker="o", label=model, **look)
    panel.fill_between(found.index, low, high, color=look["color"], alpha=0.15, linewidth=0)


def _by_set(
    panel: Axes,
    tests: pd.DataFrame,
    models: Sequence[str],
    palette: Palette,
    value: str,
    null: str,
) -> None:
    """Draw a value of each model by set of targets, with intervals, null and ceiling."""
    sets = list(dict.fromkeys(tests["set"]))
    shown = [model for model in models if model in set(tests["model"])]
    for place, name in enumerate(sets):
        ceiling = tests.loc[tests["set"] == name, "ceiling"].max()
        if np.isfinite(ceiling):
            panel.hlines(ceiling, place - 0.45, place + 0.45, color=LIGHT, linewidth=3, zorder=0.4)
    for number, model in enumerate(shown):
        mine = tests[tests["model"] == model]
        step = _ROOM / max(len(shown), 1)
        where = panels.places(sets, mine["set"]) + (number - (len(shown) - 1) / 2) * step
        colour = palette.model(model)["color"]
        panels.error_bars(panel, where, mine[value], mine["low"], mine["high"], colour)
        panel.scatter(where, mine[null], s=8, marker="x", color=colour, linewidth=0.6, zorder=2)
        heights = mine[["high", value]].max(axis=1)
        panels.stars(panel, where, heights, mine["p_corrected"])
    panel.set_xticks(range(len(sets)), sets, fontsize=SMALL)
    if max(map(len, sets), default=0) * len(sets) > 40:
        panel.tick_params(axis="x", labelrotation=45)
    panel.set_xlim(-0.6, len(sets) - 0.4)
