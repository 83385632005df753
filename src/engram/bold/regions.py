"""Regions of targets, in files of results and in what is kept by region."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr


def region_indices(coordinates: dict[str, Any]) -> dict[tuple[str, str], np.ndarray]:
    """Return which targets are in which region (hemisphere, roi).

    Regions are in the order of their first target.
    """
    sides, rois = (coordinates[name][1] for name in ("hemisphere", "roi"))
    found: dict[tuple[str, str], list[int]] = {}
    for index, key in enumerate(zip(sides.tolist(), rois.tolist(), strict=True)):
        found.setdefault(key, []).append(index)
    return {key: np.array(index) for key, index in found.items()}


def region_coordinates(regions: Mapping[tuple[str, str], np.ndarray]) -> dict[str, Any]:
    """Return what the regions of `region_indices` are called in results that are kept by region."""
    return {
        "region_hemisphere": ("region", [side for side, _ in regions]),
        "region_roi": ("region", [roi for _, roi in regions]),
        "region_targets": ("region", [len(index) for index in regions.values()]),
    }


def regions_of(results: xr.Dataset) -> list[tuple[str, str, int]]:
    """Return the regions of results that are kept by region: hemisphere, roi, number of targets."""
    return list(
        zip(
            *(
                results[f"region_{name}"].values.tolist()
                for name in ("hemisphere", "roi", "targets")
            ),
            strict=True,
        )
    )
