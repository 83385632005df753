"""How well groups of feature spaces, alone and together, explain BOLD.

What each explains that no other does, and what several share, follows from these scores
(`engram.statistics.partition_tables`; Borcard, Legendre & Drapeau 1992, Ecology 73:1045; on brains
de Heer et al. 2017, J Neurosci 37:6539). The solver is that of the nuisance control
(`engram.encoding.banded_ridge`): a group is a band.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, product
from typing import Any

import numpy as np
import xarray as xr

from engram.encoding.banded_ridge import count_features, set_scores
from engram.encoding.group import Group, group_of
from engram.encoding.scores import banded_scores
from engram.encoding.story_data import open_stories
from engram.features.layers import reported_layer

#: Between the names of groups that were fitted together, in the name of their set.
TOGETHER = "+"
#: Weights of a band beside the others, before they are scaled to a sum of 1.
_WEIGHTS = (0, 1, 9)


def subsets(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Return all sets of names but the empty one, small ones first, names in their order."""
    return [some for size in range(1, len(names) + 1) for some in combinations(names, size)]


def shares_of(n_bands: int) -> np.ndarray:
    """Return the weights of bands to choose from, (n_candidates, n_bands).

    All bands are treated alike, and fewer bands have the same candidates with zeros for the others:
    a set can do whatever a part of it can.
    """
    found = [np.array(one) for one in product(_WEIGHTS, repeat=n_bands) if any(one)]
    return np.unique([one / one.sum() for one in found], axis=0)


def score_partition(
    activations: Mapping[str, Sequence[str]],
    bold: Sequence[str],
    words: Sequence[str],
    subjects: Sequence[str],
    targets: str,
    layer: int | None,
    groups: Mapping[str, Sequence[str]],
    **options: Any,
) -> xr.Dataset:
    """Score groups of feature spaces on a group of listeners: each, and all sets of them.

    Parameters
    ----------
    activations : mapping
        One file per story of each space, by the space's name. Each space is taken at its reported
        layer.
    bold, words, subjects, targets, **options
        As `engram.encoding.group.open_group` takes them; without the average listener.
    layer : int or None
        The layer to report (`engram.features.layers.reported_layer`).
    groups : mapping
        Names of spaces by the name of their group. Spaces of a group share a penalty, and weigh the
        same whatever their number of units.

    Returns
    -------
    xarray.Dataset
        ``r2`` (set, story, subject, region): R squared, mean over test blocks and a region's
        targets. A set is called by the names of its groups.
    """
    group, features = _delayed(activations, bold, words, subjects, targets, layer, **options)
    bands = {name: [features[space] for space in spaces] for name, spaces in groups.items()}
    sets = {TOGETHER.join(members): members for members in subsets(list(groups))}
    shares = {name: shares_of(len(members)) for name, members in sets.items()}
    scores = set_scores(
        group,
        bands,
        sets,
        shares,
        inner_folds=options["inner_folds"],
        alphas=options["alphas"],
        measure="r2",
        size=count_features(list(bands.values())),
    )
    return banded_scores(
        group,
        "set",
        list(sets),
        scores,
        "R squared, mean over test blocks and a region's targets",
        measure="r2",
    )


def _delayed(
    activations: Mapping[str, Sequence[str]],
    bold: Sequence[str],
    words: Sequence[str],
    subjects: Sequence[str],
    targets: str,
    layer: int | None,
    **options: Any,
) -> tuple[Group, dict[str, np.ndarray]]:
    """Return the group, and the delayed features of each space at its reported layer."""
    stories = open_stories(bold, words, targets)
    features = {}
    for name, files in activations.items():
        read, group = group_of(files, stories, words, subjects, **options)
        reported = reported_layer(read[0].sizes["layer"] - 1, layer)
        vectors = [one["activation"][reported].values for one in read]
        features[name] = group.features(vectors, group.how_for(read[0]))
    return group, features
