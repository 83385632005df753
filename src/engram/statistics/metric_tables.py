"""Tables of the metrics beside R: by listener, and tested against circular shifts.

Files have one form, whatever the metric (`engram.decoding.comparison.Comparison.dataset`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from engram.files import storage
from engram.statistics import metric_tests
from engram.statistics.metric_columns import Metric

if TYPE_CHECKING:
    import xarray as xr

_KEYS = ["story", "subject", "set"]
#: Files of all groups, by model.
Files = Mapping[str, Sequence[str]]


def listener_table(metric: Metric, files: Files, ceiling_files: Sequence[str]) -> pd.DataFrame:
    """Return a metric by listener, layer, set and story (its `columns`).

    Parameters
    ----------
    metric : Metric
    files : mapping
        By model, of all groups.
    ceiling_files : sequence of paths
        As `engram.decoding.comparison.ceiling_dataset` has them.
    """
    parts = [
        _of_group(metric, path).assign(model=model)
        for model, paths in files.items()
        for path in paths
    ]
    table = pd.concat(parts, ignore_index=True)
    # A set of too few targets has no value by some ways.
    table = table[table[metric.value].notna()].reset_index(drop=True)
    table = table.merge(_ceilings(metric, ceiling_files), how="left", on=_KEYS)
    for name, way in metric.only.items():
        values = table[name]
        whole = pd.api.types.is_integer_dtype(values)
        table[name] = (values.astype("Int64") if whole else values).where(table[metric.way] == way)
    return table[list(metric.columns)]


def _of_group(metric: Metric, path: str) -> pd.DataFrame:
    """Return the measures of a file, a row for each way, layer, set, story and listener."""
    dims = ["way", "layer", "set", "story", "subject"]
    with storage.open_dataset(path) as one:
        score = one["score"].load().transpose(*dims, "measure")
        index = pd.MultiIndex.from_product([one[dim].values for dim in dims], names=dims)
        names = one["measure"].values.tolist()
        table = pd.DataFrame(score.values.reshape(len(index), -1), index, names).reset_index()
        stories = pd.DataFrame({"story": one["story"].values}).assign(
            **{name: one[name].values for name in metric.of_stories}
        )
        for name in names if "by_chance" in one.coords else []:
            stories[f"{name}_chance"] = one["by_chance"].sel(measure=name).values
        sets = pd.DataFrame({"set": one["set"].values, "n_targets": one["n_targets"].values})
    table = table.rename(columns={"way": metric.way})
    return table.merge(stories, on="story").merge(sets, on="set")


def _ceilings(metric: Metric, files: Sequence[str]) -> pd.DataFrame:
    """Return ceilings by story, subject and set; no rows where there are none."""
    parts = [pd.DataFrame(columns=[*_KEYS, *metric.ceilings]).astype(dict.fromkeys(_KEYS, str))]
    for path in files:
        with storage.open_dataset(path) as one:
            found = one[list(metric.ceilings)].reset_coords(drop=True).load()
            parts.append(found.to_dataframe().reset_index())
    table = pd.concat(parts[1:] or parts, ignore_index=True)
    return table.astype(dict.fromkeys(metric.ceilings, float))


def tests_table(
    metric: Metric, files: Files, ceiling_files: Sequence[str], seed: int
) -> pd.DataFrame:
    """Return a metric against circular shifts, by set of targets (its `test_columns`).

    Parameters
    ----------
    metric, files, ceiling_files
        As `listener_table` takes them.
    seed : int
        Of the bootstrap.
    """
    names = list(metric.ceilings)
    by_listener = _ceilings(metric, ceiling_files).groupby(["set", "subject"])[names].mean()
    ceilings = by_listener.groupby("set").mean().to_dict("index")
    nothing = dict.fromkeys(names, np.nan)
    rows = []
    for model, paths in files.items():
        read = [storage.open_dataset(path).load() for path in paths]
        layer = int(read[0].attrs["reported_layer"])
        for way in read[0]["way"].values.tolist():
            kept = [_reported(one, metric.value, way, layer) for one in read]
            for row in metric_tests.tested(kept, metric.value, seed):
                bounds = ceilings.get(row["set"], nothing)
                bounds = {name: bounds[name] for name in names if metric.only.get(name) == way}
                rows.append(
                    {metric.way: way, "model": model, "layer": layer, **nothing, **bounds, **row}
                )
    return pd.DataFrame(rows, columns=list(metric.test_columns))


def _reported(one: xr.Dataset, value: str, way: str, layer: int) -> xr.Dataset:
    """Return a measure at the reported layer in the form of scores."""
    values = one["score"].sel(way=way, measure=value, layer=layer)
    return metric_tests.as_scores(values, one["shifted"].sel(way=way), one)
