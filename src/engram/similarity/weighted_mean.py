"""Similarity encoding: BOLD of a row is predicted from rows where the text is alike.

The prediction is the mean of the training rows' BOLD, weighted by how alike their delayed features
are to those of the row (Anderson et al. 2016). Nothing is fitted, and no penalty is chosen; what
features are wide and what training sets are small matters less than in a regression.
"""

from __future__ import annotations

import numpy as np

from engram.encoding.correlation import deviations, pearson, standardize
from engram.encoding.folds import Folds


def likeness(features: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Return how alike test rows are to training rows: (n_test, n_train), float32.

    It is the cosine of features that are centred and scaled by the training rows.

    Parameters
    ----------
    features : array of shape (n_rows, n_features)
        Delayed features (`engram.encoding.group.Group.features`).
    train, test : arrays of int
    """
    mean, spread = features[train].mean(0, dtype=np.float64), deviations(features[train])
    scaled = ((features - mean) / np.where(spread > 0, spread, 1)).astype(np.float32)
    norm = np.sqrt((scaled**2).sum(1, keepdims=True))
    unit = scaled / np.where(norm > 0, norm, 1)
    result: np.ndarray = (unit[test] @ unit[train].T).astype(np.float32)
    return result


def scores(
    alike: list[np.ndarray], folds: Folds, bold: np.ndarray, story: np.ndarray
) -> np.ndarray:
    """Return Pearson r of predicted and recorded BOLD: (n_scored, n_targets), mean over blocks.

    Stories that no fold tests have no score.

    Parameters
    ----------
    alike : list of arrays
        For each fold, as `likeness` returns it.
    folds : Folds
    bold : array of shape (n_rows, n_targets)
    story : array of shape (n_rows, )
        Which story each row belongs to.
    """
    n_stories = len(np.unique(story))
    sums, number = np.zeros((n_stories, bold.shape[1])), np.zeros((n_stories, 1))
    for weights, (train, test) in zip(alike, folds, strict=True):
        learned = bold[train]
        predicted = weights @ (learned - learned.mean(0))
        for one in np.unique(story[test]):
            rows = story[test] == one
            sums[one] += pearson(standardize(bold[test][rows]), predicted[rows])
            number[one] += 1
    tested = number[:, 0] > 0
    result: np.ndarray = sums[tested] / number[tested]
    return result
