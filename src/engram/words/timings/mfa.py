"""Read the Montreal Forced Aligner's files: TextGrid, JSON, or CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from engram.errors import EngramError
from engram.files import delimited
from engram.files.text_files import first_line
from engram.words.timings.json_file import read_object
from engram.words.timings.textgrid import INTERVALS, Label, Tier

#: Columns of its CSV files, in lower case.
COLUMNS = ("begin", "end", "label", "type", "speaker")
#: What separates its cells: MFA's own first, then those of spreadsheets that saved it again.
SEPARATORS = (",", ";", "\t")


def is_mfa(content: Any) -> bool:
    """Tell whether JSON is that of a TextGrid, as MFA and praatio write it."""
    return isinstance(content, dict) and isinstance(content.get("tiers"), dict | list)


def read_tiers(path: Path) -> list[Tier]:
    """Return the tiers of a TextGrid in JSON.

    Raises
    ------
    EngramError
        If it is none.
    """
    content = read_object(path)
    if not is_mfa(content):
        raise EngramError(
            f"'{path}' is no TextGrid in JSON, as MFA writes it: it needs 'tiers' and has "
            f"{sorted(content)[:8]}."
        )
    tiers = content["tiers"]
    named = tiers.items() if isinstance(tiers, dict) else [(one.get("name"), one) for one in tiers]
    return [_tier(str(name), tier, path) for name, tier in named]


def _tier(name: str, tier: dict[str, Any], path: Path) -> Tier:
    has_points = tier.get("type", tier.get("class", "interval")) not in ("interval", INTERVALS)
    labels = []
    for number, entry in enumerate(tier.get("entries", []), start=1):
        *times, text = entry if isinstance(entry, list) else entry.values()
        try:
            begin, end = float(times[0]), float(times[-1])
        except (TypeError, ValueError, IndexError):
            raise EngramError(
                f"'{path}', tier '{name}', entry {number}: {entry!r}. An entry has a beginning, an "
                "end and a label."
            ) from None
        labels.append(Label(begin, end, str(text)))
    return Tier(name, has_points, labels)


def read_csv(path: Path) -> pd.DataFrame:
    """Return the words of MFA's CSV: the rows of type ``words``."""
    header = first_line(path)
    separator = next((one for one in SEPARATORS if one in header), SEPARATORS[0])
    table = delimited.read_frame(path, text=("Label", "Type", "Speaker"), separator=separator)
    table.columns = table.columns.str.casefold()
    delimited.need_columns(list(table.columns), COLUMNS[:4], path)
    words = table[table["type"].fillna("").str.strip().str.casefold() == "words"]
    if words.empty:
        found = sorted(set(table["type"].dropna()))
        raise EngramError(f"'{path}' has no row of type 'words'. Its types: {found}.")
    frame = pd.DataFrame(
        {
            "word": words["label"],
            "onset": delimited.numbers(words["begin"], path),
            "offset": delimited.numbers(words["end"], path),
        }
    )
    if "speaker" in words and words["speaker"].nunique() > 1:
        frame["speaker"] = words["speaker"]
        frame = frame.sort_values("onset", kind="stable")
    return frame
