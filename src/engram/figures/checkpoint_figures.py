"""Figure of checkpoints: R by training step, and consistency on minimal pairs beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from engram.figures import panels, style
from engram.figures.captions import checkpoints as captions
from engram.figures.style import COLUMN, GREY, INK, MM, MODELS, PAGE, Drawn
from engram.statistics.checkpoint_tables import ALL

#: How far step 0 stands before the first step, in powers of ten; steps that are named at most.
_BEFORE, _TICKS = 0.7, 8
_PALE: dict[str, Any] = {"alpha": 0.35}


@style.styled
def checkpoints(
    table: pd.DataFrame, changes: pd.DataFrame, pairs: pd.DataFrame | None = None
) -> Drawn:
    """Draw R by training step, mean over regions, and the share of minimal pairs found.

    Parameters
    ----------
    table, changes : pandas.DataFrame
        Of `engram.statistics.checkpoint_tables`.
    pairs : pandas.DataFrame, optional
        Of `engram.statistics.pair_tables`.
    """
    of_series = None if pairs is None else pairs[pairs["series"].notna()]
    has_pairs = of_series is not None and len(of_series) > 0
    figure = style.new_figure(PAGE if has_pairs else COLUMN, 62 * MM)
    grid = figure.subplots(1, 1 + has_pairs, squeeze=False)[0]
    first = float(table.loc[table["step"] > 0, "step"].min())
    names = list(dict.fromkeys(table["series"]))
    for number, name in enumerate(names):
        colour = MODELS[number % len(MODELS)]
        mine = table[(table["series"] == name) & (table["roi"] == ALL)]
        cut = changes[(changes["series"] == name) & (changes["roi"] == ALL)].iloc[0]
        _scores(grid[0], mine, cut, name, colour, first)
        if has_pairs and of_series is not None:
            _pairs(grid[1], of_series[of_series["series"] == name], name, colour, first)
    grid[0].set(ylabel="brain score R (Pearson r)", title="mean over regions")
    for panel in grid:
        _axis_of_steps(panel, table["step"], first)
    if has_pairs:
        grid[1].axhline(0.5, color=INK, linewidth=0.5, zorder=0.5)
        grid[1].set(ylabel="share of pairs", title="minimal pairs: the right sentence")
        grid[1].set_ylim(0, 1.03)
    panels.legend(figure, grid)
    return Drawn(figure, captions.checkpoints(table, changes, of_series if has_pairs else None))


def _scores(
    panel: Axes, table: pd.DataFrame, cut: pd.Series, name: str, colour: str, first: float
) -> None:
    """Draw R with its interval over listeners, its twin, and where it changes."""
    where = _places(table["step"], first)
    panel.plot(where, table["score"], marker="o", color=colour, label=name)
    panel.fill_between(where, table["low"], table["high"], color=colour, alpha=0.15, linewidth=0)
    twin = float(table["twin"].iloc[0])
    if np.isfinite(twin):
        panel.axhline(twin, color=colour, linestyle=":", label=f"{name}, re-initialised")
    if pd.notna(cut["first_after"]):
        ends = _places(pd.Series([cut["last_before"], cut["first_after"]]), first)
        panel.axvspan(*ends, color=GREY, alpha=0.2, linewidth=0)
    panels.zero_line(panel)


def _pairs(panel: Axes, pairs: pd.DataFrame, name: str, colour: str, first: float) -> None:
    """Draw the share of pairs by step, each phenomenon pale."""
    for phenomenon, part in pairs.groupby("phenomenon", sort=False):
        part = part.sort_values("step")
        look: dict[str, Any] = {"label": name, "marker": "o"}
        where = _places(part["step"], first)
        panel.plot(where, part["accuracy"], color=colour, **(look if phenomenon == ALL else _PALE))
        if phenomenon != ALL:
            panel.annotate(
                str(phenomenon),
                (where[-1], part["accuracy"].iloc[-1]),
                xytext=(3, 0),
                textcoords="offset points",
                fontsize=style.TINY,
                color=colour,
                va="center",
            )


def _places(steps: pd.Series, first: float) -> np.ndarray:
    """Return where steps stand: at their logarithm; step 0 is before the first one trained."""
    known = steps.to_numpy(float)
    return np.where(known > 0, np.log10(np.maximum(known, 1)), np.log10(first) - _BEFORE)


def _axis_of_steps(panel: Axes, steps: pd.Series, first: float) -> None:
    """Name steps where they stand, as many as there is room for."""
    unique = pd.Series(np.unique(steps))
    shown = unique.iloc[:: max(1, -(-len(unique) // _TICKS))]
    panel.set_xticks(_places(shown, first), [f"{int(step):,}" for step in shown])
    panel.set_xlabel("training step (logarithmic)")
