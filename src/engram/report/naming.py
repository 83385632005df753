"""What a study's listeners and regions are called in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

#: Tables of a study, by name.
Tables = Mapping[str, pd.DataFrame]

#: More models or stories are not named one by one in a sentence: it says their range or number.
MOST_NAMED = 4


def people(config: Mapping[str, Any]) -> str:
    """Return what this study's listeners are called."""
    return "simulated listener" if config["simulated"] else "listener"


def region(row: Any) -> str:
    """Return the name of a row's region with its hemisphere."""
    side = {"L": "left ", "R": "right "}.get(row["hemisphere"], "")
    return f"{side}{row['roi']}"
