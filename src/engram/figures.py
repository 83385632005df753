"""Figures, from the tables alone.

Colours are Okabe and Ito's, which people with any colour vision can tell apart; baselines are grey, untrained twins have
their model's colour, dashed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from engram import storage, tables
from engram.names import AVERAGE, ORIGINAL, WORD_RATE

matplotlib.use("Agg")

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_GREY = "#777777"
_CEILING = "#F0E442"
_STYLE = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "engram",
    "figure.constrained_layout.use": True,
}
_UNTRAINED = "-untrained"
_AVERAGE_LABEL = "average listener"


def draw(name: str, scores: pd.DataFrame, ceilings: pd.DataFrame, regions: pd.DataFrame, models: Sequence[str], layer: int | None) -> Figure:
    """Return a figure.

    Parameters
    ----------
    name : {"layers", "regions", "brain"}
    scores, ceilings, regions : pandas.DataFrame
        Of `engram.tables`.
    models : sequence of str
        In the order of the legend.
    layer : int or None
        Layer to show where one is shown; None: two thirds of each model's depth.
    """
    with matplotlib.rc_context(_STYLE):
        original = scores[scores["augmentation"] == ORIGINAL]
        if name == "layers":
            return _layers(original, ceilings, models)
        if name == "regions":
            return _regions(original, models, layer)
        return _brain(original, regions, models, layer)


def save(figure: Figure, svg: str, png: str, dpi: int) -> None:
    """Write a figure as SVG and PNG, the same bytes each time."""
    with matplotlib.rc_context(_STYLE):
        with storage.atomic(svg) as path:
            figure.savefig(path, metadata={"Date": None})
        with storage.atomic(png) as path:
            figure.savefig(path, dpi=dpi)


def _look(model: str, models: Sequence[str]) -> dict[str, Any]:
    if model == WORD_RATE:
        return {"color": _GREY, "linestyle": "--"}
    bases = [name for name in models if name != WORD_RATE and not name.endswith(_UNTRAINED)]
    base = model.removesuffix(_UNTRAINED)
    return {"color": _COLOURS[bases.index(base) % len(_COLOURS)], "linestyle": ":" if model.endswith(_UNTRAINED) else "-"}


def _layers(scores: pd.DataFrame, ceilings: pd.DataFrame, models: Sequence[str]) -> Figure:
    whole = tables.by_subject(scores)
    panels = [(AVERAGE, whole["subject"] == AVERAGE), (tables.LISTENERS, whole["subject"] != AVERAGE)]
    panels = [(name, mask) for name, mask in panels if mask.any()]
    figure = Figure(figsize=(3.6 * len(panels) + 0.4, 3.6))
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    n_listeners = whole.loc[whole["subject"] != AVERAGE, "subject"].nunique()
    for panel, (name, mask) in zip(axes, panels, strict=True):
        for model in models:
            part = whole[mask & (whole["model"] == model)].groupby("layer")["score"].agg(["mean", "std"])
            _layer_line(panel, part, model, _look(model, models), spread=name == tables.LISTENERS)
        _ceiling_band(panel, ceilings, average=name == AVERAGE)
        panel.axhline(0, color="black", linewidth=0.6)
        n_layers = int(scores["layer"].max())
        panel.set(xlabel="layer (0: embeddings)", ylabel="brain score R (Pearson r)", xlim=(-0.3, max(n_layers, 1) + 0.3))
        panel.xaxis.get_major_locator().set_params(integer=True)
        panel.set_title(f"average of {n_listeners} listeners" if name == AVERAGE else f"{n_listeners} single listeners (mean, SD)", fontsize=9)
    handles, labels = axes[-1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(4, len(labels)))
    return figure


def _layer_line(panel: Axes, part: pd.DataFrame, model: str, look: dict[str, Any], spread: bool) -> None:
    if model == WORD_RATE:  # no layers: a line across
        panel.axhline(part["mean"].iloc[0], label=model, linewidth=1.2, **look)
        return
    panel.plot(part.index, part["mean"], marker="o", markersize=3.5, linewidth=1.4, label=model, **look)
    if spread:
        panel.fill_between(part.index, part["mean"] - part["std"], part["mean"] + part["std"], color=look["color"], alpha=0.12, linewidth=0)


def _ceiling_band(panel: Axes, ceilings: pd.DataFrame, average: bool) -> None:
    kind = "average" if average else "single"
    part = ceilings[(ceilings["kind"] == kind) & ceilings["ceiling"].notna()]
    if part.empty:
        return
    by_subject = part.assign(weighted=part["ceiling"] * part["n_targets"]).groupby(["subject", "story"])[["weighted", "n_targets"]].sum()
    values = (by_subject["weighted"] / by_subject["n_targets"]).groupby("subject").mean()
    mean, deviation = values.mean(), values.std() if len(values) > 1 else 0.0
    panel.axhspan(mean - deviation - 0.003, mean + deviation + 0.003, color=_CEILING, alpha=0.45, linewidth=0, label="ceiling (mean, SD)", zorder=0)


def _regions(scores: pd.DataFrame, models: Sequence[str], layer: int | None) -> Figure:
    shown = _at_reported_layer(scores, layer)
    places = shown[["hemisphere", "roi"]].drop_duplicates().sort_values(["hemisphere", "roi"]).itertuples(index=False)
    labels = [(place.hemisphere, place.roi) for place in places]
    width = 0.8 / len(models)
    figure = Figure(figsize=(max(4.5, 0.35 * len(labels) * len(models) + 1.5), 3.8))
    panel = figure.subplots()
    rng = np.random.default_rng(0)
    has_average = (shown["subject"] == AVERAGE).any()
    for number, model in enumerate(models):
        look = _look(model, models)
        part = shown[shown["model"] == model].set_index(["hemisphere", "roi"])
        where = np.arange(len(labels)) + (number - (len(models) - 1) / 2) * width
        singles = [part.loc[[label]].query("subject != @AVERAGE")["score"].to_numpy() for label in labels]
        filled = "none" if model.endswith(_UNTRAINED) else look["color"]
        depth = int(scores.loc[scores["model"] == model, "layer"].max())
        name = model if depth == 0 else f"{model} (layer {tables.reported_layer(depth, layer)})"
        panel.bar(
            where,
            [values.mean() if len(values) else np.nan for values in singles],
            width * 0.92,
            facecolor=filled,
            edgecolor=look["color"],
            alpha=0.75,
            label=name,
        )
        for place, values in zip(where, singles, strict=True):
            panel.scatter(place + rng.uniform(-0.25, 0.25, len(values)) * width, values, s=3, color="black", alpha=0.45, linewidth=0, zorder=3)
        if has_average:
            averages = [part.loc[[label]].query("subject == @AVERAGE")["score"].mean() for label in labels]
            panel.scatter(
                where,
                averages,
                marker="D",
                s=16,
                facecolor="white",
                edgecolor=look["color"],
                zorder=4,
                label=_AVERAGE_LABEL if number == len(models) - 1 else None,
            )
    panel.axhline(0, color="black", linewidth=0.6)
    panel.set_xticks(range(len(labels)), [tables.region_label(*label) for label in labels], rotation=0 if len(labels) <= 8 else 90)
    panel.set_ylabel("brain score R (Pearson r)")
    n_listeners = shown.loc[shown["subject"] != AVERAGE, "subject"].nunique()
    panel.set_title(f"bars: mean of {n_listeners} listeners; points: single listeners", fontsize=9)
    handles, names = panel.get_legend_handles_labels()
    order = np.argsort([name == _AVERAGE_LABEL for name in names], kind="stable")
    figure.legend([handles[i] for i in order], [names[i] for i in order], loc="outside lower center", ncols=min(4, len(names)))
    return figure


def _at_reported_layer(scores: pd.DataFrame, layer: int | None) -> pd.DataFrame:
    depth = scores.groupby("model")["layer"].transform("max")
    wanted = depth.map(lambda last: tables.reported_layer(int(last), layer))
    return scores[scores["layer"] == wanted]


def _brain(scores: pd.DataFrame, regions: pd.DataFrame, models: Sequence[str], layer: int | None) -> Figure:
    import matplotlib.pyplot as plt
    from nilearn import plotting

    language = [model for model in models if model != WORD_RATE and not model.endswith(_UNTRAINED)] or list(models)
    shown = _at_reported_layer(scores, layer)
    figure = plt.figure(figsize=(7.5, 2.6 * len(language)), layout="none")
    located = regions.dropna(subset=["x", "y", "z"])
    for number, model in enumerate(language):
        part = shown[(shown["model"] == model) & (shown["subject"] != AVERAGE)].groupby(["hemisphere", "roi"])["score"].mean()
        values = [part.loc[(row.hemisphere, row.roi)] for row in located.itertuples()]
        bound = max(0.05, float(np.nanmax(np.abs(values))))
        depth = int(scores.loc[scores["model"] == model, "layer"].max())
        rows = len(language)
        axes = figure.add_axes((0.0, (rows - 1 - number) / rows, 1.0, 0.88 / rows))
        plotting.plot_markers(
            values,
            located[["x", "y", "z"]].to_numpy(),
            node_size=60,
            node_cmap="RdBu_r",
            node_vmin=-bound,
            node_vmax=bound,
            axes=axes,
            colorbar=True,
            title=f"{model}, layer {tables.reported_layer(depth, layer)}: R, mean of listeners",
        )
    return figure
