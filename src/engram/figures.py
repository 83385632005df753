"""Figures, from the tables alone.

Colours are Okabe and Ito's, which people with any colour vision can tell apart; baselines are grey, untrained twins have
their model's colour, dashed.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from engram import storage, tables
from engram.maps import ASSOCIATION_DIFFERENCE, layer_name, on_fsaverage5
from engram.names import AVERAGE, ORIGINAL, UNTRAINED_SUFFIX, WORD_RATE

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
#: Letters of a region's name under a panel.
_LONGEST_REGION = 30
_AVERAGE_LABEL = "average listener"
_CONDITIONS = {"association": _COLOURS[0], "shuffled": _COLOURS[4], "generic": "#999999"}
_HEMISPHERES = {"L": "left", "R": "right", "B": "both sides"}
#: Colours of maps of F reach at least so far, so that noise is pale.
_LEAST_F = 0.01


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
    bases = [name for name in models if name != WORD_RATE and not name.endswith(UNTRAINED_SUFFIX)]
    base = model.removesuffix(UNTRAINED_SUFFIX)
    return {"color": _COLOURS[bases.index(base) % len(_COLOURS)], "linestyle": ":" if model.endswith(UNTRAINED_SUFFIX) else "-"}


def _legend(figure: Figure, handles: Sequence[Any], labels: Sequence[str]) -> None:
    """Put a legend below the panels, with as many columns as the figure's width has room for."""
    room = figure.get_figwidth() / (0.075 * max(map(len, labels)) + 0.7)  # inches of a letter, and of a handle with its gaps
    figure.legend(handles, labels, loc="outside lower center", ncols=int(np.clip(room, 1, 4)))


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
        panel.set_title(f"average listener ({n_listeners} people)" if name == AVERAGE else f"single listeners ({n_listeners}; mean, SD)", fontsize=9)
    handles, labels = axes[-1].get_legend_handles_labels()
    _legend(figure, handles, labels)
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
    rois = sorted(set(shown["roi"]))
    hemispheres = sorted(set(shown["hemisphere"]))
    per_row = len(rois) * len(models)
    figure = Figure(figsize=(min(14, max(4.5, 0.24 * per_row + 1.5)), 2.5 * len(hemispheres) + 1.1))
    panels = figure.subplots(len(hemispheres), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for panel, hemisphere in zip(panels, hemispheres, strict=True):
        part = shown[shown["hemisphere"] == hemisphere].set_index("roi")
        for number, model in enumerate(models):
            _region_bars(panel, part[part["model"] == model], rois, model, models, number)
        panel.axhline(0, color="black", linewidth=0.6)
        panel.set_ylabel("brain score R\n(Pearson r)")
        panel.set_title({"L": "left hemisphere", "R": "right hemisphere", "B": "both hemispheres"}[hemisphere], fontsize=9, loc="left")
    short = len(rois) <= 8 and max(map(len, rois)) <= 8
    shown_names = [textwrap.shorten(roi, _LONGEST_REGION, placeholder="...") if " " in roi else roi[:_LONGEST_REGION] for roi in rois]
    panels[-1].set_xticks(range(len(rois)), shown_names, rotation=0 if short else 60, ha="center" if short else "right")
    n_listeners = shown.loc[shown["subject"] != AVERAGE, "subject"].nunique()
    figure.suptitle(f"bars: mean of {n_listeners} listeners; points: single listeners", fontsize=9)
    handles = {name: handle for panel in panels for handle, name in zip(*panel.get_legend_handles_labels(), strict=True)}
    names = sorted(handles, key=lambda name: name == _AVERAGE_LABEL)
    _legend(figure, [handles[name] for name in names], names)
    return figure


def _region_bars(panel: Axes, part: pd.DataFrame, rois: Sequence[str], model: str, models: Sequence[str], number: int) -> None:
    """Draw a model's bars in one hemisphere: regions that it lacks stay empty."""
    if part.empty:
        return
    look, width = _look(model, models), 0.8 / len(models)
    where = np.arange(len(rois)) + (number - (len(models) - 1) / 2) * width
    single, average = part[part["subject"] != AVERAGE]["score"], part[part["subject"] == AVERAGE]["score"]
    shown = int(part["layer"].iloc[0])
    name = model if model == WORD_RATE else f"{model} (layer {shown})"
    heights = single.groupby(level=0).mean().reindex(rois).to_numpy()
    filled = "none" if model.endswith(UNTRAINED_SUFFIX) else look["color"]
    panel.bar(where, heights, width * 0.92, facecolor=filled, edgecolor=look["color"], alpha=0.75, label=name)
    rng = np.random.default_rng(0)
    place = pd.Series(where, index=rois).reindex(single.index).to_numpy() + rng.uniform(-0.25, 0.25, len(single)) * width
    panel.scatter(place, single.to_numpy(), s=3, color="black", alpha=0.45, linewidth=0, zorder=3)
    if len(average):
        diamonds = average.reindex(rois).to_numpy()
        panel.scatter(where, diamonds, marker="D", s=16, facecolor="white", edgecolor=look["color"], zorder=4, label=_AVERAGE_LABEL)


def _at_reported_layer(scores: pd.DataFrame, layer: int | None) -> pd.DataFrame:
    depth = scores.groupby("model")["layer"].transform("max")
    wanted = depth.map(lambda last: tables.reported_layer(int(last), layer))
    return scores[scores["layer"] == wanted]


def _brain(scores: pd.DataFrame, regions: pd.DataFrame, models: Sequence[str], layer: int | None) -> Figure:
    language = [model for model in models if model != WORD_RATE and not model.endswith(UNTRAINED_SUFFIX)] or list(models)
    shown = _at_reported_layer(scores, layer)
    single = shown[shown["subject"] != AVERAGE]
    rows = {}
    for model in language:
        part = single[single["model"] == model]
        title = f"{model}, layer {int(part['layer'].iloc[0])}: brain score R (Pearson r), mean of listeners"
        rows[title] = part.groupby(["hemisphere", "roi"])["score"].mean()
    return _marker_rows(rows, regions, 0.05)


def _marker_rows(rows: Mapping[str, pd.Series], regions: pd.DataFrame, least: float) -> Figure:
    """Return glass brains, one below the other, with a marker at each region; series by hemisphere and roi, by title; colours reach `least` or beyond."""
    import matplotlib.pyplot as plt
    from nilearn import plotting

    located = regions.dropna(subset=["x", "y", "z"])
    bound = max(least, *(float(part.abs().max()) for part in rows.values()))
    figure = plt.figure(figsize=(7.5, 2.7 * len(rows)), layout="none")
    for number, (title, part) in enumerate(rows.items()):
        bottom = (len(rows) - 1 - number) / len(rows)
        figure.text(0.01, bottom + 0.94 / len(rows), title, fontsize=9)
        plotting.plot_markers(
            [part.loc[(row.hemisphere, row.roi)] for row in located.itertuples()],
            located[["x", "y", "z"]].to_numpy(),
            node_size=60,
            node_cmap="RdBu_r",
            node_vmin=-bound,
            node_vmax=bound,
            axes=figure.add_axes((0.0, bottom, 1.0, 0.9 / len(rows))),
            colorbar=True,
        )
    return figure


def association_markers(table: pd.DataFrame, regions: pd.DataFrame) -> Figure:
    """Return a figure of F minus that of random texts, a marker for each region and a row for each augmentation and model."""
    rows = {
        f"{_association_title(part)}: F minus random (Pearson r), mean of listeners": part.set_index(["hemisphere", "roi"])["F_minus_random"]
        for _, part in table.groupby(["augmentation", "model"], sort=False)
    }
    with matplotlib.rc_context(_STYLE):
        return _marker_rows(rows, regions, _LEAST_F)


def _association_title(part: pd.DataFrame) -> str:
    first = part.iloc[0]
    return f"{first['augmentation']} (written by: {first['written_by']}), {first['model']}, layer {first['layer']}"


def roi_sets(scores: pd.DataFrame, models: Sequence[str], layer: int | None) -> Figure:
    """Return a figure of the scores of ROI sets (`engram.tables.roi_set_scores`), drawn as regions are."""
    with matplotlib.rc_context(_STYLE):
        if scores.empty:
            figure = Figure(figsize=(4.5, 1.5))
            figure.text(0.5, 0.5, "no ROI set has a region here", ha="center")
            return figure
        return _regions(scores.rename(columns={"roi_set": "roi"}), models, layer)


def association(table: pd.DataFrame, controls: pd.DataFrame, listeners: pd.DataFrame, layers: pd.DataFrame) -> Figure:
    """Return a figure of F: by region, with its controls and single listeners, and by layer; a row for each augmentation and model, hemispheres apart.

    Parameters
    ----------
    table, controls, listeners, layers : pandas.DataFrame
        As `engram.effects` makes them.
    """

    def bars(panel: Axes, part: pd.DataFrame, here: Mapping[str, str], rois: Sequence[str]) -> None:
        _association_bars(panel, part, _matching(controls, here), _matching(listeners, here), rois)

    def curves(panel: Axes, here: Mapping[str, str]) -> None:
        for (subjects, side), part in _matching(layers, here).groupby(["subjects", "hemisphere"]):
            colour = _COLOURS[0] if subjects == tables.LISTENERS else _COLOURS[1]
            who = subjects if subjects == tables.LISTENERS else _AVERAGE_LABEL
            _layer_curve(panel, part, "F", side, f"by layer, {_HEMISPHERES[side]}: {who}", colour)

    return _effects(table, ["augmentation", "model"], _association_title, "F (Pearson r)", bars, curves)


def tuning(table: pd.DataFrame, models: pd.DataFrame, listeners: pd.DataFrame, layers: pd.DataFrame) -> Figure:
    """Return a figure of R_sft - R: by region, with every tuned model and single listeners, and by layer; a row for each tuning and model, hemispheres apart.

    M is this over R, which is near 0 in some regions; it is in the tables, and in the figure of sets of regions.

    Parameters
    ----------
    table, models, listeners, layers : pandas.DataFrame
        As `engram.tuned` makes them.
    """

    def bars(panel: Axes, part: pd.DataFrame, here: Mapping[str, str], rois: Sequence[str]) -> None:
        _tuning_bars(panel, part, "difference", rois)
        for step, kind in ((-0.25, "association"), (0.05, "shuffled"), (0.3, "generic")):
            mine = _matching(models, {**here, "condition": kind})
            place = np.array([rois.index(name) for name in mine["roi"]]) + step
            label = "a tuned model each" if kind == "association" else None
            panel.scatter(place, mine["difference"], s=12, marker="_", color="black", linewidth=0.9, zorder=4, label=label)
        _listener_dots(panel, _matching(listeners, here), "difference", rois)

    def curves(panel: Axes, here: Mapping[str, str]) -> None:
        shown = _matching(layers, {**here, "subjects": tables.LISTENERS})
        for (condition, side), part in shown.groupby(["condition", "hemisphere"]):
            label = f"by layer, {_HEMISPHERES[side]}: {condition}, first seed"
            _layer_curve(panel, part, "difference", side, label, _CONDITIONS[condition])

    return _effects(table, ["tuning", "model"], _tuning_title, "R_sft - R (Pearson r)", bars, curves)


def tuning_sets(table: pd.DataFrame) -> Figure:
    """Return a figure of M by set of regions, beside that of its controls; a row for each tuning and model, hemispheres apart."""

    def bars(panel: Axes, part: pd.DataFrame, here: Mapping[str, str], rois: Sequence[str]) -> None:
        _tuning_bars(panel, part, "M", rois)

    return _effects(table, ["tuning", "model"], _tuning_title, "M = (R_sft - R) / R", bars, None)


def losses(curves: pd.DataFrame) -> Figure:
    """Return a figure of the losses while models were tuned: a panel for each tuning and model, a line for each seed of each condition."""
    rows = list(curves.groupby(["tuning", "model"], sort=False))
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(3.3 * len(rows) + 0.6, 3.4))
        panels = figure.subplots(1, len(rows), squeeze=False, sharey=True)[0]
        for panel, ((name, model), part) in zip(panels, rows, strict=True):
            for (condition, seed), line in part.groupby(["condition", "seed"]):
                colour, first = _CONDITIONS[condition], seed == 1
                panel.plot(line["step"], line["validation"], color=colour, linewidth=1.3, label=f"{condition}: validation" if first else None)
                panel.plot(line["step"], line["training"], color=colour, linewidth=0.8, linestyle=":", label=f"{condition}: training" if first else None)
            panel.set_title(f"{name}, {model}", fontsize=9)
            panel.set_xlabel("step")
        panels[0].set_ylabel("loss (nats per output token)")
        handles, labels = panels[0].get_legend_handles_labels()
        _legend(figure, handles, labels)
    return figure


_Bars = Callable[[Axes, pd.DataFrame, Mapping[str, str], Sequence[str]], None]
_Curves = Callable[[Axes, Mapping[str, str]], None]


def _effects(table: pd.DataFrame, keys: Sequence[str], title: Callable[[pd.DataFrame], str], label: str, bars: _Bars, curves: _Curves | None) -> Figure:
    """Return a figure with a row for each value of the keys: panels of bars by region, one for each hemisphere, and a panel by layer."""
    rows = list(table.groupby(list(keys), sort=False))
    sides = sorted(set(table["hemisphere"]))
    regions = {side: list(dict.fromkeys(table.loc[table["hemisphere"] == side, "roi"])) for side in sides}
    widths = [*(max(0.9, 0.32 * len(regions[side])) for side in sides), *([2.0] if curves else [])]
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(min(15.0, max(7.5, sum(widths) + 1.2)), 2.1 * len(rows) + 1.4))
        panels = figure.subplots(len(rows), len(widths), squeeze=False, sharex="col", width_ratios=widths)
        for number, ((values, part), line) in enumerate(zip(rows, panels, strict=True)):
            mine = dict(zip(keys, values, strict=True))
            for side, panel in zip(sides, line, strict=False):
                here = {**mine, "hemisphere": side}
                panel.sharey(line[0])
                bars(panel, _matching(part, here), here, regions[side])
                panel.axhline(0, color="black", linewidth=0.6)
                panel.set_xticks(range(len(regions[side])), [name[:_LONGEST_REGION] for name in regions[side]], rotation=60, ha="right")
                if number == len(rows) - 1:
                    panel.set_xlabel(_HEMISPHERES[side])
            line[0].set_title(title(part), fontsize=9, loc="left")
            line[0].set_ylabel(label)
            if curves:
                curves(line[-1], mine)
                line[-1].axhline(0, color="black", linewidth=0.6)
                line[-1].set_title("mean of regions", fontsize=8)
                line[-1].xaxis.get_major_locator().set_params(integer=True)
        if curves:
            panels[-1][-1].set_xlabel("layer (0: embeddings)")
        handles = {name: handle for panel in panels[0] for handle, name in zip(*panel.get_legend_handles_labels(), strict=True)}
        _legend(figure, list(handles.values()), list(handles))
    return figure


def _tuning_title(part: pd.DataFrame) -> str:
    first = part.iloc[0]
    return f"{first['tuning']} ({first['method']}; seeds: {first['n_seeds']}), {first['model']}, layer {first['layer']}"


def _layer_curve(panel: Axes, part: pd.DataFrame, value: str, side: str, label: str, colour: str) -> None:
    curve = part.groupby("layer")[value].mean()
    panel.plot(curve.index, curve, marker="o", markersize=3, linewidth=1.2, color=colour, linestyle="--" if side == "R" else "-", label=label)


def _jitter(number: int) -> np.ndarray:
    """Return small steps to either side, the same each time, so that points do not hide each other."""
    return np.random.default_rng(0).uniform(-0.1, 0.1, number)


def _matching(table: pd.DataFrame, values: Mapping[str, str]) -> pd.DataFrame:
    return table[np.logical_and.reduce([table[name] == value for name, value in values.items()])]


def _association_bars(panel: Axes, part: pd.DataFrame, controls: pd.DataFrame, listeners: pd.DataFrame, rois: Sequence[str]) -> None:
    """Draw F of an augmentation, the range of random texts, other controls, and listeners; a star where the test over texts survives correction."""
    where = np.array([rois.index(name) for name in part["roi"]])
    random = controls[controls["text"].str.startswith("random-")].groupby("roi")["F"].quantile([0.025, 0.975]).unstack().reindex(part["roi"])
    middle = part["F_random"].to_numpy()
    spread = np.stack([middle - random[0.025].to_numpy(), random[0.975].to_numpy() - middle])
    panel.bar(where - 0.2, part["F"], 0.36, color=_COLOURS[0], alpha=0.75, label="F, mean of listeners")
    panel.bar(where + 0.2, middle, 0.36, color="#BBBBBB", label="random texts (95 % of them)")
    panel.errorbar(where + 0.2, middle, yerr=np.maximum(spread, 0), fmt="none", ecolor=_GREY, elinewidth=1)
    for kind, marker in (("shuffled", "^"), ("displaced", "v"), ("repeat", "s")):
        values = part[f"F_{kind}"]
        if values.notna().any():
            panel.scatter(where + 0.2, values, marker=marker, s=14, facecolor="none", edgecolor="black", linewidth=0.7, zorder=4, label=kind)
    _listener_dots(panel, listeners, "F", rois)
    _stars(panel, where - 0.2, part["F"], part["p_texts_fdr"])


def _tuning_bars(panel: Axes, part: pd.DataFrame, value: str, rois: Sequence[str]) -> None:
    """Draw a tuning's difference or M with its interval, and its controls'; a star where both tests over seeds survive correction."""
    where = np.array([rois.index(name) for name in part["roi"]])
    low, high = part[value] - part[f"{value}_low"], part[f"{value}_high"] - part[value]
    panel.bar(where - 0.25, part[value], 0.3, color=_CONDITIONS["association"], alpha=0.75, label="tuned to associate, 95 % interval over listeners")
    panel.errorbar(where - 0.25, part[value], yerr=np.maximum(np.stack([low, high]), 0), fmt="none", ecolor="black", elinewidth=0.8)
    for step, kind in ((0.05, "shuffled"), (0.3, "generic")):
        if part[f"{value}_{kind}"].notna().any():
            panel.bar(where + step, part[f"{value}_{kind}"], 0.2, color=_CONDITIONS[kind], alpha=0.6, label=f"{kind} controls")
    _stars(panel, where - 0.25, part[value], part[["p_shuffled_fdr", "p_generic_fdr"]].max(axis=1, skipna=False))


def _listener_dots(panel: Axes, listeners: pd.DataFrame, value: str, rois: Sequence[str]) -> None:
    single = listeners[listeners["subject"] != AVERAGE]
    if len(single):
        place = np.array([rois.index(name) for name in single["roi"]]) - 0.2 + _jitter(len(single))
        panel.scatter(place, single[value].to_numpy(float), s=3, color="black", alpha=0.35, linewidth=0, zorder=3, label="single listeners")


def _stars(panel: Axes, where: np.ndarray, heights: pd.Series, p: pd.Series) -> None:
    for x, height, corrected in zip(where, heights, p, strict=True):
        if corrected < 0.05:
            panel.annotate("*", (x, max(height, 0)), ha="center", va="bottom", fontsize=11)


def cortex(scores: pd.DataFrame, maps: Mapping[str, Mapping[str, Mapping[str, np.ndarray]]], layer: int | None) -> Figure:
    """Return a figure of scores on the inflated cortex, at each model's reported layer.

    Parameters
    ----------
    scores : pandas.DataFrame
        Of `engram.tables`; says how deep each model is.
    maps : mapping
        By model, hemisphere (L, R) and layer, as `engram.maps` names it: arrays of shape (n_vertices, ), NaN where no target is.
    layer : int or None
        As in `draw`.
    """
    depths = scores.groupby("model")["layer"].max()
    shown = {model: tables.reported_layer(int(depths[model]), layer) for model in maps}
    n_listeners = scores.loc[scores["subject"] != AVERAGE, "subject"].nunique()
    rows = {f"{model}, layer {shown[model]}": {side: maps[model][side][layer_name(shown[model])] for side in ("L", "R")} for model in maps}
    return _cortex_rows(rows, f"brain score R (Pearson r), mean of {n_listeners} listeners", 0.05)


def association_cortex(table: pd.DataFrame, maps: Mapping[tuple[str, str], Mapping[str, Mapping[str, np.ndarray]]]) -> Figure:
    """Return a figure of F minus that of random texts on the inflated cortex, a row for each augmentation and model.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `engram.effects.association_table`; says who wrote what, and which layer it is.
    maps : mapping
        By augmentation and model, hemisphere (L, R) and name (`engram.maps.association_maps`).
    """
    parts = {(augmentation, model): part for (augmentation, model), part in table.groupby(["augmentation", "model"])}
    rows = {_association_title(parts[key]): {side: sides[side][ASSOCIATION_DIFFERENCE] for side in ("L", "R")} for key, sides in maps.items()}
    return _cortex_rows(rows, f"F minus random (Pearson r), mean of {table['n_listeners'].iloc[0]} listeners", _LEAST_F)


def _cortex_rows(rows: Mapping[str, Mapping[str, np.ndarray]], label: str, least: float) -> Figure:
    """Return inflated cortices, one row for each title; maps by hemisphere; colours reach `least` or beyond."""
    import matplotlib.pyplot as plt
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from nilearn import plotting
    from nilearn.datasets import load_fsaverage, load_fsaverage_data

    mesh, sulci = load_fsaverage("fsaverage5")["inflated"], load_fsaverage_data(mesh="fsaverage5", data_type="sulcal")
    values = {title: {side: on_fsaverage5(sides[side]) for side in ("L", "R")} for title, sides in rows.items()}
    bound = max(least, max(float(np.nanmax(np.abs(one))) for sides in values.values() for one in sides.values()))
    views = [("L", "lateral"), ("L", "medial"), ("R", "medial"), ("R", "lateral")]
    with matplotlib.rc_context(_STYLE):
        figure = plt.figure(figsize=(9.2, 2.3 * len(values) + 0.7), layout="none")
        height = 1 - 0.7 / figure.get_figheight()
        for row, (title, sides) in enumerate(values.items()):
            bottom = 1 - (row + 1) * height / len(values)
            figure.text(0.01, bottom + height / len(values) - 0.02, title, fontsize=9, va="top")
            for column, (side, view) in enumerate(views):
                part = {"L": "left", "R": "right"}[side]
                axes = figure.add_axes((column / 4, bottom, 0.25, 0.93 * height / len(values)), projection="3d")
                # Vertices without a target are 0, and what is 0 is not painted.
                plotting.plot_surf_stat_map(
                    mesh.parts[part],
                    np.nan_to_num(sides[side]),
                    hemi=part,
                    view=view,
                    bg_map=sulci.data.parts[part],
                    bg_on_data=True,
                    threshold=1e-9,
                    vmax=bound,
                    cmap="RdBu_r",
                    colorbar=False,
                    axes=axes,
                )
                for surface in axes.collections:  # 20,000 triangles: an image inside the SVG
                    surface.set_rasterized(True)
        bar = figure.add_axes((0.3, 0.42 / figure.get_figheight(), 0.4, 0.1 / figure.get_figheight()))
        figure.colorbar(ScalarMappable(Normalize(-bound, bound), "RdBu_r"), cax=bar, orientation="horizontal")
        bar.set_title(label, fontsize=9)
    return figure
