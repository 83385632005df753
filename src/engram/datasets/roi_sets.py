"""ROI sets: regions under a name that the literature gives them (resources/roi_sets.tsv)."""

from __future__ import annotations

import difflib
from collections.abc import Collection

from engram.errors import EngramError
from engram.files import delimited
from engram.paths import ROI_SETS


def roi_sets() -> dict[str, list[str]]:
    """Return the regions of every set, by the set's name."""
    sets: dict[str, list[str]] = {}
    for row in delimited.read_rows(ROI_SETS, ("set", "roi")):
        sets.setdefault(row["set"], []).append(row["roi"])
    return sets


def choose(wanted: Collection[str] | None, regions: Collection[str], key: str) -> set[str]:
    """Return the regions that are wanted.

    Parameters
    ----------
    wanted : collection of str or None
        Names of sets or regions; None: all regions.
    regions : collection of str
        Those there are.
    key : str
        Where `wanted` was written, for messages.

    Raises
    ------
    EngramError
        If a name is neither, or a set has no region here.
    """
    if wanted is None:
        return set(regions)
    sets = roi_sets()
    chosen: set[str] = set()
    for name in wanted:
        found = members([name], regions) or members(sets.get(name, ()), regions)
        if not found:
            near = [] if name in sets else difflib.get_close_matches(name, [*regions, *sets], n=3)
            raise EngramError(
                f"{key}: "
                + (
                    f"this atlas has no region of the set '{name}'."
                    if name in sets
                    else f"'{name}' is no region of this atlas, nor an ROI set."
                )
                + (f" Did you mean {' or '.join(near)}?" if near else "")
                + (
                    f" Sets: {', '.join(sorted(sets))}. Regions: "
                    f"{', '.join(sorted(regions)[:12])}{' ...' if len(regions) > 12 else ''}."
                )
            )
        chosen |= found
    return chosen


def members(names: Collection[str], regions: Collection[str]) -> set[str]:
    """Return the regions that have one of the names.

    FreeSurfer's hyphens may have become dots on the way.
    """
    plain = {name.replace(".", "-") for name in names}
    return {region for region in regions if region.replace(".", "-") in plain}
