"""The figure of the association effect F by region, beside its controls, and by layer.

It is drawn from the tables alone.
"""

from __future__ import annotations

from collections.abc import Container, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from engram import vocabulary
from engram.features.variants import kind_of
from engram.figures import effect_panels, panels, shown_values, style
from engram.figures.captions import associations as captions
from engram.figures.style import MM, NARROW, Drawn, Palette
from engram.statistics.significance import LEVEL
from engram.wording import null_text

#: Shares of null texts that their band holds.
_BAND = [0.025, 0.975]


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
    regions, palette = shown_values.regions_by_side(table), Palette(texts=texts)
    null = f"{' or '.join(table['null'].unique())} texts (95 % of them, mean)"
    figure, grid = panels.region_panels(
        len(rows), regions, (30 if len(rows) > 1 else 42) * MM, curves=True
    )
    for ((text, model), part), line in zip(rows, grid, strict=True):
        mine, colour = {"text": text, "model": model}, palette.text(text)
        for side, rois in regions.items():
            one, its_controls, its_listeners = (
                panels.matching(of, {**mine, "hemisphere": side})
                for of in (part, controls, listeners)
            )
            if len(one):
                _null_texts(line[side], one, its_controls, rois, null)
                _other_controls(line[side], one, rois)
                effect_panels.listener_dots(line[side], its_listeners, "F", rois, -0.2)
                _means(line[side], one, rois, colour)
        effect_panels.row_title(line, captions.association_title(part), "F (Pearson r)")
        effect_panels.curves(
            line["layers"],
            panels.matching(layers, {**mine, "subjects": vocabulary.LISTENERS}),
            "F",
            {text: colour},
            None,
        )
    others = shown_values.shown_controls(table)
    panels.reach(
        [line[side] for line in grid for side in regions],
        table[["F", "F_low", "F_high", *(f"F_{kind}" for kind in others)]],
        _bands(controls, set(table["null"]), ["text", "model", "hemisphere", "roi"]),
    )
    effect_panels.layer_panels(grid, layers)
    panels.legend(figure, [panel for line in grid for panel in line.values()])
    return Drawn(figure, captions.association(table))


@style.styled
def association_texts(table: pd.DataFrame, controls: pd.DataFrame, texts: Sequence[str]) -> Drawn:
    """Draw F minus that of null texts in a row for each text and model, beside null texts.

    Points are means over targets, small marks are regions.

    Parameters
    ----------
    table, controls : pandas.DataFrame
        As `engram.statistics.association_tables` makes them.
    texts : sequence of str
        All texts of the study, and its tunings: for colours.
    """
    rows = list(table.groupby(["text", "model"], sort=False))
    palette, null = Palette(texts=texts), null_text(table["null"])
    figure = style.new_figure(NARROW, (8 * len(rows) + 26) * MM)
    panel = figure.subplots()
    for number, ((text, model), part) in enumerate(rows):
        mine = panels.matching(controls, {"text": text, "model": model})
        low, high = shown_values.null_band(part, mine)
        panel.barh(
            number,
            high - low,
            0.6,
            left=low,
            color="#C4C4C4",
            linewidth=0,
            label=f"{null}s (95 % of them)" if not number else None,
        )
        _text_points(panel, part, number, palette.text(text), labelled=not number)
    panel.axvline(0, color=style.INK, linewidth=0.5, zorder=0.5)
    panel.set_yticks(
        range(len(rows)), [f"{text},\n{model}" for (text, model), _ in rows], fontsize=style.SMALL
    )
    panel.set_ylim(len(rows) - 0.4, -0.6)
    panel.set_xlabel(f"association effect F,\nminus mean F of {null}s (Pearson r)")
    panels.legend(figure, [panel])
    return Drawn(figure, captions.association_texts(table))


def _text_points(panel: Axes, part: pd.DataFrame, row: int, colour: str, *, labelled: bool) -> None:
    """Draw a text's regions and their mean; long strokes are regions that survive correction."""
    found = part["p_texts_corrected"] <= LEVEL
    for here, size, width, name in (
        (~found, 25, 0.7, "regions"),
        (found, 80, 1.8, f"regions, p at most {LEVEL}, corrected"),
    ):
        panel.scatter(
            part.loc[here, "F_minus_null"],
            np.full(int(here.sum()), row),
            marker="|",
            s=size,
            color=colour,
            linewidth=width,
            zorder=3,
            label=name if labelled else None,
        )
    panel.scatter(
        shown_values.target_mean(part, "F_minus_null"),
        row,
        s=26,
        color=colour,
        edgecolor="white",
        linewidth=0.6,
        zorder=4,
        label="mean over targets" if labelled else None,
    )


def _bands(controls: pd.DataFrame, kinds: Container[str], keys: Sequence[str]) -> pd.Series:
    """Return the ends of the band of null texts, by these keys and the share below."""
    is_null = [kind_of(variant) in kinds for variant in controls["variant"]]
    return controls[is_null].groupby(list(keys))["F"].quantile(_BAND)


def _null_texts(
    panel: Axes, part: pd.DataFrame, controls: pd.DataFrame, rois: Sequence[str], label: str
) -> None:
    """Draw the range of F of null texts, and its mean.

    The label is the same in all rows, which may have null texts of several kinds.
    """
    where = panels.places(rois, part["roi"])
    bands = _bands(controls, set(part["null"]), ["roi"]).unstack().reindex(part["roi"])
    low, high = (
        bands[share].to_numpy() if share in bands else np.full(len(part), np.nan) for share in _BAND
    )
    panel.bar(
        where + 0.2,
        high - low,
        0.34,
        bottom=low,
        color="#C4C4C4",
        linewidth=0,
        zorder=2,
        label=label,
    )
    panel.hlines(part["F_null"], where + 0.03, where + 0.37, color="white", linewidth=1, zorder=3)


def _other_controls(panel: Axes, part: pd.DataFrame, rois: Sequence[str]) -> None:
    """Draw F of the control texts beside random ones."""
    for kind in shown_values.shown_controls(part):
        panel.scatter(
            panels.places(rois, part["roi"]) + 0.2,
            part[f"F_{kind}"],
            marker=style.CONTROLS[kind],
            s=9,
            facecolor="none",
            edgecolor=style.INK,
            linewidth=0.6,
            zorder=4,
            label=kind,
        )


def _means(panel: Axes, part: pd.DataFrame, rois: Sequence[str], colour: str) -> None:
    """Draw F with its interval; a star where the test over texts survives correction."""
    where = panels.places(rois, part["roi"]) - 0.2
    label = "F, mean of listeners" if _is_first(panel) else None
    panels.error_bars(panel, where, part["F"], part["F_low"], part["F_high"], colour, label=label)
    panels.stars(panel, where, part["F_high"].fillna(part["F"]), part["p_texts_corrected"])


def _is_first(panel: Axes) -> bool:
    """Whether a panel is in the first row, whose colours stand for all rows in the legend."""
    spec = panel.get_subplotspec()
    return spec is not None and spec.rowspan.start == 0
