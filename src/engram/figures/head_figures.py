"""Figure of attention heads: what each predicts, by layer and by region."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.ticker import MaxNLocator

from engram.figures import style
from engram.figures.captions import heads as captions
from engram.figures.style import INK, MM, PAGE, SMALL, TINY, Drawn

#: Regions that are drawn at most: those that the heads predict best.
_REGIONS = 24
#: Columns of scores, and what their colours are called.
_VALUES = {"score": "R of the head by itself", "split": "part of the layer's R"}


@style.styled
def heads(table: pd.DataFrame, specialisation: pd.DataFrame) -> Drawn:
    """Draw the scores of heads, a row of panels for each space and kind of score.

    Parameters
    ----------
    table, specialisation : pandas.DataFrame
        Of `engram.statistics.head_tables`.
    """
    spaces = list(dict.fromkeys(table["model"]))
    lines = [(space, value) for space in spaces for value in _VALUES]
    most = int(table["head"].max()) + 1
    height = max(22 * MM, most * 3.4 * MM)
    figure = style.new_figure(PAGE, len(lines) * (height + 20 * MM))
    has_layers = bool((table.groupby("model")["layer"].nunique() > 1).any())
    grid = figure.subplots(len(lines), 1 + has_layers, squeeze=False)
    for row, (space, value) in zip(grid, lines, strict=True):
        mine = table[table["model"] == space]
        panels = list(row)
        if has_layers:
            panel = panels.pop(0)
            if mine["layer"].nunique() > 1:
                image = _by_layer(panel, mine, value)
                panel.set_title(f"{space}: {_VALUES[value]}, mean over regions")
                figure.colorbar(image, ax=panel, shrink=0.8, pad=0.02)
            else:
                panel.remove()
        image = _by_region(panels[0], mine[mine["is_reported"] == 1], value)
        panels[0].set_title(f"{space}: {_VALUES[value]}, reported layer")
        figure.colorbar(image, ax=panels[0], shrink=0.8, pad=0.02)
    return Drawn(figure, captions.heads(table, specialisation))


def _by_layer(panel: Axes, table: pd.DataFrame, value: str) -> QuadMesh:
    """Draw heads by layer, mean over regions, and mark the reported layer."""
    values = table.groupby(["head", "layer"])[value].mean().unstack("layer")
    image = _map(panel, values)
    reported = values.columns.get_loc(table.loc[table["is_reported"] == 1, "layer"].iloc[0])
    for edge in (-0.5, 0.5):
        panel.axvline(reported + edge, color=INK, linewidth=0.7)
    shown = range(0, len(values.columns), max(1, len(values.columns) // 8))
    panel.set_xticks(list(shown), [values.columns[place] for place in shown])
    panel.set(xlabel="layer", ylabel="head")
    return image


def _by_region(panel: Axes, table: pd.DataFrame, value: str) -> QuadMesh:
    """Draw heads by region, and mark what is above chance after correction."""
    p = "p_corrected" if value == "score" else "split_p_corrected"
    place = table["hemisphere"].where(table["hemisphere"] != "B", "")
    table = table.assign(region=(place + " " + table["roi"]).str.strip())
    values, tests = (
        table.pivot_table(index="head", columns="region", values=name, sort=False, dropna=False)
        for name in (value, p)
    )
    best = values.max().sort_values(ascending=False).index[:_REGIONS]
    shown = [name for name in values.columns if name in set(best)]
    values = values[shown]
    image = _map(panel, values)
    found = np.argwhere(tests.reindex(columns=shown).to_numpy(float) <= 0.05)
    panel.scatter(
        found[:, 1], found[:, 0], s=16, marker="*", color=INK, edgecolor="white", linewidth=0.4
    )
    size = SMALL if len(shown) <= 12 else TINY
    names = [name[:24] for name in shown]
    panel.set_xticks(range(len(shown)), names, rotation=45, ha="right", fontsize=size)
    panel.set(ylabel="head")
    return image


def _map(panel: Axes, values: pd.DataFrame) -> QuadMesh:
    """Draw values, heads by columns, in colours that end at the same value on either side of 0."""
    bound = max(0.005, float(np.nanmax(np.abs(values.to_numpy()))))
    image = panel.pcolormesh(
        np.arange(values.shape[1] + 1) - 0.5,
        np.arange(values.shape[0] + 1) - 0.5,
        np.ma.masked_invalid(values),
        cmap=style.DIVERGING,
        vmin=-bound,
        vmax=bound,
        rasterized=True,
    )
    panel.invert_yaxis()
    panel.yaxis.set_major_locator(MaxNLocator(integer=True))
    panel.set_facecolor("#EEEEEE")
    panel.tick_params(length=0)
    return image
