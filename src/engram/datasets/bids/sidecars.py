"""Sidecars of a recording: its repetition time, and which moment its volumes are of."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engram.datasets.bids import names
from engram.datasets.bids.headers import check_fetched
from engram.datasets.repetition_time import sidecar_tr
from engram.errors import EngramError
from engram.files.json_text import once


def of_file(root: Path, derivatives: Path, file: names.BidsFile) -> list[Path]:
    """Return the sidecars that hold for a file of BOLD, the nearest first.

    They are those of the derivative, then those of the raw recording.
    """
    beside = [
        path
        for suffix in dict.fromkeys(("bold", file.suffix))
        for extension in (".json", f"{file.extension.removesuffix('.nii')}.json")
        for path in names.applying(
            derivatives, file.path.parent, file.entities, (suffix,), extension
        )
    ]
    recording = dict(file.recording)
    raw = names.applying(root, names.raw_folder(root, recording), recording, ("bold",), ".json")
    return list(dict.fromkeys([*beside, *raw]))


def repetition_time(sidecars: Sequence[Path]) -> tuple[float, Path] | None:
    """Return the TR that the nearest sidecar gives, in seconds, and which one that is."""
    for path in sidecars:
        check_fetched(path)
        tr = sidecar_tr(path)
        if tr is not None:
            return tr, path
    return None


def first_row_begins(sidecars: Sequence[Path], tr: float) -> float:
    """Return when the first row of BOLD begins, in seconds from the first volume.

    A row is taken to be of a whole TR. Where slices were brought to one moment (fMRIPrep: the
    middle of the volume, ``StartTime``), this is half a TR before that moment; else it is 0.

    Parameters
    ----------
    sidecars : sequence of Path
        The nearest first.
    tr : float
        Seconds.

    Raises
    ------
    EngramError
        If `StartTime` is no moment of the first volume, or is there though slices were not
        brought to it.
    """
    content: dict[str, Any] = {}
    where: dict[str, Path] = {}
    for path in sidecars:
        for key, value in _content(path).items():
            if key in ("StartTime", "SliceTimingCorrected") and key not in content:
                content[key], where[key] = value, path
    begin, corrected = content.get("StartTime"), content.get("SliceTimingCorrected", False)
    if begin is None:
        return 0.0
    path = where["StartTime"]
    if isinstance(begin, bool) or not isinstance(begin, int | float) or not 0 <= begin < tr + 1e-3:
        raise EngramError(
            f"'{path}': StartTime is {begin!r}; it is the moment of the first volume that its "
            f"slices were brought to, from 0 to the TR of {tr:g} s. Are volumes missing at the "
            "beginning? Then write dataset: {start: ...}, the time of the first row on the words' "
            "clock."
        )
    if corrected is not True:
        if begin == 0:
            return 0.0
        raise EngramError(
            f"'{path}': StartTime is {begin:g} s, and slices were not brought to one moment "
            "(SliceTimingCorrected is not true), so what it means cannot be told. Write dataset: "
            "{start: ...}, the time of the first row on the words' clock, or correct the sidecar."
        )
    return float(begin) - tr / 2


def _content(path: Path) -> Mapping[str, Any]:
    check_fetched(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=once)
    except (OSError, ValueError, RecursionError) as error:
        raise EngramError(
            f"'{path}' cannot be read as a BIDS sidecar in JSON ({error}). Correct it, or take it "
            "away."
        ) from None
    return content if isinstance(content, dict) else {}
