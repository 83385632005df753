"""Tables: scores and ceilings by region, and each model's best layer.

A region's score is the mean of its targets' r; folds, then stories, are averaged first,
each with equal weight.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from engram.datasets.roi_sets import members, roi_sets
from engram.files import storage
from engram.statistics import columns
from engram.vocabulary import AVERAGE, LISTENERS

if TYPE_CHECKING:
    import xarray as xr

#: Columns that are text even where they look like numbers.
KEYS = dict.fromkeys(
    ("study", "group", "story", "subject", "model", "text", "hemisphere", "roi", "roi_set", "kind"),
    str,
)


_KIND_AVERAGE = "sqrt(split_sb)"
_KIND_SINGLE = "loo/sqrt(rel(n-1))"
_KIND_REPEATS = "sqrt(repeats_split_sb)"

SCORES = (
    "Brain scores R: Pearson r between recorded BOLD and BOLD predicted by cross-validated FIR "
    "ridge regression, for every "
    "listener (and 'average', the mean of all listeners), model, layer and region. Means: "
    "over test blocks, then stories, then the region's targets, without Fisher's z."
)
SCORES_COLUMNS = {
    "study": "Study.",
    "group": "Listeners who heard the same stories, named by these.",
    "subject": "Listener; 'average' is the mean time course of all listeners of each story.",
    "model": "Model or baseline.",
    "text": "Text that the model read; 'original' is the story as it was heard.",
    **columns.LAYER,
    **columns.REGION,
    "n_trs": "Rows (TRs) over all stories of the group.",
    "score": "Brain score R (Pearson r).",
    "ceiling_split": (
        "Correlation of the means of two random halves of the listeners (r_h); n/a with "
        "fewer than four listeners."
    ),
    "ceiling_split_sb": "Reliability of the mean of all listeners, 2 r_h / (1 + r_h).",
    "ceiling_loo": "Correlation of this listener with the mean of the others; n/a for 'average'.",
    "ceiling_kind": (
        f"Kind of 'ceiling': {_KIND_AVERAGE} for 'average', {_KIND_SINGLE} for a listener; "
        f"{_KIND_REPEATS} where a listener heard every story several times."
    ),
    "ceiling": (
        "That ceiling: what a perfect model would reach, taken target by target and story "
        "by story, then averaged like scores."
    ),
    "normalized": "Score divided by ceiling; n/a where that is below the configured floor.",
}


def scores_table(
    study: str,
    keys: Sequence[tuple[str, str, str]],
    score_files: Sequence[str],
    ceiling_files: Sequence[str],
    stories: Mapping[str, Sequence[str]],
    floor: float,
) -> pd.DataFrame:
    """Return scores by region, beside their ceilings.

    Parameters
    ----------
    study : str
    keys : sequence of (group, model, text)
        One for each of `score_files`.
    score_files, ceiling_files : sequences of paths
    stories : mapping
        Stories of each group.
    floor : float
        Scores are not normalised by a ceiling below this.

    Returns
    -------
    pandas.DataFrame
        The columns of `SCORES_COLUMNS`.
    """
    ceilings = {}
    for path in ceiling_files:
        with storage.open_dataset(path) as dataset:
            ceilings[str(dataset.attrs["story"])] = dataset.load()
    parts = []
    for (group, model, text), path in zip(keys, score_files, strict=True):
        with storage.open_dataset(path) as dataset:
            part = _group_table(dataset, [ceilings[story] for story in stories[group]], floor)
        parts.append(part.assign(study=study, group=group, model=model, text=text))
    return pd.concat(parts, ignore_index=True)[list(SCORES_COLUMNS)]


def _group_table(scores: xr.Dataset, ceilings: list[xr.Dataset], floor: float) -> pd.DataFrame:
    subjects = scores["subject"].values.tolist()
    regions = _regions(scores)
    n_trs = int(scores["n_trs"].sum())
    group_bounds = {
        kind: np.mean([one[kind].values for one in ceilings], axis=0)
        for kind in ("split", "split_sb", "average")
    }
    by_repeats = all("repeats_split_sb" in one for one in ceilings)
    bounds = []
    for (hemisphere, roi), index in regions:
        shared = {kind: float(values[index].mean()) for kind, values in group_bounds.items()}
        for subject in subjects:
            loo, ceiling, kind = np.nan, shared["average"], _KIND_AVERAGE
            if subject != AVERAGE:
                loo, ceiling, kind = (
                    _listener_bound(ceilings, "loo", subject, index),
                    _listener_bound(ceilings, "single", subject, index),
                    _KIND_REPEATS if by_repeats else _KIND_SINGLE,
                )
            bounds.append(
                {
                    "hemisphere": hemisphere,
                    "roi": roi,
                    "n_targets": len(index),
                    "n_trs": n_trs,
                    "subject": subject,
                    "ceiling_split": shared["split"],
                    "ceiling_split_sb": shared["split_sb"],
                    "ceiling_loo": loo,
                    "ceiling_kind": kind if np.isfinite(ceiling) else None,
                    "ceiling": ceiling,
                }
            )
    bound = pd.DataFrame(bounds)
    parts = []
    # One at a time: a whole cortex has gigabytes of scores.
    for layer in range(scores.sizes["layer"]):
        by_target = mean_scores(scores, layer)
        means = np.stack([by_target[:, index].mean(1) for _, index in regions]).ravel()
        parts.append(bound.assign(layer=layer, score=means.astype(float)))
    table = pd.concat(parts, ignore_index=True)
    usable = (table["ceiling"] >= floor) & (table["ceiling"] > 0)
    return table.assign(normalized=(table["score"] / table["ceiling"]).where(usable))


def mean_scores(scores: xr.Dataset, layer: int) -> np.ndarray:
    """Return a layer's scores, averaged over stories: (n_subjects, n_targets)."""
    return scores["r"].isel(layer=layer).mean("story").transpose("subject", "target").values


def _listener_bound(
    ceilings: Iterable[xr.Dataset], kind: str, subject: str, index: np.ndarray
) -> float:
    return float(np.mean([one[kind].sel(subject=subject).values[index].mean() for one in ceilings]))


def _regions(dataset: xr.Dataset) -> list[tuple[tuple[str, str], np.ndarray]]:
    table = pd.DataFrame({name: dataset[name].values for name in ("hemisphere", "roi")})
    groups: Any = table.groupby(["hemisphere", "roi"], sort=False).indices
    return list(groups.items())


def by_subject(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the mean score over all targets of each subject, model, text and layer."""
    keys = ["model", "text", "layer", "subject"]
    weighted = (
        scores.assign(weighted=scores["score"] * scores["n_targets"])
        .groupby(keys, sort=False)[["weighted", "n_targets"]]
        .sum()
    )
    return (weighted["weighted"] / weighted["n_targets"]).rename("score").reset_index()


BEST_LAYER = (
    "Each model's layer with the highest mean score over targets, chosen on the same rows that it "
    "is reported for: a description, not a test."
)
BEST_LAYER_COLUMNS = {
    "model": "Model or baseline.",
    "text": "Text that the model read.",
    **columns.SUBJECTS,
    "best_layer": "Layer with the highest score; 0 is the embeddings.",
    "score": "Mean over all targets (each counts the same), then over listeners.",
    "standard_error": "Of the mean over listeners; n/a for 'average'.",
    "listeners": "Number of listeners.",
}


def best_layers(scores: pd.DataFrame) -> pd.DataFrame:
    """Return each model's best layer, for single listeners and for the average listener.

    Parameters
    ----------
    scores : pandas.DataFrame
        As `scores_table` returns it.

    Returns
    -------
    pandas.DataFrame
        The columns of `BEST_LAYER_COLUMNS`.
    """
    whole = by_subject(scores)
    whole["subjects"] = np.where(whole["subject"] == AVERAGE, AVERAGE, LISTENERS)
    n_listeners = whole.loc[whole["subjects"] == LISTENERS, "subject"].nunique()
    rows = []
    for (model, text, subjects), part in whole.groupby(["model", "text", "subjects"], sort=False):
        layers = part.groupby("layer")["score"].agg(["mean", "sem"])
        best = layers["mean"].idxmax()
        rows.append(
            {
                "model": model,
                "text": text,
                "subjects": subjects,
                "best_layer": best,
                "score": layers.loc[best, "mean"],
                "standard_error": layers.loc[best, "sem"],
                "listeners": n_listeners,
            }
        )
    return pd.DataFrame(rows, columns=list(BEST_LAYER_COLUMNS))


ROI_SETS = (
    "Brain scores of the ROI sets of resources/roi_sets.tsv, which overlap: "
    "means of their regions, weighted by numbers of targets. Without rows where the atlas "
    "has no region of any set."
)
ROI_SETS_COLUMNS = {
    "model": "Model or baseline.",
    "text": "Text that the model read.",
    **columns.LAYER,
    **columns.SUBJECT,
    **columns.HEMISPHERE,
    "roi_set": "Name of the set.",
    "n_regions": "Regions of the set that the atlas has.",
    "n_targets": "Targets in them.",
    "score": "Brain score R (Pearson r).",
    "ceiling": "What a perfect model would reach (tables/scores.tsv has its kind).",
    "normalized": "Score divided by ceiling; n/a where that is below the configured floor.",
}


def roi_set_scores(scores: pd.DataFrame, floor: float) -> pd.DataFrame:
    """Return scores by ROI set (the columns of `ROI_SETS_COLUMNS`).

    Parameters
    ----------
    scores : pandas.DataFrame
        As `scores_table` returns it.
    floor : float
        Scores are not normalised by a ceiling below this.
    """
    keys = ["model", "text", "layer", "subject", "hemisphere"]
    parts = []
    for name, regions in roi_sets().items():
        part = scores[scores["roi"].isin(members(regions, set(scores["roi"])))]
        if part.empty:
            continue
        weighted = part.assign(
            score=part["score"] * part["n_targets"], ceiling=part["ceiling"] * part["n_targets"]
        )
        sums = weighted.groupby(keys, sort=False).agg(
            n_regions=("roi", "size"),
            n_targets=("n_targets", "sum"),
            score=("score", "sum"),
            ceiling=("ceiling", lambda values: values.sum(skipna=False)),
        )
        table = sums.assign(
            score=sums["score"] / sums["n_targets"], ceiling=sums["ceiling"] / sums["n_targets"]
        ).reset_index()
        parts.append(
            table.assign(
                roi_set=name,
                normalized=(table["score"] / table["ceiling"]).where(
                    (table["ceiling"] >= floor) & (table["ceiling"] > 0)
                ),
            )
        )
    return (
        pd.concat(parts, ignore_index=True)[list(ROI_SETS_COLUMNS)]
        if parts
        else pd.DataFrame(columns=list(ROI_SETS_COLUMNS))
    )


CEILINGS = (
    "Noise ceilings of every kind, by story and region, on the rows, folds and "
    "averages of the scores."
)
CEILINGS_COLUMNS = {
    "study": "Study.",
    "story": "Story.",
    "subject": "Listener, or 'average' for kinds that are about the mean of all listeners.",
    **columns.REGION,
    "n_listeners": "Listeners of the story.",
    "kind": (
        "split, split_sb, average (= sqrt(split_sb)), loo (inter-subject correlation: with the "
        "others' mean), loo_ridge, single (= loo / sqrt(rel(n - 1))); of a story that one listener "
        "heard several times repeats_split, repeats_split_sb, explainable_variance, and single = "
        "sqrt(repeats_split_sb): see docs/methods/ceilings.md."
    ),
    "ceiling": "Pearson r, mean over the region's targets; n/a with fewer than four listeners.",
}


def ceilings_table(study: str, files: Sequence[str]) -> pd.DataFrame:
    """Return every ceiling by story and region (the columns of `CEILINGS_COLUMNS`)."""
    rows = []
    for path in files:
        with storage.open_dataset(path) as dataset:
            common = {
                "study": study,
                "story": dataset.attrs["story"],
                "n_listeners": dataset.sizes["subject"],
            }
            for (hemisphere, roi), index in _regions(dataset):
                region = {**common, "hemisphere": hemisphere, "roi": roi, "n_targets": len(index)}
                for kind, values in dataset.data_vars.items():
                    subjects = (
                        dataset["subject"].values.tolist()
                        if "subject" in values.dims
                        else [AVERAGE]
                    )
                    means = np.atleast_1d(values.values[..., index].mean(-1))
                    rows += [
                        {**region, "subject": subject, "kind": kind, "ceiling": mean}
                        for subject, mean in zip(subjects, means, strict=True)
                    ]
    return pd.DataFrame(rows)[list(CEILINGS_COLUMNS)]


REGIONS = "Regions, with the mean MNI coordinates of their targets where the dataset gives them."
REGIONS_COLUMNS = {
    **columns.REGION,
    "x": "MNI, mm.",
    "y": "MNI, mm.",
    "z": "MNI, mm.",
}


def regions_table(files: Sequence[str]) -> pd.DataFrame:
    """Return the regions (the columns of `REGIONS_COLUMNS`) from any ceiling file."""
    with storage.open_dataset(files[0]) as dataset:
        rows = []
        for (hemisphere, roi), index in _regions(dataset):
            place = {
                axis: (
                    float(dataset[axis].values[index].mean()) if axis in dataset.coords else np.nan
                )
                for axis in ("x", "y", "z")
            }
            rows.append({"hemisphere": hemisphere, "roi": roi, "n_targets": len(index), **place})
    return pd.DataFrame(rows, columns=list(REGIONS_COLUMNS))
