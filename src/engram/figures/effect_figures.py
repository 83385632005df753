"""Figures of the association score F and of the tuning score M, beside their controls.

They are drawn from the tables alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from engram import vocabulary
from engram.figures import style
from engram.figures.style import (
    CONDITIONS,
    GREY,
    MM,
    PAGE,
    SIDES,
    Drawn,
    Palette,
    count,
    listed,
    span,
)
from engram.vocabulary import ASSOCIATION, AVERAGE, PEOPLE, TUNING_CONTROLS

F_MEANING = (
    "F = R with the associations written into the story, minus R of the story alone (Pearson r)"
)
M_MEANING = (
    "M = (R of the tuned model - R of its base model) / R of its base model, a ratio "
    "of means over listeners"
)
#: Intervals that the tables hold.
_BOOTSTRAP = "95 % bootstrap interval (BCa) over listeners"
_LEVEL = "after correction over regions (Benjamini-Hochberg, 5 %)"
#: Shares of random texts that their band holds.
_BAND = [0.025, 0.975]
#: Curves of the hemispheres.
_DASHES = {"L": "-", "R": (0, (3, 1.5)), "B": "-."}


@style.styled
def association(
    table: pd.DataFrame,
    controls: pd.DataFrame,
    listeners: pd.DataFrame,
    layers: pd.DataFrame,
    texts: Sequence[str],
) -> Drawn:
    """Draw F by region, with its controls and single listeners, and by layer.

    A row for each text and model, hemispheres apart.

    Parameters
    ----------
    table, controls, listeners, layers : pandas.DataFrame
        As `engram.statistics.association_tables` makes them.
    texts : sequence of str
        All texts of the study, and its tunings: for colours.
    """
    rows = list(table.groupby(["text", "model"], sort=False))
    regions, palette = _regions(table), Palette(texts=texts)
    figure, panels = style.region_panels(
        len(rows), regions, (30 if len(rows) > 1 else 42) * MM, curves=True
    )
    for ((text, model), part), line in zip(rows, panels, strict=True):
        mine, colour = {"text": text, "model": model}, palette.text(text)
        for side, rois in regions.items():
            here = {**mine, "hemisphere": side}
            _association_points(
                line[side],
                style.matching(part, here),
                style.matching(controls, here),
                style.matching(listeners, here),
                rois,
                colour,
            )
        _row_title(line[next(iter(regions))], association_title(part), "F (Pearson r)")
        _curves(
            line["layers"],
            style.matching(layers, {**mine, "subjects": vocabulary.LISTENERS}),
            "F",
            {text: colour},
            None,
        )
    others = [kind for kind in style.CONTROLS if table[f"F_{kind}"].notna().any()]
    bands = (
        controls.loc[controls["variant"].str.startswith("random-")]
        .groupby(["text", "model", "hemisphere", "roi"])["F"]
        .quantile(_BAND)
    )
    style.reach(
        [line[side] for line in panels for side in regions],
        table[["F", "F_low", "F_high", *(f"F_{kind}" for kind in others)]],
        bands,
    )
    _layer_panels(panels, layers)
    style.legend(figure, panels[0].values())
    n_random, smallest = int(table["n_random"].max()), table["smallest_p"].min()
    found = table[table["p_texts_fdr"] < 0.05]
    so = (
        "The tests hold for these listeners and stories."
        if len(found)
        else "Nothing here shows that the associations do more than random texts."
    )
    caption = (
        f"Association score by region: {F_MEANING}, at the reported layer, "
        f"fixed beforehand. n = {count(int(table['n_listeners'].max()), 'listener')}; "
        f"{count(table['text'].nunique(), 'text')}, written by {listed(_writers(table))}. "
        f"Points: mean over listeners; {_lines(table['F_low'])}; dots: single listeners, "
        "as far as the axis reaches. "
        f"Grey bars: the middle 95 % of {count(n_random, 'random text')}, which have the same "
        "places and numbers of words and content of other stories, and their mean (white). "
        f"{_controls_words(others)}Test: one-sided, over texts, F of this text among those of the "
        f"random texts (smallest possible p {smallest:.3g}). {_found(len(found), len(table), '')}"
        f"Right: mean over regions by layer, a description. {so}"
    )
    alt = [
        (
            "Points with intervals by region, beside grey bars of random texts; a row "
            "for each text and model."
        )
    ]
    alt += [
        (
            f"{association_title(part)}: F {span(part['F'], signed=True)}, "
            f"random texts {span(part['F_random'], signed=True)}, smallest corrected "
            f"p {part['p_texts_fdr'].min():.2g}."
        )
        for _, part in rows
    ]
    return Drawn(figure, "Association score F by region, with its controls", caption, " ".join(alt))


def _writers(table: pd.DataFrame) -> list[str]:
    return sorted(
        {
            "people" if name == PEOPLE else name
            for names in set(table["written_by"])
            for name in names.split(", ")
        }
    )


def association_title(part: pd.DataFrame) -> str:
    """Return what a row of F is about, and who wrote the text."""
    first = part.iloc[0]
    return (
        f"{first['text']} (written by: {first['written_by']}), {first['model']}, "
        f"layer {first['layer']}"
    )


def _controls_words(kinds: Sequence[str]) -> str:
    meanings = {
        "shuffled": "triangles: the same associations at each other's places",
        "displaced": "inverted triangles: the same associations elsewhere",
        "repeat": "squares: earlier story text at the same places",
    }
    return (
        f"{'; '.join(meanings[kind] for kind in kinds).capitalize()} (means over texts). "
        if kinds
        else ""
    )


def _regions(table: pd.DataFrame) -> dict[str, list[str]]:
    return {
        side: sorted(set(table.loc[table["hemisphere"] == side, "roi"]))
        for side in SIDES
        if side in set(table["hemisphere"])
    }


def _row_title(panel: Axes, title: str, label: str) -> None:
    """Set a row's title above that of its first panel, which names the hemisphere."""
    panel.set_ylabel(label)
    panel.set_title(f"{title}\n{panel.get_title(loc='left')}".rstrip())


def _association_points(
    panel: Axes,
    part: pd.DataFrame,
    controls: pd.DataFrame,
    listeners: pd.DataFrame,
    rois: Sequence[str],
    colour: str,
) -> None:
    """Draw F of a text on the range of random texts, other controls, and listeners.

    A star where the test over texts survives correction.
    """
    if part.empty:
        return
    where = style.places(rois, part["roi"])
    random = (
        controls[controls["variant"].str.startswith("random-")]
        .groupby("roi")["F"]
        .quantile(_BAND)
        .unstack()
        .reindex(part["roi"])
    )
    low, high = (
        random[share].to_numpy() if share in random else np.full(len(part), np.nan)
        for share in _BAND
    )
    panel.bar(
        where + 0.2,
        high - low,
        0.34,
        bottom=low,
        color="#C4C4C4",
        linewidth=0,
        zorder=2,
        label="random texts (95 % of them, mean)",
    )
    panel.hlines(part["F_random"], where + 0.03, where + 0.37, color="white", linewidth=1, zorder=3)
    for kind, marker in style.CONTROLS.items():
        if part[f"F_{kind}"].notna().any():
            panel.scatter(
                where + 0.2,
                part[f"F_{kind}"],
                marker=marker,
                s=9,
                facecolor="none",
                edgecolor=style.INK,
                linewidth=0.6,
                zorder=4,
                label=kind,
            )
    _listener_dots(panel, listeners, "F", rois, -0.2)
    style.error_bars(
        panel,
        where - 0.2,
        part["F"],
        part["F_low"],
        part["F_high"],
        colour,
        label="F, mean of listeners" if _is_first(panel) else None,
    )
    style.stars(panel, where - 0.2, part["F_high"].fillna(part["F"]), part["p_texts_fdr"])


def _is_first(panel: Axes) -> bool:
    """Whether a panel is in the first row, whose colours stand for all rows in the legend."""
    spec = panel.get_subplotspec()
    return spec is not None and spec.rowspan.start == 0


def _listener_dots(
    panel: Axes, listeners: pd.DataFrame, value: str, rois: Sequence[str], step: float
) -> None:
    single = listeners[listeners["subject"] != AVERAGE]
    if len(single):
        style.dots(
            panel, style.places(rois, single["roi"]) + step, single[value], "single listeners"
        )


def _curves(
    panel: Axes, layers: pd.DataFrame, value: str, colours: Mapping[str, str], key: str | None
) -> None:
    """Draw means over regions by layer, the left hemisphere solid, the right dashed.

    There is one curve for each of the values of a key.
    """
    for name, colour in colours.items():
        mine = layers[layers[key] == name] if key else layers
        for side, part in mine.groupby("hemisphere"):
            curve = part.groupby("layer")[value].mean()
            panel.plot(
                curve.index, curve, marker="o", markersize=2, color=colour, linestyle=_DASHES[side]
            )
    for side in sorted(set(layers["hemisphere"])):
        panel.plot(
            [], [], color=style.INK, linestyle=_DASHES[side], label=f"by layer, {SIDES[side]}"
        )


def _layer_panels(panels: Sequence[dict[str, Axes]], layers: pd.DataFrame) -> None:
    for line in panels:
        style.layer_axis(line["layers"], int(layers["layer"].max()))
        line["layers"].set_title("mean of regions")


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
    rows, regions = list(table.groupby(["tuning", "model"], sort=False)), _regions(table)
    figure, panels = style.region_panels(
        len(rows), regions, (30 if len(rows) > 1 else 42) * MM, curves=True
    )
    for ((name, model), part), line in zip(rows, panels, strict=True):
        mine = {"tuning": name, "model": model}
        for side, rois in regions.items():
            here = {**mine, "hemisphere": side}
            _tuning_points(
                line[side], style.matching(part, here), style.matching(models, here), rois
            )
            _listener_dots(line[side], style.matching(listeners, here), "difference", rois, -0.25)
        _row_title(line[next(iter(regions))], tuning_title(part), "R_sft - R (Pearson r)")
        shown = style.matching(layers, {**mine, "subjects": vocabulary.LISTENERS})
        _curves(
            line["layers"],
            shown,
            "difference",
            {
                kind: colour
                for kind, colour in CONDITIONS.items()
                if kind in set(shown["condition"])
            },
            "condition",
        )
    means = [f"difference_{kind}" for kind in TUNING_CONTROLS]
    style.reach(
        [line[side] for line in panels for side in regions],
        table[["difference", "difference_low", "difference_high", *means]],
        models["difference"],
    )
    _layer_panels(panels, layers)
    several = "; short lines: single tuned models (seeds)" if table["n_seeds"].max() > 1 else ""
    style.legend(figure, [panel for line in panels for panel in line.values()])
    caption = (
        "What tuning changes, by region: R of the tuned model minus R of its base model "
        "(Pearson r), on the stories as they were heard, at the reported layer, fixed "
        f"beforehand. {_tuning_sample(table)} "
        f"Points: mean over seeds and listeners; {_lines(table['difference_low'])} (models tuned "
        f"to associate){several}; "
        f"dots: single listeners, as far as the axis reaches. {_tuning_test(table)} "
        "Right: mean over regions by layer, of the first seed of each condition, a description."
    )
    alt = [
        (
            "Points with intervals by region, in three colours for what models were tuned on; "
            "a row for each tuning and model."
        )
    ]
    alt += [
        (
            f"{tuning_title(part)}: R_sft - R "
            f"{span(part['difference'], signed=True)}{_controls_alt(part, 'difference')}."
        )
        for _, part in rows
    ]
    return Drawn(figure, "What tuning changes, by region", caption, " ".join(alt))


def tuning_title(part: pd.DataFrame) -> str:
    """Return what a row of M is about."""
    first = part.iloc[0]
    return (
        f"{first['tuning']} ({first['method']}; {count(int(first['n_seeds']), 'seed')}), "
        f"{first['model']}, layer {first['layer']}"
    )


def _tuning_sample(table: pd.DataFrame) -> str:
    seeds = {
        name: int(table[column].max())
        for name, column in (
            (ASSOCIATION, "n_seeds"),
            *((kind, f"n_{kind}") for kind in TUNING_CONTROLS),
        )
    }
    models = listed([f"{number} {name}" for name, number in seeds.items()])
    return (
        f"n = {count(int(table['n_listeners'].max()), 'listener')}; tuned models (seeds) "
        f"for each tuning: {models}."
    )


def _tuning_test(table: pd.DataFrame) -> str:
    p = _tuning_p(table)
    if p.isna().all():
        return "No test: it takes four seeds and four control seeds."
    found = _found(int((p < 0.05).sum()), len(table), " against both controls")
    return (
        "Test: one-sided, over seeds, labels of tunings and control tunings permuted "
        f"(smallest possible p {table['smallest_p'].min():.3g}). {found.strip()}"
    )


def _lines(ends: pd.Series) -> str:
    """Say what the lines of points are, where there are listeners enough for some."""
    return f"lines: {_BOOTSTRAP}" if ends.notna().any() else "no interval, for want of listeners"


def _found(number: int, of: int, against: str) -> str:
    """Say how many tests survive correction."""
    if of == 1:
        return f"The one test is {'' if number else 'not '}below 0.05{against}. "
    if not number:
        return f"None of {of} tests is below 0.05{against} {_LEVEL}. "
    return (
        f"{number} of {of} tests {'is' if number == 1 else 'are'} below 0.05{against} "
        f"{_LEVEL}, marked by stars. "
    )


def _tuning_p(part: pd.DataFrame) -> pd.Series:
    """Return the larger of the p against either control; n/a where one is."""
    return part[[f"p_{kind}_fdr" for kind in TUNING_CONTROLS]].max(axis=1, skipna=False)


def _controls_alt(part: pd.DataFrame, value: str) -> str:
    return "".join(
        f", {kind} {span(part[f'{value}_{kind}'], signed=True)}"
        for kind in TUNING_CONTROLS
        if part[f"{value}_{kind}"].notna().any()
    )


def _tuning_points(
    panel: Axes, part: pd.DataFrame, models: pd.DataFrame, rois: Sequence[str]
) -> None:
    """Draw a tuning's difference with its interval, its controls', and every tuned model.

    A star says that both tests over seeds survive correction.
    """
    if part.empty:
        return
    where = style.places(rois, part["roi"])
    style.error_bars(
        panel,
        where - 0.25,
        part["difference"],
        part["difference_low"],
        part["difference_high"],
        CONDITIONS[ASSOCIATION],
        label="tuned to associate",
    )
    for step, kind in zip((0.05, 0.28), TUNING_CONTROLS, strict=True):
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
    for step, kind in zip((-0.25, 0.05, 0.28), (ASSOCIATION, *TUNING_CONTROLS), strict=True):
        mine = models[models["condition"] == kind]
        if len(mine) > len(part):  # one seed is the mean
            panel.scatter(
                style.places(rois, mine["roi"]) + step,
                mine["difference"],
                s=14,
                marker="_",
                color=CONDITIONS[kind],
                linewidth=0.6,
                zorder=3,
            )
    style.stars(
        panel, where - 0.25, part["difference_high"].fillna(part["difference"]), _tuning_p(part)
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
        return style.nothing(f"Tuning score M by {what} and method", "no ROI set has a region here")
    rows, regions, palette = (
        list(table.groupby("model", sort=False)),
        _regions(table),
        Palette(texts=tunings),
    )
    figure, panels = style.region_panels(len(rows), regions, 40 * MM)
    names = list(dict.fromkeys(table["tuning"]))
    bound = readable(table)
    beyond = 0
    for (model, part), line in zip(rows, panels, strict=True):
        for side, rois in regions.items():
            for number, name in enumerate(names):
                here = style.matching(part, {"hemisphere": side, "tuning": name})
                beyond += _m_points(
                    line[side],
                    here,
                    rois,
                    palette.text(name),
                    (number - (len(names) - 1) / 2) * 0.8 / len(names),
                    0.3 / len(names),
                    bound,
                )
            line[side].set_ylim(-bound * 1.08, bound * 1.08)
            line[side].yaxis.set_major_formatter(
                lambda value, _: f"{100 * value:+.0f} %" if value else "0"
            )
        _row_title(
            line[next(iter(regions))],
            f"{model}, layer {part['layer'].iloc[0]}",
            "M = (R_sft - R) / R",
        )
    style.legend(figure, panels[0].values())
    methods = table.groupby("tuning", sort=False)["method"].first()
    controls = table[[f"M_{kind}" for kind in TUNING_CONTROLS]].notna().to_numpy().any()
    band = (
        (
            "Grey bars: the mean of control tunings, plus and minus two standard deviations over "
            "them (null_sd), what tuning on anything does. "
        )
        if controls
        else "There is no control tuning. "
    )
    caption = (
        f"Tuning score by {what} and method: {M_MEANING}, at the reported layer, "
        "fixed beforehand. Methods: "
        f"{listed([f'{name} ({method})' for name, method in methods.items()])}. "
        f"{_tuning_sample(table)} "
        f"Points: mean over seeds; {_lines(table['M_low'])}. {band}{_tuning_test(table)} M "
        "means little where R is near 0"
    ) + (
        (
            f": the axis ends at {100 * bound:.0f} %, and arrows mark "
            f"{count(beyond, 'value')} beyond it."
        )
        if beyond
        else "."
    )
    alt = [
        (
            f"Points with intervals by {what}, a colour for each tuning, on grey "
            "bars of control tunings."
        )
    ]
    alt += [
        (
            f"{name}, {model}: median M {100 * part['M'].median():+.1f} %, "
            f"from {100 * part['M'].min():+.0f} to {100 * part['M'].max():+.0f} %."
        )
        for (name, model), part in table.groupby(["tuning", "model"], sort=False)
    ]
    return Drawn(figure, f"Tuning score M by {what} and method", caption, " ".join(alt))


def readable(table: pd.DataFrame) -> float:
    """Return how far an axis of M reaches.

    It reaches as far as all values and intervals, but at most three times as far
    as the median of them.
    """
    reach = np.abs(table[["M", "M_low", "M_high"]].to_numpy(float))
    largest = np.nanmax(reach, axis=1, initial=0.0)
    usual = 3 * float(np.quantile(largest, 0.5))
    return max(0.02, min(float(largest.max()) * 1.02, max(usual, 0.05)))


def _m_points(
    panel: Axes,
    part: pd.DataFrame,
    rois: Sequence[str],
    colour: str,
    step: float,
    width: float,
    bound: float,
) -> int:
    """Draw M of a tuning in one hemisphere; return how many values are beyond the axis."""
    if part.empty:
        return 0
    where = style.places(rois, part["roi"]) + step
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
    inside = ~(part["M"].abs() > bound).to_numpy()
    low, high = (
        part["M_low"].clip(-2 * bound, 2 * bound),
        part["M_high"].clip(-2 * bound, 2 * bound),
    )
    shown = part["M"].where(inside)
    style.error_bars(panel, where, shown, low, high, colour, label=part["tuning"].iloc[0])
    for x, value in zip(where[~inside], part["M"][~inside], strict=True):
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
    style.stars(panel, where, part["M_high"].fillna(part["M"]).clip(upper=bound), _tuning_p(part))
    return int((~inside).sum())


@style.styled
def losses(curves: pd.DataFrame) -> Drawn:
    """Draw the losses while models were tuned.

    There is a panel for each tuning and model, and a line for each seed of each condition.
    """
    rows = list(curves.groupby(["tuning", "model"], sort=False))
    per_row = min(3, len(rows))
    lines = -(-len(rows) // per_row)
    figure = Figure(figsize=(min(PAGE, max(85, 60 * per_row) * MM), (52 * lines + 14) * MM))
    panels = figure.subplots(lines, per_row, squeeze=False, sharey=True)
    for panel in panels.flat[len(rows) :]:
        panel.remove()
    for number, (panel, ((name, model), part)) in enumerate(zip(panels.flat, rows, strict=False)):
        for (condition, seed), line in part.groupby(["condition", "seed"]):
            colour, first = CONDITIONS[condition], seed == 1
            panel.plot(
                line["step"],
                line["validation"],
                color=colour,
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
        panel.set_title(f"{name}, {model}")
        panel.set_xlabel("step")
        if number % per_row == 0:
            panel.set_ylabel("loss (nats per output token)")
    style.legend(figure, panels.flat[: len(rows)])
    ends = (
        curves[curves["validation"].notna()]
        .sort_values("step")
        .groupby(["tuning", "model", "condition", "seed"], sort=False)["validation"]
        .agg(["first", "last"])
    )
    seeds = curves.groupby(["tuning", "model", "condition"])["seed"].nunique()
    caption = (
        "Losses of tuning, in nats per output token: solid, on samples that no step trains on; "
        "dotted, on those it does (mean since the last point). A line for each seed; "
        f"{seeds.min() if seeds.nunique() == 1 else f'{seeds.min()} to {seeds.max()}'} "
        "for each tuning, model and condition, all trained on as many tokens in as many "
        "steps. No test, no interval."
    )
    alt = "Lines of loss against step. " + " ".join(
        (
            f"{name}, {model}, {condition}: validation from {part['first'].mean():.2f} "
            f"to {part['last'].mean():.2f}."
        )
        for (name, model, condition), part in ends.groupby(level=[0, 1, 2], sort=False)
    )
    return Drawn(figure, "Losses while models were tuned", caption, alt)
