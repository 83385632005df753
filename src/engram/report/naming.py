"""What a study's listeners, authors and regions are called in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from engram.vocabulary import PEOPLE

#: Tables of a study, by name.
Tables = Mapping[str, pd.DataFrame]

#: More models or stories are not named one by one in a sentence: it says their range or number.
MOST_NAMED = 4


def people(config: Mapping[str, Any]) -> str:
    """Return what this study's listeners are called."""
    return "simulated listener" if config["simulated"] else "listener"


def author(written_by: str) -> str:
    """Return who wrote a text, in words: people, a language model, or the model's name."""
    return {PEOPLE: "people", "language model": "a language model"}.get(written_by, written_by)


def region(row: Any) -> str:
    """Return the name of a row's region with its hemisphere."""
    side = {"L": "left ", "R": "right "}.get(row["hemisphere"], "")
    return f"{side}{row['roi']}"
