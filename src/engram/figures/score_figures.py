"""Figures of brain scores, by layer and by region, and of how well listeners agree.

They are drawn from the tables alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from engram.features.layers import reported_layer
from engram.figures import style
from engram.figures.style import COLUMN, MM, PAGE, SIDES, Drawn, Palette, count, listed, span
from engram.vocabulary import AVERAGE, ORIGINAL, WORD_RATE

#: What R is, in every caption.
SCORE = (
    "R: Pearson r between recorded BOLD and BOLD predicted from the model (cross-validated FIR "
    "ridge regression) on held-out TRs, "
    "mean over test blocks and stories"
)
#: What the interval is, wherever listeners are averaged.
INTERVAL = (
    "95 % confidence interval of the mean over listeners (Student's t), which holds for other "
    "listeners of these stories"
)
_LISTENERS_TITLE, _AVERAGE_TITLE = "single listeners", "average listener"
#: More rows of a heat map are labelled in smaller type.
_MANY = 40


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
    whole = _by_hemisphere(scores)
    sides = [side for side in SIDES if side in set(whole["hemisphere"])]
    rows = [
        (name, part)
        for name, part in (
            (_LISTENERS_TITLE, whole[whole["subject"] != AVERAGE]),
            (_AVERAGE_TITLE, whole[whole["subject"] == AVERAGE]),
        )
        if len(part)
    ]
    palette, deepest = Palette(models), int(scores["layer"].max())
    figure = Figure(figsize=(PAGE if len(sides) > 1 else COLUMN, 52 * MM * len(rows) + 14 * MM))
    panels = figure.subplots(len(rows), len(sides), squeeze=False, sharex=True, sharey="row")
    bounds: list[str] = []
    for line, (name, part) in zip(panels, rows, strict=True):
        for panel, side in zip(line, sides, strict=True):
            here = part[part["hemisphere"] == side]
            for model in models:
                _layer_line(panel, here[here["model"] == model], model, palette)
            kind = "single" if name == _LISTENERS_TITLE else "average"
            if (
                _ceiling(panel, ceilings[ceilings["hemisphere"] == side], kind)
                and kind not in bounds
            ):
                bounds.append(kind)
            style.zero_line(panel)
            style.layer_axis(panel, deepest)
            panel.set_title(f"{SIDES[side]}, {name}")
            panel.label_outer()
        line[0].set_ylabel("brain score R (Pearson r)")
    figure.align_ylabels()
    style.legend(figure, panels.flat)
    caption = (
        f"Brain score R of each layer, mean over all targets of a hemisphere. {SCORE}. "
        f"{_sample(scores, ceilings)} {_interval_words('Bands', scores)}{_ceiling_words(bounds)} "
        "Layer 0 is the embeddings; curves over layers are a description, in no test."
    )
    return Drawn(
        figure,
        "Brain score by layer and hemisphere",
        caption,
        _layers_alt(rows[0][1], rows[0][0], models),
    )


def _by_hemisphere(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the mean score over a hemisphere's targets of each subject, model and layer."""
    keys = ["hemisphere", "model", "layer", "subject"]
    sums = (
        scores.assign(weighted=scores["score"] * scores["n_targets"])
        .groupby(keys, sort=False)[["weighted", "n_targets"]]
        .sum()
    )
    return (sums["weighted"] / sums["n_targets"]).rename("score").reset_index()


def _layer_line(panel: Axes, part: pd.DataFrame, model: str, palette: Palette) -> None:
    if part.empty:
        return
    look = palette.model(model)
    by_layer = part.groupby("layer")["score"].apply(style.mean_interval)
    mean, low, high = np.array(by_layer.tolist()).T
    if model == WORD_RATE:  # no layers: a line across
        panel.axhline(mean[0], label=model, **look)
        panel.update_datalim([(0, mean[0])])  # a line across does not stretch the axis by itself
        panel.autoscale_view()
        return
    panel.plot(by_layer.index, mean, marker="o", label=model, **look)
    panel.fill_between(by_layer.index, low, high, color=look["color"], alpha=0.15, linewidth=0)


def _ceiling(panel: Axes, ceilings: pd.DataFrame, kind: str) -> bool:
    """Draw what a perfect model would reach, with its interval over listeners.

    Say whether there is such a ceiling.
    """
    part = ceilings[(ceilings["kind"] == kind) & ceilings["ceiling"].notna()]
    if part.empty:
        return False
    sums = (
        part.assign(weighted=part["ceiling"] * part["n_targets"])
        .groupby(["subject", "story"])[["weighted", "n_targets"]]
        .sum()
    )
    mean, low, high = style.mean_interval(
        (sums["weighted"] / sums["n_targets"]).groupby("subject").mean()
    )
    panel.axhline(mean, color="#999999", linewidth=1.6, label="ceiling", zorder=0.6)
    if np.isfinite(low):
        panel.axhspan(low, high, color=style.LIGHT, alpha=0.6, linewidth=0, zorder=0.4)
    return True


def _interval_words(what: str, scores: pd.DataFrame) -> str:
    """Say what an interval is, where there are listeners enough for one."""
    return (
        f"{what}: {INTERVAL}. "
        if scores.loc[scores["subject"] != AVERAGE, "subject"].nunique() > 1
        else "One listener has no interval. "
    )


def _ceiling_words(kinds: Sequence[str]) -> str:
    """Say what the grey lines are; `kinds` of `engram.encoding.ceiling` are drawn."""
    if not kinds:
        return "No ceiling: it takes four listeners of a story."
    meanings = {
        "single": (
            "single listeners: leave-one-out correlation over the square root of the others' "
            "reliability, mean over listeners"
        ),
        "average": "average listener: square root of the split-half reliability",
    }
    return (
        "Grey lines: ceiling, what a perfect model would reach "
        f"({'; '.join(meanings[kind] for kind in kinds)})."
    )


def _sample(scores: pd.DataFrame, ceilings: pd.DataFrame) -> str:
    n_listeners = scores.loc[scores["subject"] != AVERAGE, "subject"].nunique()
    words = f"n = {count(n_listeners, 'listener')}, {_stories(ceilings)}."
    return words + (
        (
            " The average listener is the mean time course of all listeners, in no "
            "statistic over listeners."
        )
        if AVERAGE in set(scores["subject"])
        else ""
    )


def _stories(ceilings: pd.DataFrame) -> str:
    names = list(dict.fromkeys(ceilings["story"]))
    return count(len(names), "story") + (f" ({listed(names)})" if len(names) <= 3 else "")


def _layers_alt(part: pd.DataFrame, who: str, models: Sequence[str]) -> str:
    words = [
        (
            (
                "Line plots of brain score against layer, a panel for each hemisphere; "
                "numbers are the mean over listeners."
            )
            if who == _LISTENERS_TITLE
            else "Line plots of brain score against layer."
        )
    ]
    for side, here in part.groupby("hemisphere"):
        for model in models:
            mean = here[here["model"] == model].groupby("layer")["score"].mean()
            if len(mean) == 1:
                words.append(f"{SIDES[side].capitalize()}, {model}: {mean.iloc[0]:.3f}.")
            elif len(mean):
                words.append(
                    f"{SIDES[side].capitalize()}, {model}: {mean.iloc[0]:.3f} at layer "
                    f"{mean.index[0]}, highest {mean.max():.3f} at layer {mean.idxmax()}."
                )
    return " ".join(words)


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
    shown = at_reported_layer(scores[scores["subject"] != AVERAGE], layer)
    rois = {
        side: sorted(set(shown.loc[shown["hemisphere"] == side, "roi"]))
        for side in SIDES
        if side in set(shown["hemisphere"])
    }
    palette = Palette(models)
    figure, (panels,) = style.region_panels(1, rois, 45 * MM)
    bounded = False
    for side, names in rois.items():
        panel, part = panels[side], shown[shown["hemisphere"] == side]
        for number, model in enumerate(models):
            _region_points(
                panel,
                part[part["model"] == model],
                names,
                model,
                palette,
                (number - (len(models) - 1) / 2) * 0.8 / len(models),
            )
        bound = part.groupby("roi")["ceiling"].mean().reindex(names)
        if bound.notna().any():
            where = np.arange(len(names))
            panel.hlines(
                bound,
                where - 0.42,
                where + 0.42,
                color="#999999",
                linewidth=1.6,
                zorder=0.6,
                label="ceiling",
            )
            bounded = True
    panels[next(iter(rois))].set_ylabel("brain score R (Pearson r)")
    style.legend(figure, panels.values())
    at = {
        model: int(part["layer"].iloc[0])
        for model, part in shown.groupby("model", sort=False)
        if model != WORD_RATE
    }
    layer_words = (
        f"Layers, fixed beforehand: {listed([f'{model} {depth}' for model, depth in at.items()])}. "
        if at
        else ""
    )
    caption = (
        f"Brain score R by {what}, mean over its targets. {SCORE}. "
        f"{layer_words}{_sample(shown, ceilings)} "
        f"Points: mean over listeners; dots: single listeners. {_interval_words('Lines', shown)}"
        f"{_ceiling_words(['single'] if bounded else [])} No test is shown."
    )
    alt = [f"Points by {what}, a panel for each hemisphere."]
    for model in models:
        mine = shown[shown["model"] == model].groupby(["hemisphere", "roi"])["score"].mean()
        if len(mine):
            best = mine.idxmax()
            alt.append(
                f"{model}: {span(mine)} over "
                f"{count(len(mine), what) if what == 'region' else f'{len(mine)} sets'}, "
                f"highest in {best[1]}, {SIDES[best[0]]}."
            )
    return Drawn(figure, f"Brain score by {what}", caption, " ".join(alt))


def _region_points(
    panel: Axes, part: pd.DataFrame, rois: Sequence[str], model: str, palette: Palette, step: float
) -> None:
    """Draw a model's scores in one hemisphere: regions that it lacks stay empty."""
    if part.empty:
        return
    colour = palette.model(model)["color"]
    name = model if model == WORD_RATE else f"{model} (layer {int(part['layer'].iloc[0])})"
    filled = "white" if palette.model(model)["linestyle"] == ":" else colour
    found = part.groupby("roi")["score"].apply(style.mean_interval)
    middle, low, high = np.array(found.tolist()).T
    style.dots(panel, style.places(rois, part["roi"]) + step, part["score"], "single listeners")
    style.error_bars(
        panel,
        style.places(rois, found.index) + step,
        middle,
        low,
        high,
        colour,
        facecolor=filled,
        edgecolor=colour,
        label=name,
    )


def at_reported_layer(scores: pd.DataFrame, layer: int | None) -> pd.DataFrame:
    """Return the scores at each model's reported layer."""
    depth = scores.groupby("model")["layer"].transform("max")
    wanted = depth.map(lambda last: reported_layer(int(last), layer))
    return scores[scores["layer"] == wanted]


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
    scores = scores[scores["text"] == ORIGINAL]
    n_listeners = scores.loc[scores["subject"] != AVERAGE, "subject"].nunique()
    scores = scores[scores["subject"] != AVERAGE] if n_listeners else scores
    mean = scores.groupby(["model", "hemisphere", "roi", "layer"])["score"].mean()
    sides = [side for side in SIDES if side in set(scores["hemisphere"])]
    order = (
        scores[scores["model"].isin(models)]
        .groupby("roi")["score"]
        .mean()
        .sort_values(ascending=False)
        .index
    )
    bound = max(0.02, float(mean.loc[list(models)].abs().max()))
    height = min(190 * MM, max(18 * MM, len(order) * 3.4 * MM))
    per_row = min(len(models), 2)
    lines = -(-len(models) // per_row)
    figure = Figure(
        figsize=(
            PAGE if len(sides) * len(models) > 1 else COLUMN,
            lines * (height + 8 * MM) + 16 * MM,
        )
    )
    panels = figure.subplots(lines, per_row * len(sides), squeeze=False, sharey=True)
    for panel in panels.flat[len(models) * len(sides) :]:
        panel.remove()
    drawn = panels.flat[: len(models) * len(sides)]
    for number, panel in enumerate(drawn):
        model, side = models[number // len(sides)], sides[number % len(sides)]
        values = mean.loc[model].loc[side].unstack("layer").reindex(order)
        # Edges, not middles: of one row or column alone no size can be told.
        edges = np.arange(values.shape[1] + 1) - 0.5, np.arange(values.shape[0] + 1) - 0.5
        image = panel.pcolormesh(
            *edges,
            np.ma.masked_invalid(values),
            cmap=style.DIVERGING,
            vmin=-bound,
            vmax=bound,
            rasterized=len(order) > _MANY,
        )
        reported = reported_layer(int(values.columns.max()), layer)
        # To be seen on any colour.
        for colour, width, dashes in (("white", 1.4, "-"), (style.INK, 0.7, ":")):
            panel.axvline(reported, color=colour, linewidth=width, linestyle=dashes)
        panel.set(xlabel="layer", facecolor="#EEEEEE")
        panel.set_title(f"{model}, {side}" if side != "B" else model)
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        panel.set_yticks(
            range(len(order)),
            [name[:30] for name in order],
            fontsize=style.SMALL if len(order) <= _MANY else style.TINY,
        )
        panel.tick_params(length=0)
    panels[0, 0].invert_yaxis()
    figure.colorbar(
        image,
        ax=list(drawn),
        location="bottom",
        aspect=40,
        shrink=0.5,
        label="brain score R (Pearson r)",
    )
    who = (
        f"mean over {count(n_listeners, 'listener')}" if n_listeners else "of the average listener"
    )
    caption = (
        f"Brain score R by region and layer, {who}. {SCORE}. Rows are sorted by the mean over "
        "models and layers; grey: no such region in this hemisphere; dotted: the layer that "
        "other figures report, "
        "fixed beforehand. Every model has the same colours. A description, in no test."
    )
    best = mean.loc[list(models)].groupby("model").idxmax()
    alt = f"Heat map of {count(len(order), 'region')} by layers. " + " ".join(
        (
            f"{model}: from {mean[model].min():.3f} to {mean[model].max():.3f}, highest "
            f"in {best[model][2]} ({best[model][1]}) at layer {best[model][3]}."
        )
        for model in models
    )
    return Drawn(figure, "Brain score by region and layer", caption, alt)


@style.styled
def reliability(ceilings: pd.DataFrame) -> Drawn:
    """Draw how well listeners predict each other.

    Every listener is drawn beside the others, and every region.

    Parameters
    ----------
    ceilings : pandas.DataFrame
        Of `engram.statistics.score_tables`; at least one story with four listeners.
    """
    there = ceilings[ceilings["ceiling"].notna()]
    stories = list(dict.fromkeys(there["story"]))
    look = {story: Palette(texts=stories).text(story) for story in stories}
    rois = {
        side: sorted(set(there.loc[there["hemisphere"] == side, "roi"]))
        for side in SIDES
        if side in set(there["hemisphere"])
    }
    total = sum(map(len, rois.values()))
    figure = Figure(figsize=(PAGE, 62 * MM if total <= _MANY else 75 * MM))
    listeners_panel, regions_panel = figure.subplots(1, 2, width_ratios=[1, 1.4])
    by_listener = _listener_means(there)
    order = list(by_listener.groupby("subject")["ceiling"].mean().sort_values().index)
    for story, part in by_listener.groupby("story", sort=False):
        listeners_panel.scatter(
            style.places(order, part["subject"]),
            part["ceiling"],
            s=8,
            color=look[story],
            linewidth=0,
            label=story,
        )
    style.zero_line(listeners_panel)
    listeners_panel.set(
        xlabel=f"{len(order)} listeners, sorted", ylabel="r with the others' mean", xticks=[]
    )
    listeners_panel.set_title("single listeners (leave one out)")
    labels = [f"{roi}, {side}" if side != "B" else roi for side in rois for roi in rois[side]]
    halves = there[there["kind"] == "split_sb"]
    for story, part in halves.groupby("story", sort=False):
        names = [
            f"{row.roi}, {row.hemisphere}" if row.hemisphere != "B" else row.roi
            for row in part.itertuples()
        ]
        regions_panel.scatter(
            style.places(labels, names),
            part["ceiling"],
            s=10,
            marker="s",
            color=look[story],
            linewidth=0,
            label=story,
        )
    style.zero_line(regions_panel)
    style.region_axis(regions_panel, labels, labelled=total <= _MANY)
    if total > _MANY:
        regions_panel.set_xlabel(
            f"{total} regions, by hemisphere and name (tables/ceilings.tsv has them all)"
        )
    regions_panel.set_ylabel("split-half reliability $r_{SB}$", parse_math=True)
    regions_panel.set_title("regions (mean of all listeners)")
    if len(stories) > 1:
        style.legend(figure, [listeners_panel])
    heard = there.groupby("story")["n_listeners"].first()
    numbers = (
        listed([f"{story} {heard[story]}" for story in stories])
        if len(stories) <= 3
        else f"{heard.min()} to {heard.max()} a story"
    )
    low = by_listener.groupby("subject")["ceiling"].mean()
    caption = (
        f"Reliability of {count(len(order), 'listener')} ({numbers}). Left: correlation of each "
        "listener's BOLD with the mean of the other listeners of the story, mean over targets, "
        "on the test blocks of the scores. "
        "Right: split-half reliability of the mean of all listeners, 2 r / (1 + r) "
        "with r the correlation of the means of two random halves, mean over a region's "
        "targets and over splits. "
        "A listener near 0 did not follow the story as the others did, or is not aligned with it. "
        "Points are single values, without an interval and in no test."
    )
    best = halves.loc[halves["ceiling"].idxmax()]
    alt = (
        f"Left, {len(order)} listeners sorted by their correlation with the others: {span(low)} "
        f"(median {low.median():.3f}). Right, reliability of regions: {span(halves['ceiling'])}, "
        f"highest in {best['roi']}, {SIDES[best['hemisphere']]}."
    )
    return Drawn(figure, "How well listeners agree", caption, alt)


def _listener_means(ceilings: pd.DataFrame) -> pd.DataFrame:
    part = ceilings[ceilings["kind"] == "loo"]
    sums = (
        part.assign(weighted=part["ceiling"] * part["n_targets"])
        .groupby(["story", "subject"], sort=False)[["weighted", "n_targets"]]
        .sum()
    )
    return (sums["weighted"] / sums["n_targets"]).rename("ceiling").reset_index()
