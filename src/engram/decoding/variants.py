"""Identification by each variant of a model: texts that it read, or tunings of it.

What associations or a tuning change in R may be small where they make the joint pattern of regions
more specific. So segments are identified by BOLD predicted from each variant, at the reported
layer, as in the encoding direction (`engram.decoding.scoring`). Control texts and control tunings
are variants too, and give the null.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from engram.decoding import from_predictions, ranks
from engram.decoding.scoring import Trials
from engram.encoding import predictions, scores, variant_vectors
from engram.encoding.group import Group, Part
from engram.jobs.progress import progress


def identify_variants(
    read: Sequence[xr.Dataset], group: Group, seconds: float, sets: Sequence[str]
) -> xr.Dataset:
    """Identify segments by predicted BOLD, for every variant at the reported layer.

    Parameters
    ----------
    read : sequence of xarray.Dataset
        As `engram.features.variants.collect` made them, one for each story of the group.
    group : engram.encoding.group.Group
    seconds : float
        Length of a segment.
    sets : sequence of str
        Sets of targets (`engram.decoding.target_sets`).

    Returns
    -------
    xarray.Dataset
        ``r`` (variant, story, subject, region): rank accuracy, mean over test blocks, in the form
        of scores of variants (`engram.statistics.variant_effects.read_effects`). A set of targets
        stands in the place of a region, without a hemisphere.
    """
    trials = Trials.of(group, seconds, sets, group.folds, 0)
    names = read[0]["variant"].values.tolist()
    how, n_stories = group.how_for(read[0]), len(group.stories)
    rank = np.full((len(names), n_stories, group.shape[0], len(trials.sets)), np.nan)

    def work(part: Part) -> None:
        n_listeners = part.listeners.stop - part.listeners.start
        for number in progress(range(len(names)), "variants", "variant"):
            held = predictions.of_part(
                group,
                part,
                variant_vectors.at_reported_layer(read, number),
                how,
                variant_vectors.inserted_onsets(read, number),
            )
            if held is not None:
                rank[number, :, part.listeners] = from_predictions.identified(
                    held, trials.blocks, trials.sets, n_listeners, n_stories, ranks.rank_only
                )[0]

    group.each_part(read[0].sizes["unit"], 1, work)
    return _dataset(read, group, trials, rank[:, group.tested_places])


def _dataset(
    read: Sequence[xr.Dataset], group: Group, trials: Trials, rank: np.ndarray
) -> xr.Dataset:
    """Return rank accuracy (n_variants, n_scored, n_subjects, n_sets) in the form of scores."""
    sizes = [int(one.sum()) for one in trials.sets.values()]
    return xr.Dataset(
        {
            "r": (
                ("variant", "story", "subject", "region"),
                rank.astype(np.float32),
                {"units": "share", "description": ranks.MEASURES["rank"]},
            )
        },
        coords={
            "variant": read[0]["variant"].values.tolist(),
            "story": [one.name for one in group.tested],
            "subject": group.subjects,
            "region_hemisphere": ("region", ["both"] * len(sizes)),
            "region_roi": ("region", list(trials.sets)),
            "region_targets": ("region", sizes),
        },
        attrs={
            **scores.attributes(group),
            "reported_layer": int(read[0].attrs["reported_layer"]),
        },
    )
