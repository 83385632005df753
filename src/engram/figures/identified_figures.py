"""Figures of what associations and tunings change in identification, by set of targets.

They are drawn from the tables alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from engram.figures import effect_panels, panels, shown_values, style
from engram.figures.captions import metrics as captions
from engram.figures.style import CONDITIONS, INK, MM, PAGE, SMALL, Drawn, Palette
from engram.vocabulary import ASSOCIATION


@style.styled
def association(table: pd.DataFrame, texts: Sequence[str]) -> Drawn:
    """Draw F of rank accuracy by set of targets, beside null texts; a row for each text and model.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `engram.statistics.identified_effects.association_table`.
    texts : sequence of str
        All texts of the study, and its tunings: for colours.
    """
    rows, palette = list(table.groupby(["text", "model"], sort=False)), Palette(texts=texts)
    figure, grid = _rows(len(rows))
    for ((text, model), part), panel in zip(rows, grid, strict=True):
        where = _sets(panel, part, f"{text}, {model}, layer {part['layer'].iloc[0]}", "F of rank")
        colour = palette.text(text)
        panels.error_bars(panel, where, part["F"], part["F_low"], part["F_high"], colour, label="F")
        beside = where + 0.2
        panel.vlines(
            beside,
            part["F_null"],
            part["null_95"],
            color="#C4C4C4",
            linewidth=5,
            label="null texts, mean to 95th percentile",
        )
        for kind in shown_values.shown_controls(part):
            panel.scatter(
                beside,
                part[f"F_{kind}"],
                marker=style.CONTROLS[kind],
                s=9,
                facecolor="none",
                edgecolor=INK,
                linewidth=0.6,
                zorder=4,
                label=kind,
            )
        panels.stars(panel, where, part["F_high"].fillna(part["F"]), part["p_texts_corrected"])
    panels.legend(figure, grid)
    return Drawn(figure, captions.identified_association(table))


@style.styled
def tuning(table: pd.DataFrame, texts: Sequence[str]) -> Drawn:
    """Draw what tuning changes in rank accuracy by set of targets, beside control tunings.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `engram.statistics.identified_effects.tuning_table`.
    texts : sequence of str
        As `association` takes them.
    """
    rows = list(table.groupby(["tuning", "model"], sort=False))
    figure, grid = _rows(len(rows))
    for ((name, model), part), panel in zip(rows, grid, strict=True):
        title = f"{name}, {model}, layer {part['layer'].iloc[0]}"
        where = _sets(panel, part, title, "tuned - base, rank")
        ends = part["difference"], part["difference_low"], part["difference_high"]
        panels.error_bars(panel, where, *ends, CONDITIONS[ASSOCIATION], label="tuned to associate")
        effect_panels.control_tunings(panel, where, part, (0.15, 0.3))
        highest = part["difference_high"].fillna(part["difference"])
        panels.stars(panel, where, highest, shown_values.tuning_p(part))
    panels.legend(figure, grid)
    return Drawn(figure, captions.identified_tuning(table))


def _rows(number: int) -> tuple[Figure, list[Axes]]:
    figure = style.new_figure(PAGE, (38 * number + 14) * MM)
    return figure, list(figure.subplots(number, 1, squeeze=False, sharex=True)[:, 0])


def _sets(panel: Axes, part: pd.DataFrame, title: str, label: str) -> np.ndarray:
    """Set a panel's axes, and return where its sets are."""
    panels.zero_line(panel)
    panel.set_title(title)
    panel.set_ylabel(label)
    panel.set_xticks(range(len(part)), part["set"], fontsize=SMALL)
    if part["set"].str.len().max() * len(part) > 90:
        panel.tick_params(axis="x", labelrotation=45)
    panel.set_xlim(-0.6, len(part) - 0.4)
    return np.arange(len(part), dtype=float)
