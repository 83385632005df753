"""Means of the tables' values over targets."""

from __future__ import annotations

import pandas as pd


def target_mean(table: pd.DataFrame, name: str) -> float:
    """Return a column's mean over targets."""
    return float((table[name] * table["n_targets"]).sum(skipna=False) / table["n_targets"].sum())
