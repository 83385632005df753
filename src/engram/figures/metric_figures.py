"""Figures of identification and similarity, and of how models rank by each metric.

They are drawn from the tables alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from engram.decoding.target_sets import ALL
from engram.figures import panels, style
from engram.figures.captions import metrics as captions
from engram.figures.style import INK, LIGHT, MM, NARROW, PAGE, SMALL, Drawn, Palette
from engram.vocabulary import AVERAGE

#: Room for stars above the highest point, as a share of a panel's height.
_STARS = 0.06
#: Room that the points of all models take about the place of a set.
_ROOM = 0.7


@style.styled
def decoding(table: pd.DataFrame, tests: pd.DataFrame, models: Sequence[str]) -> Drawn:
    """Draw rank accuracy by layer and by set of targets, a row for each direction.

    Parameters
    ----------
    table, tests : pandas.DataFrame
        Of `engram.statistics.metric_tables`.
    models : sequence of str
        All models of the study.
    """
    of = ("rank", "rank accuracy", 0.5)
    figure = _rows(table, tests, models, "direction", captions.DIRECTIONS, of, "by the others")
    return Drawn(figure, captions.decoding(table, tests, models))


@style.styled
def similarity(table: pd.DataFrame, tests: pd.DataFrame, models: Sequence[str]) -> Drawn:
    """Draw similarity by layer and by set of targets, a row for each metric.

    Parameters
    ----------
    table, tests : pandas.DataFrame
        Of `engram.statistics.metric_tables`.
    models : sequence of str
        All models of the study.
    """
    tests = tests.assign(ceiling=tests["ceiling_lower"])
    of = ("similarity", "similarity (Pearson r)", 0.0)
    figure = _rows(table, tests, models, "metric", captions.SIMILARITIES, of, "lower noise ceiling")
    return Drawn(figure, captions.similarity(table, tests, models))


@style.styled
def metrics(table: pd.DataFrame, models: Sequence[str]) -> Drawn:
    """Draw the rank of each model by each metric, with its interval over listeners.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `engram.statistics.metric_agreement`.
    models : sequence of str
        All models of the study.
    """
    names, palette = list(dict.fromkeys(table["metric"])), Palette(models)
    figure = style.new_figure(NARROW, 60 * MM)
    panel = figure.subplots()
    for number, model in enumerate(models):
        mine = table[table["model"] == model].dropna(subset=["rank"])
        where = panels.places(names, mine["metric"]) + 0.06 * (number - (len(models) - 1) / 2)
        look = palette.model(model)
        line = panels.marked(palette, model)
        panel.plot(where, mine["rank"], label=model, **line)
        ends = mine["rank_low"], mine["rank_high"]
        panel.vlines(where, *ends, color=look["color"], linewidth=2.4, alpha=0.3)
    said = [captions.METRICS.get(name, name).replace(" ", "\n") for name in names]
    panel.set_xticks(range(len(names)), said)
    panel.set_yticks(range(1, len(models) + 1))
    panel.set(ylabel="rank (1: highest)", ylim=(len(models) + 0.5, 0.5))
    panels.legend(figure, [panel])
    return Drawn(figure, captions.metrics(table, models))


def _rows(
    table: pd.DataFrame,
    tests: pd.DataFrame,
    models: Sequence[str],
    kind: str,
    titles: Mapping[str, str],
    value: tuple[str, str, float],
    ceiling: str,
) -> Figure:
    """Return a row of panels for each kind: by layer on the left, by set on the right.

    Where one layer of each model was measured, the left ones are left out.

    `value` is the column that is drawn, what its axis is called, and its chance; `ceiling` what
    the legend calls grey bars.
    """
    kinds = list(dict.fromkeys(table[kind]))
    palette, deepest = Palette(models), int(table["layer"].max())
    by_layer = captions.has_layers(table)
    figure = style.new_figure(PAGE if by_layer else NARROW, 52 * MM * len(kinds) + 14 * MM)
    grid = figure.subplots(len(kinds), 1 + by_layer, squeeze=False, sharey="row")
    for line, one in zip(grid, kinds, strict=True):
        here = table[(table[kind] == one) & (table["subject"] != AVERAGE)]
        first = next(iter(dict.fromkeys(here["set"])))
        if by_layer:
            for model in models:
                mine = here[(here["model"] == model) & (here["set"] == first)]
                _by_layer(line[0], mine, model, palette, value[0])
            panels.layer_axis(line[0], deepest)
            line[0].set_title(f"{titles[one]}, {'all targets' if first == ALL else first}")
        line[0].set_ylabel(value[1])
        _by_set(
            line[-1],
            tests[tests[kind] == one],
            models,
            palette,
            value[0],
            ceiling,
            named=not by_layer,
        )
        line[-1].set_title(f"{titles[one]}, reported layer")
        for panel in line:
            panel.axhline(value[2], color=INK, linewidth=0.5, zorder=0.5)
        low, high = line[-1].get_ylim()
        line[-1].set_ylim(low, high + _STARS * (high - low))
    panels.legend(figure, grid.flat)
    return figure


def _by_layer(panel: Axes, part: pd.DataFrame, model: str, palette: Palette, value: str) -> None:
    if part.empty:
        return
    by_listener = part.groupby(["layer", "subject"])[value].mean()
    panels.curve(panel, by_listener.groupby("layer").apply(panels.mean_interval), model, palette)


def _by_set(
    panel: Axes,
    tests: pd.DataFrame,
    models: Sequence[str],
    palette: Palette,
    value: str,
    label: str,
    *,
    named: bool,
) -> None:
    """Draw a value of each model by set of targets, with intervals, null and ceiling.

    `label` is what the legend calls ceilings. Models are `named` where no curves are.
    """
    sets = list(dict.fromkeys(tests["set"]))
    shown = [model for model in models if model in set(tests["model"])]
    for place, name in enumerate(sets):
        ceiling = tests.loc[tests["set"] == name, "ceiling"].max()
        if np.isfinite(ceiling):
            ends = place - 0.45, place + 0.45
            panel.hlines(ceiling, *ends, color=LIGHT, linewidth=3, zorder=0.4, label=label)
    for number, model in enumerate(shown):
        mine = tests[tests["model"] == model]
        step = _ROOM / max(len(shown), 1)
        where = panels.places(sets, mine["set"]) + (number - (len(shown) - 1) / 2) * step
        colour = palette.model(model)["color"]
        points = {**palette.marker(model), "label": model if named else ""}
        panels.error_bars(panel, where, mine[value], mine["low"], mine["high"], colour, **points)
        panel.scatter(
            where, mine["null_95"], s=8, marker="x", color=colour, linewidth=0.6, zorder=2
        )
        heights = mine[["high", value]].max(axis=1)
        panels.stars(panel, where, heights, mine["p_corrected"], named=False)
    panels.star_label(panel, tests["p_corrected"].to_numpy())
    if tests["null_95"].notna().any():
        panels.chance_label(panel)
    panel.set_xticks(range(len(sets)), sets, fontsize=SMALL)
    if max(map(len, sets), default=0) * len(sets) > 40:
        panel.tick_params(axis="x", labelrotation=45)
    panel.set_xlim(-0.6, len(sets) - 0.4)
