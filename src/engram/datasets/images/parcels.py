"""Parcels: the same ones in all scans, and which hemisphere each is in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from engram.errors import EngramError

#: How names of parcels say their hemisphere: as a part of its own, at an end or inside.
_IN_NAME = re.compile(r"(?:^|(?<=[_\-. ]))(L|R|LH|RH|lh|rh|left|right|Left|Right)(?=[_\-. ]|$)")


def check_parcels(path: Path, found: Sequence[str], first: Path, expected: Sequence[str]) -> None:
    """Refuse a file whose parcels are others than a first one's, or in another order."""
    if tuple(found) == tuple(expected):
        return
    if len(found) != len(expected):
        what = f"has {len(found)} parcels, '{first}' {len(expected)}"
    elif set(found) == set(expected):
        number = next(
            number
            for number, (one, other) in enumerate(zip(found, expected, strict=True))
            if one != other
        )
        what = (
            f"has the parcels of '{first}' in another order: number {number} (from 0) is "
            f"'{found[number]}' here and '{expected[number]}' there"
        )
    else:
        what = (
            f"has other parcels than '{first}': {sorted(set(found) - set(expected))[:3]} are not "
            f"there, {sorted(set(expected) - set(found))[:3]} not here"
        )
    raise EngramError(
        f"'{path}' {what}. All scans need the same parcels: make them anew from one parcellation, "
        "or leave the listener out (dataset.exclude)."
    )


def hemisphere(name: str, sides: set[str], where: float | None, path: Path) -> str:
    """Return the hemisphere of a parcel: L, R, or B for both or neither.

    Parameters
    ----------
    name : str
    sides : set of str
        Those of its structures: L, R, or B for structures of no side.
    where : float or None
        The mean x of its voxels, in mm, where it has voxels of structures of no side.
    path : Path
        For messages.

    Raises
    ------
    EngramError
        If its name says one hemisphere, and its vertices or voxels lie in the other one.
    """
    said = {match[1][0].upper() for match in _IN_NAME.finditer(name)}
    by_name = said.pop() if len(said) == 1 else None
    sided = sides & {"L", "R"}
    if len(sided) == 1 and "B" not in sides:
        (found,) = sided
    elif not sided and where is not None and by_name is None:
        return "L" if where < 0 else "R" if where > 0 else "B"
    else:
        return by_name if by_name and not sided else "B"
    if by_name is not None and by_name != found:
        raise EngramError(
            f"'{path}': the parcel '{name}' is {by_name} by its name, and has vertices or voxels "
            f"of the structures of {found}. Which is right? Make the parcels anew."
        )
    return found


def without_sides(names: Sequence[str], sides: Sequence[str]) -> list[str]:
    """Return what parcels are called without their hemisphere.

    That is so where both hemispheres have the same parcels (``L_V1`` and ``R_V1``), which are one
    region on two sides; elsewhere a parcel keeps its name (``LH_Vis_1`` is no twin of
    ``RH_Vis_1`` by its number).
    """
    bare = [
        _IN_NAME.sub("", name).strip("_-. ").replace("__", "_") if side in "LR" else name
        for name, side in zip(names, sides, strict=True)
    ]
    left, right = (
        [name for name, side in zip(bare, sides, strict=True) if side == one] for one in "LR"
    )
    if set(left) == set(right) and len(set(left)) == len(left) and "" not in left:
        return bare
    return list(names)
