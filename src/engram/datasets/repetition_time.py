"""The repetition time (TR) that files give of themselves.

It is compared with the one that a study is configured with.

A wrong TR shifts words against BOLD more and more, and nothing fails. A BIDS sidecar is believed
first. A header is believed where it gives more than a default: 0 means unknown, and 1 s is what
programs write that do not know (fMRIPrep, XCP-D and AFNI users report both).
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Sequence
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

from engram.errors import EngramError
from engram.files.json_text import once

logger = logging.getLogger(__name__)

#: Two TRs are the same if they differ by less than this share: 0.6 s after ten minutes.
SAME = 1e-3
#: Keys of a sidecar that differ by less than this share of a TR agree: one can be written with few
#: digits (0.67 Hz for 1.5 s).
_WRITTEN_SHORT = 0.02
#: A TR of so many seconds is in milliseconds; one below the second of these is in other units too
#: (no scanner takes a volume in 50 ms).
MILLISECONDS_FROM, SHORTEST_TR = 50.0, 0.05
#: NIfTI's units of time, in seconds.
_UNITS = {"sec": 1.0, "msec": 1e-3, "usec": 1e-6, "unknown": 1.0}
_TIME_STEP = re.compile(
    rb"TimeStep(?:\]\]>)?\s{0,9}</Name>\s{0,99}<Value>\s{0,9}(?:<!\[CDATA\[)?\s{0,9}([0-9.eE+-]{1,30})"
)


def volume_tr(image: Any) -> float | None:
    """Return the TR in the header of a NIfTI image (``pixdim[4]`` in its units), in seconds.

    It is None where the header gives none.
    """
    zooms = image.header.get_zooms()
    if len(zooms) < 4:
        return None
    unit = image.header.get_xyzt_units()[1]
    return tr_in_seconds(float(zooms[3]) * _UNITS[unit]) if unit in _UNITS else None


def surface_tr(path: Path, within: int | None = None) -> float | None:
    """Return the ``TimeStep`` of a GIFTI file in seconds; None where it gives none.

    With `within` only so many bytes at its beginning are looked at.

    Programs write it in seconds or, as FreeSurfer does, in milliseconds.
    """
    try:
        with path.open("rb") as stream, mmap(stream.fileno(), 0, access=ACCESS_READ) as content:
            match = _TIME_STEP.search(content, 0, within or len(content))
            return tr_in_seconds(float(match[1] if match else b""))
    except ValueError:  # no number, or an empty file
        return None


def sidecar_tr(path: Path) -> float | None:
    """Return the TR that a BIDS sidecar gives, in seconds; None where it gives none.

    It is ``RepetitionTime``, or 1 / ``SamplingFrequency``, or the step of ``VolumeTiming``.

    Raises
    ------
    EngramError
        If the file is no JSON object, if a number is no TR in seconds, if two of them differ,
        or if volumes do not follow each other evenly.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=once)
    except (OSError, ValueError, RecursionError) as error:
        raise EngramError(
            f"'{path}' cannot be read as a BIDS sidecar in JSON ({error}). "
            "Correct it, or take it away."
        ) from None
    if not isinstance(content, dict):
        raise EngramError(
            f"'{path}' cannot be read as a BIDS sidecar: it holds no JSON object. "
            "Correct it, or take it away."
        )
    found = {
        key: one
        for key, read in _TOLD.items()
        if content.get(key) is not None and (one := read(key, content[key], path)) is not None
    }
    if not found:
        return None
    first, tr = next(iter(found.items()))
    for key, other in found.items():
        if abs(other - tr) > _WRITTEN_SHORT * tr:
            raise EngramError(
                f"'{path}': {first} gives a TR of {tr:g} s, {key} one of {other:g} s. "
                "Correct the wrong one, or take it out."
            )
    return tr


def _number(key: str, value: Any, path: Path) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1e-9 < value < 1e9:
        raise EngramError(
            f"'{path}': {key} is {value!r}; a number above 0 is needed. Correct it, or take it out."
        )
    return float(value)


def _period(key: str, value: Any, path: Path) -> float:
    """Return ``RepetitionTime``."""
    tr = _number(key, value, path)
    if tr >= MILLISECONDS_FROM:
        raise EngramError(
            f"'{path}': RepetitionTime is {value:g}, which looks like milliseconds. BIDS wants "
            f"seconds: write {value / 1000:g}."
        )
    return tr


def _step(key: str, value: Any, path: Path) -> float | None:
    """Return the time from one volume to the next in ``VolumeTiming``.

    BIDS has that for volumes that need not follow each other evenly.
    """
    if not isinstance(value, list) or any(
        isinstance(one, bool) or not isinstance(one, int | float) or not -1e9 < one < 1e9
        for one in value
    ):
        raise EngramError(
            f"'{path}': {key} is no list of seconds, one for each volume. "
            "Correct it, or take it out."
        )
    if len(value) < 2:
        return None
    step = (value[-1] - value[0]) / (len(value) - 1)
    uneven = [
        number
        for number, one in enumerate(value)
        if abs(one - value[0] - number * step) > _WRITTEN_SHORT * abs(step)
    ]
    if step <= 0 or uneven:
        where = f" (volume {uneven[0]} comes at {value[uneven[0]]:g} s)" if uneven else ""
        raise EngramError(
            f"'{path}': {key} gives volumes that do not follow each other evenly{where}. "
            "Rows of BOLD must be one TR apart: resample the scan."
        )
    return _period(key, step, path)


#: What gives a TR in a sidecar; the first counts.
_TOLD: dict[str, Callable[[str, Any, Path], float | None]] = {
    "RepetitionTime": _period,
    "SamplingFrequency": lambda key, value, path: 1 / _number(key, value, path),
    "VolumeTiming": _step,
}


def check_tr(tr: float, path: Path, header: float | None, sidecars: Sequence[Path]) -> str:
    """Compare the TR of a study with what a scan's files give.

    Parameters
    ----------
    tr : float
        Seconds, as configured.
    path : Path
        The scan.
    header : float or None
        TR in the scan's own header, in seconds, where it gives one.
    sidecars : sequence of Path
        BIDS sidecars that may hold its TR, the nearest first; they need not be there.

    Returns
    -------
    str
        What is worth a line in the log: that nothing gives a TR, or that a header is wrong.
        Empty where all agree.

    Raises
    ------
    EngramError
        If the first sidecar that gives a TR, or without one the header, gives another.
    """
    from_sidecar = _first_sidecar_tr(sidecars)
    if from_sidecar is not None:
        sidecar, found = from_sidecar
        if not _same(found, tr):
            raise EngramError(
                f"'{sidecar}' gives a TR of {found:g} s, the study one of {tr:g} s: "
                f"they drift apart by {_drift(found, tr)} in ten minutes. Write dataset: {{tr: "
                f"{found:g}}}, or correct the file."
            )
        if header is not None and not _same(header, tr):
            return (
                f"the header of '{path}' gives a TR of {header:g} s; its sidecar's {tr:g} s count"
            )
        return ""
    if header is None:
        return (
            f"'{path}' and its like do not give their TR (0 or 1 s in a header is none), "
            f"nor does a sidecar: {tr:g} s are taken on trust"
        )
    if not _same(header, tr):
        beside = sidecars[0].name if sidecars else path.stem + ".json"
        raise _other_header(tr, path, header, beside)
    return ""


def _first_sidecar_tr(sidecars: Sequence[Path]) -> tuple[Path, float] | None:
    """Return the first sidecar that gives a TR, and the TR in seconds."""
    for one in sidecars:
        if one.is_file() and (found := sidecar_tr(one)) is not None:
            return one, found
    return None


def _other_header(tr: float, path: Path, header: float, sidecar: str) -> EngramError:
    """Return the error of a header that gives another TR than the study."""
    believe = (
        f"Write dataset: {{tr: {header:g}}}; or, if the header is wrong, write"
        if header >= SHORTEST_TR
        else "No scan has that TR: write"
    )
    return EngramError(
        f"the header of '{path}' gives a TR of {header:g} s, the study one of {tr:g} s: "
        f"words and BOLD would drift apart by {_drift(header, tr)} in ten minutes. "
        f"{believe} the right one into a sidecar, '{sidecar}' beside it: "
        f'{{"RepetitionTime": {tr:g}}}.'
    )


def tr_in_seconds(seconds: float) -> float | None:
    """Return the TR that a header gives, in seconds; None for what stands for unknown.

    That is 0, what is no number, and 1 s. From 50 on they are milliseconds.
    """
    if not 0 < seconds < float("inf"):
        return None
    seconds = seconds / 1000 if seconds >= MILLISECONDS_FROM else seconds
    return None if _same(seconds, 1.0) else seconds


def _same(one: float, other: float) -> bool:
    return abs(one - other) <= SAME * other


def _drift(one: float, other: float) -> str:
    return f"{abs(one - other) / other * 600:.0f} s"
