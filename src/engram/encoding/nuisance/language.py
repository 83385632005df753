"""What a language model predicts beyond nuisance features.

Banded ridge regression with three bands: the word rate, the other nuisance features, and the
language model. Its unique contribution is the score of all bands minus that of the nuisance bands
alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import xarray as xr

from engram.encoding.banded_ridge import candidates, set_scores
from engram.encoding.group import open_group
from engram.encoding.nuisance.bands import LANGUAGE, feature_sets
from engram.encoding.nuisance.word_features import nuisance_bands
from engram.encoding.scores import banded_scores
from engram.features.layers import reported_layer
from engram.features.word_features import SINCE
from engram.files import storage


def score_language(
    activations: Sequence[str],
    bold: Sequence[str],
    words: Sequence[str],
    subjects: Sequence[str],
    targets: str,
    layer: int | None,
    features: Sequence[str],
    **options: Any,
) -> xr.Dataset:
    """Score nuisance features, a language model, and both together, on a group of listeners.

    The language model is scored at its reported layer.

    Parameters
    ----------
    activations, bold, words, subjects, targets, **options
        As `engram.encoding.group.open_group` takes them.
    layer : int or None
        The layer to report (`engram.features.layers.reported_layer`).
    features : sequence of str
        Nuisance features (`engram.features.word_features.FEATURES`); words since the last
        insertion are left out, since the story alone has none.

    Returns
    -------
    xarray.Dataset
        ``r`` (features, story, subject, region), mean over test blocks and a region's targets.
    """
    read, group = open_group(activations, bold, words, subjects, targets, **options)
    reported = reported_layer(read[0].sizes["layer"] - 1, layer)
    features = [name for name in features if name != SINCE]
    bands = {LANGUAGE: group.features([one["activation"][reported].values for one in read])}
    bands |= nuisance_bands(group, [storage.read_words(path) for path in words], features)
    sets = feature_sets(bands)
    scores = set_scores(
        group,
        bands,
        sets,
        {name: candidates(len(members)) for name, members in sets.items()},
        inner_folds=options["inner_folds"],
        alphas=options["alphas"],
    )
    return banded_scores(
        group,
        "features",
        list(sets),
        scores,
        "Mean over test blocks and a region's targets",
        reported_layer=reported,
        nuisance=", ".join(features),
    )
