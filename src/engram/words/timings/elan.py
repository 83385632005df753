"""Read ELAN's annotation files (EAF): tiers with labels, and times in milliseconds.

The form is that of the schema EAF 3.0 (Max Planck Institute for Psycholinguistics).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

from engram.errors import EngramError
from engram.files.text_files import read_text
from engram.words.timings.textgrid import Label, Tier

_ROOT = "ANNOTATION_DOCUMENT"
#: The line that names the encoding, which the text no longer has.
_DECLARATION = re.compile(r"^<\?xml[^>]*\?>")
#: An annotation that has times of its own; others refer to one of another tier.
_WITH_TIMES = "ALIGNABLE_ANNOTATION"


def read_eaf(path: Path) -> list[Tier]:
    """Return the tiers of an annotation file.

    Parameters
    ----------
    path : Path

    Returns
    -------
    list of Tier
        Times in seconds; NaN for annotations that ELAN gives none, as those between two that are
        aligned (time subdivision). Annotations that only refer to another tier's (symbolic
        association) have its times; several of one (symbolic subdivision) have none.

    Raises
    ------
    EngramError
        If it is no annotation file, or is broken.
    """
    try:
        text = read_text(path, prose=True).lstrip("\ufeff")
        root = ElementTree.fromstring(_DECLARATION.sub("", text).encode())
    except ElementTree.ParseError as error:
        raise EngramError(f"'{path}' is no XML ({error}). Is it whole? Save it again.") from None
    if root.tag != _ROOT:
        raise EngramError(f"'{path}' is no file of ELAN: it begins with <{root.tag}>.")
    slots = {
        str(one.get("TIME_SLOT_ID")): _seconds(one.get("TIME_VALUE"), path)
        for one in root.iter("TIME_SLOT")
    }
    times = _times(root, slots, path)
    return [_tier(one, times) for one in root.iter("TIER")]


def _seconds(value: str | None, path: Path) -> float:
    if value is None:
        return math.nan
    if not value.isdecimal():
        raise EngramError(f"'{path}': the time '{value}' is no number of milliseconds.")
    return int(value) / 1000


def _times(
    root: ElementTree.Element, slots: Mapping[str, float], path: Path
) -> dict[str, tuple[float, float]]:
    """Return the times of all annotations, by their names."""
    found: dict[str, tuple[float, float]] = {}
    parents: dict[str, str] = {}
    for one in root.iter():
        name = one.get("ANNOTATION_ID")
        if name is None:
            continue
        if one.tag == _WITH_TIMES:
            pair = (str(one.get("TIME_SLOT_REF1")), str(one.get("TIME_SLOT_REF2")))
            if missing := set(pair) - set(slots):
                raise EngramError(
                    f"'{path}': the annotation {name} names the time {missing.pop()}, which the "
                    "file does not have. Save it again in ELAN."
                )
            found[name] = (slots[pair[0]], slots[pair[1]])
        else:
            parents[name] = str(one.get("ANNOTATION_REF"))
    siblings = list(parents.values())
    for name in parents:
        over, seen = name, {name}
        while over in parents and siblings.count(parents[over]) == 1 and parents[over] not in seen:
            over = parents[over]
            seen.add(over)
        found[name] = found.get(over, (math.nan, math.nan))
    return found


def _tier(tier: ElementTree.Element, times: Mapping[str, tuple[float, float]]) -> Tier:
    labels = []
    for one in tier.iter():
        name = one.get("ANNOTATION_ID")
        if name is not None:
            text = " ".join((one.findtext("ANNOTATION_VALUE") or "").split())
            labels.append(Label(*times[name], text))
    if not any(math.isnan(label.begin) for label in labels):
        labels.sort(key=lambda label: label.begin)  # they stand in the order they were made
    return Tier(str(tier.get("TIER_ID")), False, labels)
