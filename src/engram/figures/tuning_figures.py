"""Figures of what tuning changes: R of tuned models, the tuning effect M, and losses.

They are drawn from the tables alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from engram import vocabulary
from engram.figures import effect_panels, panels, shown_values, style
from engram.figures.captions import tunings as captions
from engram.figures.style import CONDITIONS, GREY, MM, PAGE, Drawn, Palette
from engram.vocabulary import ASSOCIATION, TUNING_CONTROLS


@style.styled
def tuning(
    table: pd.DataFrame, models: pd.DataFrame, listeners: pd.DataFrame, layers: pd.DataFrame
) -> Drawn:
    """Draw R_sft - R by region, with every tuned model and single listeners, and by layer.

    There is a row for each tuning and model, hemispheres apart.

    M is this over R, which is near 0 in some regions: `tuning_methods` draws it.

    Parameters
    ----------
    table, models, listeners, layers : pandas.DataFrame
        As `engram.statistics.tuning_tables` makes them.
    """
    rows = list(table.groupby(["tuning", "model"], sort=False))
    regions = shown_values.regions_by_side(table)
    figure, grid = panels.region_panels(
        len(rows), regions, (30 if len(rows) > 1 else 42) * MM, curves=True
    )
    for ((name, model), part), line in zip(rows, grid, strict=True):
        mine = {"tuning": name, "model": model}
        for side, rois in regions.items():
            one, its_models, its_listeners = (
                panels.matching(of, {**mine, "hemisphere": side})
                for of in (part, models, listeners)
            )
            _tuning_points(line[side], one, its_models, rois)
            effect_panels.listener_dots(line[side], its_listeners, "difference", rois, -0.25)
        effect_panels.row_title(line, captions.tuning_title(part), "R_sft - R (Pearson r)")
        shown = panels.matching(layers, {**mine, "subjects": vocabulary.LISTENERS})
        there = set(shown["condition"])
        colours = {kind: colour for kind, colour in CONDITIONS.items() if kind in there}
        effect_panels.curves(line["layers"], shown, "difference", colours, "condition")
    means = [f"difference_{kind}" for kind in TUNING_CONTROLS]
    panels.reach(
        [line[side] for line in grid for side in regions],
        table[["difference", "difference_low", "difference_high", *means]],
        models["difference"],
    )
    effect_panels.layer_panels(grid, layers)
    panels.legend(figure, [panel for line in grid for panel in line.values()])
    return Drawn(figure, captions.tuning(table))


def _tuning_points(
    panel: Axes, part: pd.DataFrame, models: pd.DataFrame, rois: Sequence[str]
) -> None:
    """Draw a tuning's difference with its interval, its controls', and every tuned model.

    A star says that both tests over seeds survive correction.
    """
    if part.empty:
        return
    where = panels.places(rois, part["roi"])
    panels.error_bars(
        panel,
        where - 0.25,
        part["difference"],
        part["difference_low"],
        part["difference_high"],
        CONDITIONS[ASSOCIATION],
        label="tuned to associate",
    )
    effect_panels.control_tunings(panel, where, part, (0.05, 0.28))
    for step, kind in zip((-0.25, 0.05, 0.28), (ASSOCIATION, *TUNING_CONTROLS), strict=True):
        mine = models[models["condition"] == kind]
        if len(mine) > len(part):  # one seed is the mean
            panel.scatter(
                panels.places(rois, mine["roi"]) + step,
                mine["difference"],
                s=14,
                marker="_",
                color=CONDITIONS[kind],
                linewidth=0.6,
                zorder=3,
            )
    panels.stars(
        panel,
        where - 0.25,
        part["difference_high"].fillna(part["difference"]),
        shown_values.tuning_p(part),
    )


@style.styled
def tuning_methods(table: pd.DataFrame, tunings: Sequence[str], what: str = "region") -> Drawn:
    """Draw M by region and method, on what control tunings do.

    There is a row for each model, hemispheres apart.

    Parameters
    ----------
    table : pandas.DataFrame
        As `engram.statistics.tuning_tables.tuning_table` makes it.
    tunings : sequence of str
        All texts and tunings of the study: for colours.
    what : str
        What a row of the table is about: region or set of regions.
    """
    if table.empty:
        return style.nothing(captions.tuning_methods_title(what), "no ROI set has a region here")
    rows = list(table.groupby("model", sort=False))
    regions, palette = shown_values.regions_by_side(table), Palette(texts=tunings)
    figure, grid = panels.region_panels(len(rows), regions, 40 * MM)
    names = list(dict.fromkeys(table["tuning"]))
    bound = shown_values.m_axis_bound(table)
    for (model, part), line in zip(rows, grid, strict=True):
        for side, rois in regions.items():
            for number, name in enumerate(names):
                here = panels.matching(part, {"hemisphere": side, "tuning": name})
                if len(here):
                    where = panels.places(rois, here["roi"]) + (
                        (number - (len(names) - 1) / 2) * 0.8 / len(names)
                    )
                    _control_bars(line[side], here, where, 0.3 / len(names))
                    _m_points(line[side], here, where, palette.text(name), bound)
            _m_axis(line[side], bound)
        effect_panels.row_title(
            line, f"{model}, layer {part['layer'].iloc[0]}", "M = (R_sft - R) / R"
        )
    panels.legend(figure, grid[0].values())
    return Drawn(figure, captions.tuning_methods(table, what))


def _control_bars(panel: Axes, part: pd.DataFrame, where: np.ndarray, width: float) -> None:
    """Draw the mean of control tunings, with two standard deviations on either side."""
    middle = part[[f"M_{kind}" for kind in TUNING_CONTROLS]].mean(axis=1)
    reach = 2 * part["null_sd"].fillna(0)
    panel.bar(
        where,
        2 * reach,
        2 * width,
        bottom=middle - reach,
        color=style.LIGHT,
        linewidth=0,
        zorder=1,
        label="control tunings (mean, 2 SD)" if middle.notna().any() else None,
    )
    panel.hlines(middle, where - width, where + width, color=GREY, linewidth=0.8, zorder=2)


def _m_points(
    panel: Axes, part: pd.DataFrame, where: np.ndarray, colour: str, bound: float
) -> None:
    """Draw M of a tuning in one hemisphere; arrows mark values beyond the axis."""
    outside = shown_values.beyond(part["M"], bound).to_numpy()
    low, high = (
        part["M_low"].clip(-2 * bound, 2 * bound),
        part["M_high"].clip(-2 * bound, 2 * bound),
    )
    shown = part["M"].where(~outside)
    panels.error_bars(panel, where, shown, low, high, colour, label=part["tuning"].iloc[0])
    for x, value in zip(where[outside], part["M"][outside], strict=True):
        up = value > 0
        panel.scatter(
            [x],
            [bound if up else -bound],
            marker="^" if up else "v",
            s=12,
            color=colour,
            linewidth=0,
            zorder=5,
            clip_on=False,
        )
    panels.arrows(panel, where, part["M_low"], part["M_high"], bound, colour)
    heights = part["M_high"].fillna(part["M"]).clip(upper=bound)
    panels.stars(panel, where, heights, shown_values.tuning_p(part))


def _m_axis(panel: Axes, bound: float) -> None:
    """Make the axis of M: percentages up to the bound on either side of 0."""
    panel.set_ylim(-bound * 1.08, bound * 1.08)
    panel.yaxis.set_major_formatter(lambda value, _: f"{100 * value:+.0f} %" if value else "0")


@style.styled
def losses(curves: pd.DataFrame) -> Drawn:
    """Draw the losses while models were tuned.

    There is a panel for each tuning and model, and a line for each seed of each condition.
    """
    rows = list(curves.groupby(["tuning", "model"], sort=False))
    per_row = min(3, len(rows))
    lines = -(-len(rows) // per_row)
    figure = style.new_figure(min(PAGE, max(85, 60 * per_row) * MM), (52 * lines + 14) * MM)
    grid = figure.subplots(lines, per_row, squeeze=False, sharey=True)
    for panel in grid.flat[len(rows) :]:
        panel.remove()
    for number, (panel, ((name, model), part)) in enumerate(zip(grid.flat, rows, strict=False)):
        _loss_curves(panel, part)
        panel.set_title(f"{name}, {model}")
        panel.set_xlabel("step")
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        if number % per_row == 0:
            panel.set_ylabel("loss (nats per output token)")
    panels.legend(figure, grid.flat[: len(rows)])
    return Drawn(figure, captions.losses(curves))


def _loss_curves(panel: Axes, part: pd.DataFrame) -> None:
    """Draw validation (solid) and training loss (dotted) of each seed of each condition.

    A loss that was measured twice is two points, and no curve.
    """
    for (condition, seed), line in part.groupby(["condition", "seed"]):
        colour, first = CONDITIONS[condition], seed == 1
        measured = line["validation"].notna().sum()
        panel.plot(
            line["step"],
            line["validation"],
            color=colour,
            marker="D" if measured < 3 else "",
            linestyle="" if measured < 3 else "-",
            label=f"{condition}: validation" if first else None,
        )
        panel.plot(
            line["step"],
            line["training"],
            color=colour,
            linewidth=0.7,
            linestyle=":",
            marker=".",
            label=f"{condition}: training" if first else None,
        )
