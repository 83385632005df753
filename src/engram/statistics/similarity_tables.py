"""Tables of similarity: RSA and similarity encoding, beside ceilings and chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from engram.files import storage
from engram.statistics import columns, metric_tests

_METRIC = {
    "metric": (
        "'rsa': dissimilarities of pairs of segments, correlated; 'encoding': BOLD predicted as "
        "the mean of other rows, weighted by how alike the text is (similarity encoding)."
    )
}
_SET = {
    "set": (
        "Set of targets: 'all', 'left', 'right', an ROI set of resources/roi_sets.tsv, or a region "
        "in its hemisphere. Sets of fewer than three targets have no RSA."
    ),
    "n_targets": "Targets in it.",
}
_CEILING = (
    "Noise ceiling of RSA: correlation of a listener's dissimilarities with the mean of "
    "{whom}; n/a for the other metric, for 'average', and with fewer than four listeners."
)
_CEILINGS = {
    "ceiling_lower": _CEILING.format(whom="the other listeners'"),
    "ceiling_upper": _CEILING.format(whom="all listeners', this one included"),
}
SIMILARITY = (
    "Similarity of models with brains without fitted weights, by listener, layer, set of targets "
    "and story. RSA: pairs of segments that share neither words nor BOLD, centred within each lag, "
    "word rate taken off (for the word rate itself it is not)."
)
SIMILARITY_COLUMNS = {
    **_METRIC,
    "model": "Model or baseline.",
    **columns.LAYER,
    **_SET,
    "story": "Story.",
    **columns.SUBJECT,
    "similarity": (
        "Pearson r: of dissimilarities, or of predicted and recorded BOLD (mean over test blocks "
        "and targets)."
    ),
    **_CEILINGS,
    "n_pairs": "Pairs of segments, for RSA.",
}
TESTS = (
    "Similarity against chance at each model's reported layer, by set of targets: the mean over "
    "listeners and stories beside what it is when BOLD and text are shifted against each other "
    "within each story, by 20 s or more and by the same distance for all listeners. Segments are "
    "never dealt anew: that would find what is slow. Corrected over the sets of a model and metric "
    "by the maximum statistic."
)
TESTS_COLUMNS = {
    **_METRIC,
    "model": "Model or baseline.",
    **columns.FIXED_LAYER,
    **_SET,
    **columns.N_LISTENERS,
    "n_stories": "Stories, each shifted by itself.",
    "similarity": "Mean over stories, then listeners (Pearson r).",
    **columns.interval("low", "high"),
    **_CEILINGS,
    "null_mean": "Mean over shifts.",
    "null_sd": "Their standard deviation.",
    "null_95": "Their 95th percentile.",
    "effect_size": "Similarity minus the mean over shifts, over their standard deviation.",
    "detectable": (
        "Smallest similarity that would have been found with 80 % power before correction, from "
        "the spread of shifts, taken as normal."
    ),
    "detectable_corrected": "The same after correction, were it in this set alone.",
    "n_shifts": "Shifts: `similarity: {shifts: ...}`, or all that a single story allows.",
    "smallest_p": "The smallest p that so many shifts can give.",
    "p": (
        "One-sided p: (1 + shifts whose similarity reaches this one) / (1 + shifts); n/a where a "
        "story is too short to be shifted."
    ),
    **columns.maximum("p", "the sets of this model and metric", "shifts"),
}
_KEYS = ("story", "subject", "set")


def similarity_table(
    files: Mapping[str, Sequence[str]], ceiling_files: Sequence[str]
) -> pd.DataFrame:
    """Return similarity by listener (the columns of `SIMILARITY_COLUMNS`).

    Parameters
    ----------
    files : mapping
        By model, as `engram.similarity.scoring.score_similarity` made them, of all groups.
    ceiling_files : sequence of paths
        As `engram.similarity.ceiling.rsa_ceiling` made them.
    """
    dims = ["metric", "layer", "set", "story", "subject"]
    parts = []
    for model, paths in files.items():
        for path in paths:
            with storage.open_dataset(path) as one:
                values = one["similarity"].reset_coords(drop=True).load().transpose(*dims)
                table = values.to_dataframe().reset_index()
                stories = pd.DataFrame({"story": one["story"], "n_pairs": one["n_pairs"]})
                sets = pd.DataFrame({"set": one["set"], "n_targets": one["n_targets"]})
            parts.append(table.merge(stories, on="story").merge(sets, on="set").assign(model=model))
    table = pd.concat(parts, ignore_index=True)
    is_rsa = table["metric"] == "rsa"
    table = table[~is_rsa | table["similarity"].notna()].reset_index(drop=True)
    bounds = ceilings(ceiling_files)
    table = (
        table.merge(bounds, how="left", on=list(_KEYS))
        if len(bounds)
        else table.assign(ceiling_lower=np.nan, ceiling_upper=np.nan)
    )
    is_rsa = table["metric"] == "rsa"
    for name in _CEILINGS:
        table[name] = table[name].where(is_rsa)
    table["n_pairs"] = table["n_pairs"].astype("Int64").where(is_rsa)
    return table[list(SIMILARITY_COLUMNS)]


def ceilings(files: Sequence[str]) -> pd.DataFrame:
    """Return the noise ceilings of RSA by story, subject and set."""
    parts = []
    for path in files:
        with storage.open_dataset(path) as one:
            table = one[["lower", "upper"]].load().to_dataframe().reset_index()
            names = {"lower": "ceiling_lower", "upper": "ceiling_upper"}
            parts.append(table.rename(columns=names).assign(story=one.attrs["story"]))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def tests_table(
    files: Mapping[str, Sequence[str]], ceiling_files: Sequence[str], seed: int
) -> pd.DataFrame:
    """Return similarity against chance (the columns of `TESTS_COLUMNS`).

    Parameters
    ----------
    files, ceiling_files
        As `similarity_table` takes them.
    seed : int
        Of the bootstrap.
    """
    bounds = ceilings(ceiling_files)
    means = (
        bounds.groupby(["set", "subject"])[list(_CEILINGS)].mean().groupby("set").mean()
        if len(bounds)
        else pd.DataFrame(columns=list(_CEILINGS))
    )
    rows = []
    for model, paths in files.items():
        read = [storage.open_dataset(path).load() for path in paths]
        layer = int(read[0].attrs["reported_layer"])
        for metric in read[0]["metric"].values.tolist():
            kept = [_reported(one, metric, layer) for one in read]
            for row in metric_tests.tested(kept, "similarity", seed):
                there = metric == "rsa" and row["set"] in means.index
                bound = dict(means.loc[row["set"]]) if there else dict.fromkeys(_CEILINGS, np.nan)
                rows.append({"metric": metric, "model": model, "layer": layer, **bound, **row})
    return pd.DataFrame(rows, columns=list(TESTS_COLUMNS))


def _reported(one: xr.Dataset, metric: str, layer: int) -> xr.Dataset:
    values = one["similarity"].sel(metric=metric, layer=layer)
    return metric_tests.as_scores(values, one["shifted"].sel(metric=metric), one)
