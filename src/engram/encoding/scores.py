"""How scores are kept: what all their datasets name, describe and average alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from engram.bold.regions import region_coordinates, region_indices
from engram.encoding.group import Group

#: Regions by hemisphere and name, each with the indices of its targets.
Regions = Mapping[tuple[str, str], np.ndarray]
_UNITS = {"r": "Pearson r", "r2": "share of variance"}


def pearson_r(
    dims: Sequence[str],
    values: np.ndarray,
    description: str | None = None,
    encoding: Mapping[str, Any] | None = None,
) -> xr.Variable:
    """Return scores as a variable of a dataset; `encoding` says how it is kept in a file."""
    attributes = {"units": "Pearson r"}
    if description is not None:
        attributes["description"] = description
    return xr.Variable(dims, values, attributes, encoding)


def regions_of_targets(group: Group) -> dict[tuple[str, str], np.ndarray]:
    """Return which of the group's targets are in which region (hemisphere, roi)."""
    return region_indices(group.stories[0].target_coordinates)


def region_means(values: np.ndarray, regions: Regions) -> np.ndarray:
    """Return the means over each region's targets: of (..., n_targets), (..., n_regions)."""
    return np.stack([values[..., index].mean(-1) for index in regions.values()], axis=-1)


def target_coordinates(group: Group) -> dict[str, Any]:
    """Return what stories, listeners and targets are called in scores that are kept by target."""
    return {
        "story": [one.name for one in group.tested],
        "subject": group.subjects,
        "n_trs": (
            "story",
            [len(one.times) for one in group.tested],
            {"description": "Rows of each story"},
        ),
        **group.stories[0].target_coordinates,
    }


def attributes(group: Group) -> dict[str, Any]:
    """Return how scores were made, for the attributes of their dataset."""
    return {"tr": group.tr, "delays": group.fir, "gap": group.gap, "backend": group.backend}


def banded_scores(
    group: Group,
    dim: str,
    names: Sequence[str],
    scores: np.ndarray,
    description: str,
    measure: str = "r",
    **more_attributes: Any,
) -> xr.Dataset:
    """Return the scores of banded ridge regressions, which are kept by region.

    Parameters
    ----------
    group : Group
    dim : str
        What was scored: "features", "variant" or "set".
    names : sequence of str
        What each of these is called.
    scores : array of shape (n_names, n_stories, n_subjects * n_targets)
        Mean over test blocks.
    description : str
    measure : {"r", "r2"}
        What they are: Pearson r, or the share of variance that is explained.
    **more_attributes
        Attributes of the dataset, beside those of the group.

    Returns
    -------
    xarray.Dataset
        ``r`` or ``r2`` (`dim`, story, subject, region), float32.
    """
    regions = regions_of_targets(group)
    by_target = scores.reshape(len(names), len(group.tested), *group.shape)
    values = region_means(by_target, regions).astype(np.float32)
    said = {"units": _UNITS[measure], "description": description}
    return xr.Dataset(
        {measure: ((dim, "story", "subject", "region"), values, said)},
        coords={
            dim: list(names),
            "story": [one.name for one in group.tested],
            "subject": group.subjects,
            **region_coordinates(regions),
        },
        attrs={**attributes(group), **more_attributes},
    )
