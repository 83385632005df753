"""Unique contributions beyond nuisance features: the table against a direct computation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from engram.files import storage
from engram.statistics import unique_contributions


def test_table_is_a_direct_computation(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sets = ["language", "word-rate", "word-rate+language"]
    r = rng.uniform(0, 0.2, (3, 2, 5, 1)).astype(np.float32)
    coordinates = {
        "features": sets,
        "story": ["a", "b"],
        "subject": ["01", "02", "03", "04", "05"],
        "region_hemisphere": ("region", ["L"]),
        "region_roi": ("region", ["one"]),
        "region_targets": ("region", [3]),
    }
    path = str(tmp_path / "scores.nc")
    dataset = xr.Dataset(
        {"r": (("features", "story", "subject", "region"), r)},
        coords=coordinates,
        attrs={"reported_layer": 2, "nuisance": "word-rate"},
    )
    storage.write_dataset(path, dataset)
    table = unique_contributions.nuisance_table({"m": [path]}, 0)
    assert list(table.columns) == list(unique_contributions.NUISANCE_COLUMNS) and len(table) == 1
    row = table.iloc[0]
    assert row["unique"] == pytest.approx((r[2] - r[1]).mean(), abs=1e-6) and row[
        "language"
    ] == pytest.approx(r[0].mean())
    assert (
        row["low"] < row["unique"] < row["high"]
        and np.isnan(row["p_stories"])
        and (row["n_listeners"], row["n_stories"]) == (5, 2)
    )
