"""What a language model predicts beyond nuisance features.

Banded ridge regression with three bands: the word rate, the other nuisance features, and the
language model. Its unique contribution is the score of all bands minus that of the nuisance bands
alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from engram.encoding.group import open_group
from engram.encoding.nuisance.banded_ridge import (
    banded_predictions,
    candidates,
    score_predictions,
)
from engram.encoding.nuisance.bands import LANGUAGE, feature_sets
from engram.encoding.nuisance.word_features import nuisance_bands
from engram.encoding.scores import nuisance_scores
from engram.features.layers import reported_layer
from engram.features.word_features import SINCE
from engram.files import storage
from engram.jobs.progress import progress


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
    rows = (group.targets, group.row_story, group.row_position)
    settings = {name: options[name] for name in ("inner_folds", "alphas")}
    sets = feature_sets(bands)
    scores = []
    for names in progress(sets.values(), "feature sets", "set"):
        predictions = banded_predictions(
            [bands[name] for name in names],
            *rows,
            folds=group.folds,
            gap=group.gap,
            shares=candidates(len(names)),
            backend=group.backend,
            **settings,
        )
        scores.append(score_predictions(predictions, *rows, group.folds, group.gap))
    return nuisance_scores(
        group,
        "features",
        list(sets),
        np.stack(scores),
        "Mean over test blocks and a region's targets",
        reported_layer=reported,
        nuisance=", ".join(features),
    )
