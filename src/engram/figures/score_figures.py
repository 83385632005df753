"""Figures of brain scores, by layer and by region, and of how well listeners agree.

They are drawn from the tables alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from engram.features.layers import reported_layer
from engram.figures import panels, shown_values, style
from engram.figures.captions import scores as captions
from engram.figures.shown_values import SIDES
from engram.figures.style import COLUMN, MM, PAGE, Drawn, Palette
from engram.vocabulary import AVERAGE, ORIGINAL, WORD_RATE

#: More rows of a heat map are labelled in smaller type.
_MANY = 40
_CEILING_GREY = "#999999"


@style.styled
def layers(scores: pd.DataFrame, ceilings: pd.DataFrame, models: Sequence[str]) -> Drawn:
    """Draw scores by layer, hemispheres beside each other, with their ceilings.

    Single listeners are drawn above the average listener.

    Parameters
    ----------
    scores, ceilings : pandas.DataFrame
        Of `engram.statistics.score_tables`.
    models : sequence of str
        All models of the study.
    """
    scores = scores[scores["text"] == ORIGINAL]
    whole = shown_values.hemisphere_scores(scores)
    sides = [side for side in SIDES if side in set(whole["hemisphere"])]
    single = whole["subject"] != AVERAGE
    rows = [
        (name, kind, part)
        for name, kind, part in (
            (_singly(whole[single]), "single", whole[single]),
            ("average listener", "average", whole[~single]),
        )
        if len(part)
    ]
    palette, deepest = Palette(models), int(scores["layer"].max())
    width = PAGE if len(sides) > 1 else COLUMN
    figure = style.new_figure(width, 52 * MM * len(rows) + 14 * MM)
    grid = figure.subplots(len(rows), len(sides), squeeze=False, sharex=True, sharey="row")
    for line, (name, kind, part) in zip(grid, rows, strict=True):
        for panel, side in zip(line, sides, strict=True):
            here = part[part["hemisphere"] == side]
            for model in models:
                _layer_line(panel, here[here["model"] == model], model, palette, "layer")
            _ceiling(panel, ceilings[ceilings["hemisphere"] == side], kind)
            panels.zero_line(panel)
            panels.layer_axis(panel, deepest)
            panel.set_title(f"{SIDES[side]}, {name}")
            panel.label_outer()
        line[0].set_ylabel("brain score R (Pearson r)")
    figure.align_ylabels()
    panels.legend(figure, grid.flat)
    return Drawn(figure, captions.layers(scores, ceilings, models))


def _singly(scores: pd.DataFrame) -> str:
    """Return what single listeners are called in a title."""
    return "single listeners" if scores["subject"].nunique() > 1 else "one listener"


@style.styled
def depth(scores: pd.DataFrame, ceilings: pd.DataFrame, models: Sequence[str]) -> Drawn:
    """Draw scores by relative depth, so that models of few and many layers can be compared.

    Parameters
    ----------
    scores, ceilings : pandas.DataFrame
        Of `engram.statistics.score_tables`. Single listeners are drawn, or the average listener
        where there is nobody else.
    models : sequence of str
        All models of the study.
    """
    scores = shown_values.of_single_listeners(scores)
    whole = shown_values.hemisphere_scores(scores)
    last = whole.groupby("model")["layer"].transform("max").clip(lower=1)
    whole = whole.assign(depth=whole["layer"] / last)
    sides = [side for side in SIDES if side in set(whole["hemisphere"])]
    kind = "single" if shown_values.n_single_listeners(scores) else "average"
    palette = Palette(models)
    figure = style.new_figure(PAGE if len(sides) > 1 else COLUMN, 66 * MM)
    line = figure.subplots(1, len(sides), squeeze=False, sharey="row")[0]
    for panel, side in zip(line, sides, strict=True):
        here = whole[whole["hemisphere"] == side]
        for model in models:
            _layer_line(panel, here[here["model"] == model], model, palette, "depth")
        _ceiling(panel, ceilings[ceilings["hemisphere"] == side], kind)
        panels.zero_line(panel)
        panel.set(xlabel="relative depth (0: embeddings, 1: last layer)", xlim=(-0.03, 1.03))
        panel.set_title(SIDES[side])
        panel.label_outer()
    line[0].set_ylabel("brain score R (Pearson r)")
    panels.legend(figure, line)
    return Drawn(figure, captions.depth(scores, ceilings, models))


def _layer_line(
    panel: Axes, part: pd.DataFrame, model: str, palette: Palette, against: str
) -> None:
    """Draw a model's scores against the column of its layers, or of their depth."""
    if len(part):
        by_layer = part.groupby(against)["score"].apply(panels.mean_interval)
        panels.curve(panel, by_layer, model, palette)


def _ceiling(panel: Axes, ceilings: pd.DataFrame, kind: str) -> None:
    """Draw what a perfect model would reach, with its interval over listeners, if it is known."""
    part = ceilings[(ceilings["kind"] == kind) & ceilings["ceiling"].notna()]
    if part.empty:
        return
    mean, low, high = panels.mean_interval(shown_values.listener_ceilings(part))
    panel.axhline(mean, color=_CEILING_GREY, linewidth=1.6, label="ceiling", zorder=0.6)
    if np.isfinite(low):
        panel.axhspan(low, high, color=style.LIGHT, alpha=0.6, linewidth=0, zorder=0.4)


@style.styled
def regions(
    scores: pd.DataFrame, ceilings: pd.DataFrame, models: Sequence[str], layer: int | None
) -> Drawn:
    """Draw scores by region at each model's reported layer, hemispheres apart.

    Single listeners and ceilings are drawn with them.

    Parameters
    ----------
    scores, ceilings : pandas.DataFrame
        Of `engram.statistics.score_tables`.
    models : sequence of str
        All models of the study.
    layer : int or None
        Layer to show; None: two thirds of each model's depth.
    """
    return _regions(scores[scores["text"] == ORIGINAL], ceilings, models, layer, "region")


@style.styled
def roi_sets(
    scores: pd.DataFrame, ceilings: pd.DataFrame, models: Sequence[str], layer: int | None
) -> Drawn:
    """Draw scores of ROI sets, as `regions` draws those of regions."""
    if scores.empty:
        return style.nothing("Brain score by set of regions", "no ROI set has a region here")
    return _regions(
        scores.rename(columns={"roi_set": "roi"}), ceilings, models, layer, "set of regions"
    )


def _regions(
    scores: pd.DataFrame,
    ceilings: pd.DataFrame,
    models: Sequence[str],
    layer: int | None,
    what: str,
) -> Drawn:
    shown = shown_values.at_reported_layer(scores[scores["subject"] != AVERAGE], layer)
    rois = shown_values.regions_by_side(shown)
    palette = Palette(models)
    figure, (line,) = panels.region_panels(1, rois, 45 * MM)
    for side, names in rois.items():
        panel, part = line[side], shown[shown["hemisphere"] == side]
        for number, model in enumerate(models):
            _region_points(
                panel,
                part[part["model"] == model],
                names,
                model,
                palette,
                (number - (len(models) - 1) / 2) * 0.8 / len(models),
            )
        _region_ceilings(panel, part, names)
    line[next(iter(rois))].set_ylabel("brain score R (Pearson r)")
    panels.legend(figure, line.values())
    return Drawn(figure, captions.regions(shown, ceilings, models, what))


def _region_points(
    panel: Axes, part: pd.DataFrame, rois: Sequence[str], model: str, palette: Palette, step: float
) -> None:
    """Draw a model's scores in one hemisphere: regions that it lacks stay empty."""
    if part.empty:
        return
    colour = palette.model(model)["color"]
    name = model if model == WORD_RATE else f"{model} (layer {int(part['layer'].iloc[0])})"
    found = part.groupby("roi")["score"].apply(panels.mean_interval)
    middle, low, high = np.array(found.tolist()).T
    if part["subject"].nunique() > 1:
        where = panels.places(rois, part["roi"]) + step
        panels.dots(panel, where, part["score"], "single listeners")
    panels.error_bars(
        panel,
        panels.places(rois, found.index) + step,
        middle,
        low,
        high,
        colour,
        label=name,
        **palette.marker(model),
    )


def _region_ceilings(panel: Axes, part: pd.DataFrame, rois: Sequence[str]) -> None:
    """Draw a line at the ceiling of each region that has one."""
    bound = part.groupby("roi")["ceiling"].mean().reindex(rois)
    if bound.notna().any():
        where = np.arange(len(rois))
        panel.hlines(
            bound,
            where - 0.42,
            where + 0.42,
            color=_CEILING_GREY,
            linewidth=1.6,
            zorder=0.6,
            label="ceiling",
        )


@style.styled
def roi_layers(scores: pd.DataFrame, models: Sequence[str], layer: int | None) -> Drawn:
    """Draw a heat map of scores, regions by layers, for each model and hemisphere.

    Parameters
    ----------
    scores : pandas.DataFrame
        Of `engram.statistics.score_tables`.
    models : sequence of str
        Models that have layers.
    layer : int or None
        As in `regions`; it is marked.
    """
    scores = shown_values.of_single_listeners(scores)
    mean = scores.groupby(["model", "hemisphere", "roi", "layer"])["score"].mean()
    sides = [side for side in SIDES if side in set(scores["hemisphere"])]
    order = list(
        scores[scores["model"].isin(models)]
        .groupby("roi")["score"]
        .mean()
        .sort_values(ascending=False)
        .index
    )
    bounds = _colour_bounds(mean.loc[list(models)])
    figure, grid = _heat_panels(len(models), len(sides), len(order))
    drawn = grid.flat[: len(models) * len(sides)]
    for number, panel in enumerate(drawn):
        model, side = models[number // len(sides)], sides[number % len(sides)]
        values = mean.loc[model].loc[side].unstack("layer").reindex(order)
        image = _heat_map(panel, values, bounds)
        _mark_layer(panel, reported_layer(int(values.columns.max()), layer))
        panel.set_title(f"{model}, {side}" if side != "B" else model)
    grid[0, 0].invert_yaxis()
    figure.colorbar(
        image,
        ax=list(drawn),
        location="bottom",
        aspect=40,
        shrink=0.5,
        label="brain score R (Pearson r)",
    )
    return Drawn(figure, captions.roi_layers(scores, models))


def _colour_bounds(values: pd.Series) -> tuple[float, float]:
    """Return where colours end: from 0 where nothing is far below it, else on either side of 0."""
    largest = max(0.02, float(values.abs().max()))
    return (0.0 if shown_values.is_one_sided(values.to_numpy()) else -largest), largest


def _heat_panels(n_models: int, n_sides: int, n_regions: int) -> tuple[Figure, np.ndarray]:
    """Return a figure with at most two models in a line, hemispheres beside each other."""
    height = min(190 * MM, max(18 * MM, n_regions * 3.4 * MM))
    per_row = min(n_models, 2)
    lines = -(-n_models // per_row)
    width = PAGE if n_sides * n_models > 1 else COLUMN
    figure = style.new_figure(width, lines * (height + 8 * MM) + 16 * MM)
    grid = figure.subplots(lines, per_row * n_sides, squeeze=False, sharey=True)
    for panel in grid.flat[n_models * n_sides :]:
        panel.remove()
    return figure, grid


def _heat_map(panel: Axes, values: pd.DataFrame, bounds: tuple[float, float]) -> QuadMesh:
    """Draw values, regions by layers, in colours between two bounds."""
    # Edges of cells: from their middles the size of a single row or column does not follow.
    edges = np.arange(values.shape[1] + 1) - 0.5, np.arange(values.shape[0] + 1) - 0.5
    image = panel.pcolormesh(
        *edges,
        np.ma.masked_invalid(values),
        cmap=style.DIVERGING if bounds[0] else style.SEQUENTIAL,
        vmin=bounds[0],
        vmax=bounds[1],
        rasterized=len(values) > _MANY,
    )
    panel.set(xlabel="layer")
    # Hatched where there is no value: plain grey would pass for a score about 0.
    panel.patch.set(facecolor="white", hatch="//////", edgecolor="#BBBBBB", linewidth=0)
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    panel.set_yticks(
        range(len(values)),
        [name[:30] for name in values.index],
        fontsize=style.SMALL if len(values) <= _MANY else style.TINY,
    )
    panel.tick_params(length=0)
    return image


def _mark_layer(panel: Axes, layer: int) -> None:
    """Mark a layer by a line that can be seen on any colour."""
    for colour, width, dashes in (("white", 1.4, "-"), (style.INK, 0.7, ":")):
        panel.axvline(layer, color=colour, linewidth=width, linestyle=dashes)


@style.styled
def reliability(ceilings: pd.DataFrame) -> Drawn:
    """Draw how well listeners predict each other.

    Every listener is drawn beside the others, and every region.

    Parameters
    ----------
    ceilings : pandas.DataFrame
        Of `engram.statistics.score_tables`; at least one story with four listeners.
    """
    known = ceilings[ceilings["ceiling"].notna()]
    stories = list(dict.fromkeys(known["story"]))
    look = {story: Palette(texts=stories).text(story) for story in stories}
    rois = shown_values.regions_by_side(known)
    many = sum(map(len, rois.values())) > _MANY
    figure = style.new_figure(PAGE, 75 * MM if many else 62 * MM)
    listeners_panel, regions_panel = figure.subplots(1, 2, width_ratios=[1, 1.4])
    _reliability_of_listeners(listeners_panel, shown_values.listener_reliability(known), look)
    labels = [_region_name(roi, side) for side, names in rois.items() for roi in names]
    _reliability_of_regions(regions_panel, known[known["kind"] == "split_sb"], labels, look)
    if len(stories) > 1:
        panels.legend(figure, [listeners_panel])
    return Drawn(figure, captions.reliability(known))


def _reliability_of_listeners(
    panel: Axes, by_listener: pd.DataFrame, look: Mapping[str, str]
) -> None:
    """Draw each listener's correlation with the others, sorted; colours by story."""
    order = list(by_listener.groupby("subject")["ceiling"].mean().sort_values().index)
    for story, part in by_listener.groupby("story", sort=False):
        panel.scatter(
            panels.places(order, part["subject"]),
            part["ceiling"],
            s=8,
            color=look[story],
            linewidth=0,
            label=story,
        )
    panels.zero_line(panel)
    panel.set(xlabel=f"{len(order)} listeners, sorted", ylabel="r with the others' mean", xticks=[])
    panel.set_title("single listeners (leave one out)")


def _reliability_of_regions(
    panel: Axes, halves: pd.DataFrame, labels: Sequence[str], look: Mapping[str, str]
) -> None:
    """Draw the split-half reliability of regions; colours by story."""
    for story, part in halves.groupby("story", sort=False):
        names = [_region_name(row.roi, row.hemisphere) for row in part.itertuples()]
        panel.scatter(
            panels.places(labels, names),
            part["ceiling"],
            s=10,
            marker="s",
            color=look[story],
            linewidth=0,
            label=story,
        )
    panels.zero_line(panel)
    panels.region_axis(panel, labels, labelled=len(labels) <= _MANY)
    if len(labels) > _MANY:
        panel.set_xlabel(
            f"{len(labels)} regions, by hemisphere and name (tables/ceilings.tsv has them all)"
        )
    panel.set_ylabel("split-half reliability $r_{SB}$", parse_math=True)
    panel.set_title("regions (mean of all listeners)")


def _region_name(roi: str, side: str) -> str:
    return f"{roi}, {side}" if side != "B" else roi
