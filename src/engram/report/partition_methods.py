"""The methods of variance partitions in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engram.report.naming import Tables
from engram.wording import listed


def partition_methods(config: Mapping[str, Any], tables: Tables) -> str:
    """Return how explained variance was parted; nothing where it was not."""
    parted: Mapping[str, Any] = config.get("partitions", {})
    if not parted or "partitions" not in tables:
        return ""
    named = "; ".join(f"{name}: {_groups(one['groups'])}" for name, one in parted.items())
    return (
        "Explained variance was parted between groups of feature spaces by banded ridge regression "
        "[@himalaya] with a band for each group, whose spaces weigh the same, on the rows and "
        f"folds of R. Groups: {named}. Weights of bands and the penalty of each target have the "
        "highest mean R squared over inner folds; sets of groups choose among the same weights, "
        "with zeros for the groups that they lack. R squared is 1 minus the variance of what is "
        "left over that of the BOLD, within each test block. What a group explains alone is R "
        "squared of all groups minus that of the others, and what groups share follows from all "
        "sets of them as areas of a Venn diagram do [@partition]; parts below 0 are kept."
    )


def _groups(groups: Mapping[str, list[str]]) -> str:
    return ", ".join(
        name if spaces == [name] else f"{name} ({listed(spaces)})"
        for name, spaces in groups.items()
    )
