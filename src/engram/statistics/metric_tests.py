"""Tests of identification and similarity against circular shifts, by set of targets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from engram.statistics import chance_table, significance
from engram.vocabulary import AVERAGE


def single_listeners(subjects: Sequence[str]) -> list[str]:
    """Return the listeners without the average one."""
    return [name for name in subjects if name != AVERAGE]


def as_scores(values: xr.DataArray, shifted: xr.DataArray, results: xr.Dataset) -> xr.Dataset:
    """Return results of single listeners in the form of scores on shifted BOLD.

    Parameters
    ----------
    values : xarray.DataArray
        (story, subject, set), of all listeners.
    shifted : xarray.DataArray
        (shift, set), mean over stories and single listeners.
    results : xarray.Dataset
        With ``allowed`` (story) and ``n_targets`` (set).
    """
    single = single_listeners(values["subject"].values.tolist())
    mean = values.sel(subject=single).mean("story").transpose("subject", "set")
    return xr.Dataset(
        {
            "r": (("subject", "region"), mean.values),
            "r_shifted": (("shift", "region"), shifted.transpose("shift", "set").values),
        },
        coords={
            "subject": single,
            "story": results["story"].values,
            "allowed": ("story", results["allowed"].values),
            "region": results["set"].values,
            "n_targets": ("region", results["n_targets"].values),
        },
    )


def tested(read: Sequence[xr.Dataset], value: str, seed: int) -> list[dict[str, Any]]:
    """Return a row for each set: mean over listeners, interval, null, p.

    Parameters
    ----------
    read : sequence of xarray.Dataset
        Of all groups, as `as_scores` returns them; sets without any value are left out, and groups
        without single listeners.
    value : str
        What the column of the mean is called.
    seed : int
        Of the bootstrap.
    """
    read = [one for one in read if one.sizes["subject"]]
    if not read:
        return []
    known = ~np.isnan(np.concatenate([one["r"].values for one in read])).any(0)
    read = [one.isel(region=known) for one in read]
    r, null, stories = chance_table.together(read)
    corrected = chance_table.corrected(r, null)
    rows: list[dict[str, Any]] = []
    for number, name in enumerate(read[0]["region"].values.tolist()):
        mean = float(r[:, number].mean())
        low, high = significance.interval(r[:, number], seed)
        of_set = {
            "set": name,
            "n_targets": int(read[0]["n_targets"][number]),
            "n_listeners": len(r),
            "n_stories": len(stories),
            value: mean,
            "low": low,
            "high": high,
            "n_shifts": len(null),
        }
        of_all = {key: values[number] for key, values in corrected.items()}
        rows.append(of_set | chance_table.against(mean, null[:, number]) | of_all)
    return rows
