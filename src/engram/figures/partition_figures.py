"""Figure of variance partitions: what groups of feature spaces explain alone, and what they share.

It is drawn from the table alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes

from engram.figures import panels, shown_values, style
from engram.figures.captions import partitions as captions
from engram.figures.style import GREY, LIGHT, MM, MODELS, Drawn
from engram.statistics.partition_tables import ALL, SHARED, UNIQUE

#: Room that all parts take about the place of a region.
_ROOM = 0.75


@style.styled
def partitions(table: pd.DataFrame) -> Drawn:
    """Draw the parts of each partition by region, hemispheres apart, with their intervals.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `engram.statistics.partition_tables`.
    """
    names = list(dict.fromkeys(table["partition"]))
    rois = shown_values.regions_by_side(table)
    figure, rows = panels.region_panels(len(names), rois, 45 * MM)
    for name, line in zip(names, rows, strict=True):
        mine = table[table["partition"] == name]
        for side, regions in rois.items():
            _parts(line[side], mine[mine["hemisphere"] == side], regions)
        first = line[next(iter(rois))]
        first.set_ylabel("share of variance (R²)" if len(names) == 1 else f"{name}: R²")
    shown = table[table["kind"].isin([ALL, UNIQUE, SHARED])]
    panels.reach([panel for line in rows for panel in line.values()], shown[["r2", "low", "high"]])
    panels.legend(figure, [panel for line in rows for panel in line.values()])
    return Drawn(figure, captions.partitions(table))


def _parts(panel: Axes, part: pd.DataFrame, regions: Sequence[str]) -> None:
    """Draw what all groups explain as a grey bar, and the parts as points beside each other."""
    whole = part[part["kind"] == ALL]
    where = panels.places(regions, whole["roi"])
    panel.hlines(
        whole["r2"], where - 0.45, where + 0.45, color=LIGHT, linewidth=3, zorder=0.4, label="all"
    )
    drawn = part[part["kind"].isin([UNIQUE, SHARED])]
    kinds = list(dict.fromkeys(zip(drawn["kind"], drawn["part"], strict=True)))
    for number, (kind, name) in enumerate(kinds):
        mine = drawn[(drawn["kind"] == kind) & (drawn["part"] == name)]
        step = (number - (len(kinds) - 1) / 2) * _ROOM / len(kinds)
        places = panels.places(regions, mine["roi"]) + step
        panels.error_bars(
            panel,
            places,
            mine["r2"],
            mine["low"],
            mine["high"],
            MODELS[number] if number < len(MODELS) else GREY,
            marker="o" if kind == UNIQUE else "s",
            label=f"{name} {'alone' if kind == UNIQUE else 'shared'}",
        )
        tops = mine[["high", "r2"]].max(axis=1)
        panels.stars(panel, places, tops, mine["p_listeners_fdr"])
