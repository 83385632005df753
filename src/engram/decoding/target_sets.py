"""Sets of targets whose pattern is compared: all, each hemisphere, ROI sets, regions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engram.datasets.roi_sets import members, roi_sets
from engram.errors import EngramError

#: All targets; each hemisphere by itself; every ROI set that the atlas has; every region.
ALL, HEMISPHERES, ROI_SETS, REGIONS = "all", "hemispheres", "roi-sets", "regions"
#: What hemispheres are called as sets.
_SIDES = {"L": "left", "R": "right"}


def target_sets(
    coordinates: dict[str, Any], wanted: Sequence[str], fewest: int = 1
) -> dict[str, np.ndarray]:
    """Return which targets are in each set: by name, arrays of bool of shape (n_targets, ).

    Parameters
    ----------
    coordinates : dict
        ``hemisphere`` and ``roi`` of the targets, as (dimensions, values).
    wanted : sequence of str
        `all`, `hemispheres`, `roi-sets`, `regions`, or names of ROI sets.
    fewest : int
        Sets of fewer targets are left out: one target has no pattern over targets.

    Raises
    ------
    EngramError
        If a set that is named has no region here, or no set is left.
    """
    sides, rois = (np.asarray(coordinates[name][1]) for name in ("hemisphere", "roi"))
    found: dict[str, np.ndarray] = {}
    for name in wanted:
        if name == ALL:
            found[ALL] = np.ones(len(rois), dtype=bool)
        elif name == HEMISPHERES:
            if set(_SIDES) <= set(sides.tolist()):
                found |= {word: sides == side for side, word in _SIDES.items()}
        elif name == REGIONS:
            for side, roi in dict.fromkeys(zip(sides.tolist(), rois.tolist(), strict=True)):
                found[f"{side}-{roi}"] = (sides == side) & (rois == roi)
        elif name == ROI_SETS:
            here = {one: _of_roi_set(one, rois) for one in roi_sets()}
            found |= {one: is_in for one, is_in in here.items() if is_in.any()}
        else:
            found[name] = _of_roi_set(name, rois)
            if not found[name].any():
                raise EngramError(
                    f"sets: this atlas has no region of the ROI set '{name}' "
                    "(resources/roi_sets.tsv). Take it out, or write all."
                )
    kept = {name: is_in for name, is_in in found.items() if is_in.sum() >= fewest}
    if not kept:
        raise EngramError(
            f"sets: none of {list(wanted)} has {fewest} targets here"
            + (f"; these have fewer: {sorted(found)}" if found else "")
            + ". Write sets: [all], and targets: all where regions are single time courses."
        )
    return kept


def _of_roi_set(name: str, rois: np.ndarray) -> np.ndarray:
    regions = members(roi_sets()[name], set(rois.tolist()))
    return np.isin(rois, sorted(regions))
