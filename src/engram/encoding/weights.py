"""Weights of a ridge regression whose penalties are chosen as an encoding's are.

Jobs keep no weights; these are for people who bring features and targets of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engram.encoding.hat_matrices import decomposed
from engram.encoding.nested_folds import Data, folds_of_all
from engram.encoding.preparation import Preparation, prepared
from engram.encoding.ridge import best_penalties


@dataclass(frozen=True)
class Weights:
    """A fitted ridge regression.

    Attributes
    ----------
    coefficients : array of shape (n_features, n_targets)
    intercept : array of shape (n_targets, )
    alpha : array of int of shape (n_targets, )
        Which of the penalties inner folds chose, from 0.
    """

    coefficients: np.ndarray
    intercept: np.ndarray
    alpha: np.ndarray


def fit(
    features: np.ndarray,
    targets: np.ndarray,
    story: np.ndarray,
    position: np.ndarray,
    *,
    inner_folds: int,
    gap: int,
    alphas: Sequence[float],
    alpha_by: str = "r",
    scaling: str = "variance",
    backend: str = "torch",
) -> Weights:
    """Choose a penalty for each target in inner folds, and fit all rows with it.

    Parameters
    ----------
    features : array of shape (n_rows, n_features)
    targets : array of shape (n_rows, n_targets)
    story, position, inner_folds, gap, alphas, alpha_by, backend
        As `engram.encoding.ridge.encode` takes them.
    scaling : {"variance", "none"}
        Whether features get a variance of 1; weights are those of the features as given.
    """
    means = features.mean(0, dtype=float), targets.mean(0, dtype=float)
    # Single precision, in which rows are kept, has no digits to spare for means.
    centred = (features - means[0]).astype(np.float32)
    how = Preparation(scaling=scaling)
    data = Data.of(centred, targets - means[1], None, True, story, position, how, backend, None)
    rows = np.arange(len(features))
    chosen = best_penalties(folds_of_all(data, inner_folds, gap, alphas), data, alpha_by, None)
    deviation = centred.std(0, dtype=float)
    scale = np.where((deviation == 0) | (scaling == "none"), 1, deviation)
    coefficients = _coefficients(data, rows, chosen, alphas) / scale[:, None]
    return Weights(coefficients, means[1] - means[0] @ coefficients, chosen)


def _coefficients(
    data: Data, rows: np.ndarray, chosen: np.ndarray, alphas: Sequence[float]
) -> np.ndarray:
    """Return the weights of features as a fold has them, centred and scaled.

    They come from the decompositions of an encoding: weights are what is predicted for the unit
    vectors.
    """
    xp = data.xp
    no_rows = np.empty(0, dtype=int)
    design = prepared(data.design, rows, no_rows, rows, data.preparation, xp)
    bold = np.asarray(xp.to_numpy(data.bold), dtype=float)
    centred = bold - bold.mean(0)
    found = np.empty((design.shape[1], bold.shape[1]))
    parts = decomposed(design, len(rows), xp, units=True)
    for penalty in np.unique(chosen):
        mine = np.flatnonzero(chosen == penalty)
        (matrix,) = parts.matrices([alphas[int(penalty)]])
        found[:, mine] = np.asarray(xp.to_numpy(matrix), dtype=float) @ centred[:, mine]
    return found
