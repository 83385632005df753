"""Tables of identification: which share of segments is told from the brain, and chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from engram.files import storage
from engram.statistics import columns, metric_tests

_DIRECTION = {
    "direction": (
        "'encoding': recorded BOLD against BOLD predicted from features; 'decoding': the embedding "
        "predicted from BOLD against those of the text."
    )
}
_SET = {
    "set": "Set of targets: 'all', 'left', 'right', or an ROI set of resources/roi_sets.tsv.",
    "n_targets": (
        "Targets in it; a region counts as one where its mean time course was taken "
        "(`decoding: {targets: roi}`)."
    ),
}
DECODING = (
    "Identification of segments of a story from BOLD, by listener, layer, set of targets and "
    "story. A segment is told from others of the same held-out test block that begin at least its "
    "length and the longest delay away; mean over test blocks. Ties count half."
)
DECODING_COLUMNS = {
    **_DIRECTION,
    "model": "Model or baseline.",
    **columns.LAYER,
    **_SET,
    "story": "Story.",
    **columns.SUBJECT,
    "rank": "Rank accuracy: share of candidates less alike than the true segment; chance 0.5.",
    "top1": "How often the true segment is the most alike.",
    "top1_chance": "The same by guessing.",
    "top5": "How often it is among the five most alike.",
    "top5_chance": "The same by guessing; 1 where there are no more than five.",
    "pairs": "2v2: how often two segments are paired rightly rather than exchanged; chance 0.5.",
    "ceiling": (
        "Rank accuracy by the mean BOLD of the other listeners, in the encoding direction; n/a for "
        "'average', in the other direction, and with fewer than four listeners."
    ),
    "n_segments": "Segments that have candidates.",
    "n_candidates": "Candidates of a segment beside itself, mean.",
}
TESTS = (
    "Rank accuracy against chance at each model's reported layer, by set of targets: the mean over "
    "listeners and stories beside what it is when BOLD is shifted in time within each story, by "
    "20 s or more and by the same distance for all listeners, and everything is fitted anew. The "
    "test generalises to other BOLD of these listeners with these stories. Corrected over the sets "
    "of a model and direction by the maximum statistic."
)
TESTS_COLUMNS = {
    **_DIRECTION,
    "model": "Model or baseline.",
    **columns.FIXED_LAYER,
    **_SET,
    **columns.N_LISTENERS,
    "n_stories": "Stories, each shifted by itself.",
    "rank": "Rank accuracy, mean over stories, then listeners; chance 0.5.",
    **columns.interval("low", "high"),
    "ceiling": "Rank accuracy by the others' mean, the same mean; encoding direction alone.",
    "null_mean": "Mean rank accuracy over shifts.",
    "null_sd": "Their standard deviation.",
    "null_95": "Their 95th percentile.",
    "effect_size": "Rank accuracy minus the mean over shifts, over their standard deviation.",
    "detectable": (
        "Smallest rank accuracy that would have been found with 80 % power before correction, from "
        "the spread of shifts, taken as normal."
    ),
    "detectable_corrected": "The same after correction, were it in this set alone.",
    "n_shifts": "Shifts: `decoding: {shifts: ...}`, or all that a single story allows.",
    "smallest_p": "The smallest p that so many shifts can give.",
    "p": (
        "One-sided p: (1 + shifts whose rank accuracy reaches this one) / (1 + shifts); n/a where "
        "a story is too short to be shifted."
    ),
    **columns.maximum("p", "the sets of this model and direction", "shifts"),
}


def decoding_table(
    files: Mapping[str, Sequence[str]], ceiling_files: Sequence[str]
) -> pd.DataFrame:
    """Return identification by listener (the columns of `DECODING_COLUMNS`).

    Parameters
    ----------
    files : mapping
        By model, as `engram.decoding.scoring.score_decoding` made them, of all groups.
    ceiling_files : sequence of paths
        As `engram.decoding.ceiling.identification_ceiling` made them.
    """
    ceiling = _ceilings(ceiling_files)
    parts = [_of_group(model, path) for model, paths in files.items() for path in paths]
    table = pd.concat(parts, ignore_index=True)
    keys = ["story", "subject", "set"]
    table = table.merge(ceiling, how="left", on=keys) if len(ceiling) else table
    if "ceiling" not in table:
        table["ceiling"] = np.nan
    table["ceiling"] = table["ceiling"].where(table["direction"] == "encoding")
    return table[list(DECODING_COLUMNS)]


def _ceilings(files: Sequence[str]) -> pd.DataFrame:
    parts = []
    for path in files:
        with storage.open_dataset(path) as one:
            rank = one["accuracy"].reset_coords(drop=True).sel(measure="rank", drop=True)
            parts.append(rank.rename("ceiling").to_dataframe().reset_index())
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _of_group(model: str, path: str) -> pd.DataFrame:
    with storage.open_dataset(path) as one:
        accuracy = one["accuracy"].reset_coords(drop=True).load()
        dims = ("direction", "layer", "set", "story", "subject")
        named = {
            str(measure): accuracy.sel(measure=measure, drop=True).transpose(*dims)
            for measure in one["measure"].values
        }
        table = xr.Dataset(named).to_dataframe().reset_index()
        stories = pd.DataFrame(
            {
                "story": one["story"].values,
                "n_segments": one["n_segments"].values,
                "n_candidates": one["n_candidates"].values,
                **{
                    f"{top}_chance": one["by_chance"].sel(measure=top).values
                    for top in ("top1", "top5")
                },
            }
        )
        sets = pd.DataFrame({"set": one["set"].values, "n_targets": one["n_targets"].values})
    table = table.merge(stories, on="story").merge(sets, on="set")
    order = list(dims)
    for name in ("direction", "set", "story", "subject"):
        table[name] = pd.Categorical(table[name], accuracy[name].values.tolist(), ordered=True)
    table = table.sort_values(order, kind="stable")
    text = dict.fromkeys(("direction", "set", "story", "subject"), str)
    return table.astype(text).assign(model=model).reset_index(drop=True)


def tests_table(
    files: Mapping[str, Sequence[str]], ceiling_files: Sequence[str], seed: int
) -> pd.DataFrame:
    """Return rank accuracy against chance (the columns of `TESTS_COLUMNS`).

    Parameters
    ----------
    files, ceiling_files
        As `decoding_table` takes them.
    seed : int
        Of the bootstrap.
    """
    ceilings = _ceilings(ceiling_files)
    by_set = (
        ceilings.groupby(["set", "subject"])["ceiling"].mean().groupby("set").mean()
        if len(ceilings)
        else pd.Series(dtype=float)
    )
    rows = []
    for model, paths in files.items():
        read = [storage.open_dataset(path).load() for path in paths]
        layer = int(read[0].attrs["reported_layer"])
        for direction in read[0]["direction"].values.tolist():
            kept = [_reported(one, direction, layer) for one in read]
            for row in metric_tests.tested(kept, "rank", seed):
                ceiling = by_set.get(row["set"], np.nan) if direction == "encoding" else np.nan
                of = {"direction": direction, "model": model, "layer": layer, "ceiling": ceiling}
                rows.append(of | row)
    return pd.DataFrame(rows, columns=list(TESTS_COLUMNS))


def _reported(one: xr.Dataset, direction: str, layer: int) -> xr.Dataset:
    """Return rank accuracy at the reported layer in the form of scores."""
    rank = one["accuracy"].sel(direction=direction, measure="rank", layer=layer)
    return metric_tests.as_scores(rank, one["rank_shifted"].sel(direction=direction), one)
