"""Targets: where they lie, the means over their regions, and the vertices they stand for."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd

from engram.bold.cleaning import ROUNDING

logger = logging.getLogger(__name__)

#: Millimetres beyond the middle from which a target lies in the other hemisphere.
_BEYOND = 2.0


def warn_of_sides(table: pd.DataFrame, story: str) -> None:
    """Warn of targets whose hemisphere is one and whose place is in the other.

    The coordinate x rises from left to right.
    """
    if "x" not in table:
        return
    beyond = table["x"].where(
        table["hemisphere"] == "L", -table["x"].where(table["hemisphere"] == "R")
    )
    wrong = table[beyond > _BEYOND]
    if len(wrong):
        target, side, x = wrong[["target", "hemisphere", "x"]].iloc[0]
        logger.warning(
            (
                "story %s: %d of %d targets lie in the other hemisphere by their x, "
                "which is below 0 on the left; the first is '%s' (hemisphere %s, x %g). "
                "Are hemispheres or signs swapped?"
            ),
            story,
            len(wrong),
            len(table),
            target,
            side,
            x,
        )


def region_means(
    values: np.ndarray, regions: dict[tuple[str, str], np.ndarray], name: str
) -> np.ndarray:
    """Return the mean time course of each region.

    Where its targets cancel each other it is 0, and that is warned of.
    """
    means: np.ndarray = np.stack([values[:, index].mean(-1) for index in regions.values()], axis=-1)
    cancelled = (means.std(0) <= ROUNDING) & np.array(
        [bool(values[:, index].any()) for index in regions.values()]
    )
    if cancelled.any():
        names = [
            f"{hemisphere}-{roi}"
            for (hemisphere, roi), gone in zip(regions, cancelled, strict=True)
            if gone
        ]
        logger.warning(
            (
                "%s: the targets of %s cancel each other, so that the region's mean does "
                "not vary and counts as 0"
            ),
            name,
            ", ".join(names[:5]),
        )
        means[:, cancelled] = 0
    return means


def regions_table(table: pd.DataFrame, regions: dict[tuple[str, str], np.ndarray]) -> pd.DataFrame:
    """Return the table of targets when every region is one target.

    Its place is the mean place of its members.
    """
    rows = []
    for (hemisphere, roi), index in regions.items():
        place = {
            name: float(table[name].to_numpy()[index].mean())
            for name in ("x", "y", "z")
            if name in table.columns
        }
        rows.append(
            {"target": f"{hemisphere}-{roi}", "hemisphere": hemisphere, "roi": roi, **place}
        )
    return pd.DataFrame(rows)


def vertex_map(
    table: pd.DataFrame, regions: dict[tuple[str, str], np.ndarray] | None
) -> dict[str, Any]:
    """Return which vertex of the surface belongs to which target, for maps.

    There is nothing for datasets without a surface.

    Parameters
    ----------
    table : pandas.DataFrame
        The dataset's targets, one for each vertex.
    regions : dict or None
        Rows of the table by region, where every region is one target.

    Returns
    -------
    dict
        Variables with the dimension ``vertex``: its number, hemisphere and target (an index).
    """
    if "vertex" not in table.columns:
        return {}
    target = np.arange(len(table))
    for number, index in enumerate((regions or {}).values()):
        target[index] = number
    return {
        "vertex_number": (
            "vertex",
            table["vertex"].to_numpy(np.int32),
            {"description": "Vertex of its hemisphere's surface, from 0"},
        ),
        "vertex_hemisphere": ("vertex", table["hemisphere"].to_numpy(), {"description": "L or R"}),
        "vertex_target": (
            "vertex",
            target.astype(np.int32),
            {"description": "The target that the vertex belongs to, from 0"},
        ),
    }
