"""Ridge regression with nested cross-validation: brain scores R from features and BOLD.

All targets share their features, so one decomposition (himalaya's) for each fold serves them all.
Targets are predicted in batches sized to the memory at hand. No weights are kept.

Features and targets are centred, and features scaled, by the rows of each training set, inner ones
too. The smaller of the two forms is solved: the kernel where features outnumber training rows, else
the primal. Products with the targets are in float32, decompositions in float64. In float32
decompositions too, scores were the same within 1e-4 on Alice, but off by up to 0.16 for features
with a dominant common direction (a test compares this case with scikit-learn).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from engram.encoding.backends import batch_limit
from engram.encoding.correlation import pearson, standardize
from engram.encoding.folds import blocked_folds
from engram.jobs.out_of_memory import Shrinking


@dataclass(frozen=True)
class Scores:
    """What an encoding gives.

    Attributes
    ----------
    r : array of shape (n_stories, n_folds, n_targets)
        Pearson r between predicted and recorded BOLD, per story and test block.
    alpha : array of shape (n_folds, n_targets)
        Which of the penalties the inner folds chose, from 0.
    """

    r: np.ndarray
    alpha: np.ndarray


@dataclass(frozen=True)
class _Fold:
    """What turns BOLD of the rows `fit` into predictions of the rows `held_out`.

    Attributes
    ----------
    matrices : array of shape (n_alphas, n_held_out, n_fit)
    fit, held_out : arrays of int
        Indices into all rows.
    parts : sequence of slice
        The stories of the held-out rows.
    """

    matrices: Any
    fit: Any
    held_out: Any
    parts: Sequence[slice]


def encode(
    features: np.ndarray,
    targets: np.ndarray,
    story: np.ndarray,
    position: np.ndarray,
    *,
    folds: int,
    inner_folds: int,
    gap: int,
    alphas: Sequence[float],
    alpha_by: str = "r",
    backend: str = "torch",
    limit: Shrinking | None = None,
) -> Scores:
    """Score how well features predict targets, on rows that no part of the model has seen.

    Parameters
    ----------
    features : array of shape (n_rows, n_features)
        Delayed features of all stories, one after the other.
    targets : array of shape (n_rows, n_targets)
        BOLD on the same rows, finite; of numpy, or of the backend (it stays where it is).
    story, position : arrays of shape (n_rows, )
        Which story a row belongs to, and its place there (in TRs).
    folds, inner_folds : int
        Contiguous blocks, outer and inner (`engram.encoding.folds.blocked_folds`).
    gap : int
        Rows next to a test block that are left out of training.
    alphas : sequence of float
        Ridge penalties; each target gets its own.
    alpha_by : {"r", "mse"}
        Inner criterion: highest mean Pearson r over stories and inner folds,
        or lowest mean squared error.
    backend : {"numpy", "torch", "torch_cuda"}
        himalaya's backend.
    limit : Shrinking, optional
        Bytes of predictions that are held at a time (`engram.encoding.backends.batch_limit`).
    """
    from himalaya.backend import set_backend

    xp, limit = set_backend(backend), limit or batch_limit(backend)
    design = xp.asarray(features, dtype=xp.float32)
    bold = xp.asarray(targets, dtype=xp.float32)
    r = np.empty((len(np.unique(story)), folds, targets.shape[1]), dtype=np.float32)
    chosen = np.empty((folds, targets.shape[1]), dtype=np.uint8)
    for fold, (train, test) in enumerate(blocked_folds(story, position, folds, gap)):
        inner = [
            _fold(design, train[fit], train[held_out], story, alphas, xp)
            for fit, held_out in blocked_folds(story[train], position[train], inner_folds, gap)
        ]
        chosen[fold] = _best_penalties(inner, bold, alpha_by, limit, xp)
        outer = _fold(design, train, test, story, alphas, xp)
        r[:, fold] = _held_out_scores(outer, chosen[fold], bold, limit, xp)
    return Scores(r, chosen)


def _fold(
    design: Any,
    fit: np.ndarray,
    held_out: np.ndarray,
    story: np.ndarray,
    alphas: Sequence[float],
    xp: ModuleType,
) -> _Fold:
    matrices = _hat_matrices(design, fit, held_out, alphas, xp)
    return _Fold(matrices, xp.asarray(fit), xp.asarray(held_out), _stories_of(story[held_out]))


def _stories_of(story: np.ndarray) -> list[slice]:
    """Return the rows of each story, given the story of every row; stories follow each other."""
    _, begins = np.unique(story, return_index=True)
    return [slice(*ends) for ends in zip(begins, [*begins[1:], len(story)], strict=True)]


def _hat_matrices(
    design: Any, train: np.ndarray, test: np.ndarray, alphas: Sequence[float], xp: ModuleType
) -> Any:
    """Return what turns training targets into predictions, for every penalty.

    It has the shape (n_alphas, n_test, n_train), in float32.

    Predictions are deviations from the training targets' mean, which the
    matrices take off themselves.
    """
    from himalaya.kernel_ridge._random_search import _decompose_kernel_ridge
    from himalaya.ridge._random_search import _decompose_ridge

    n_train = len(train)
    rows = xp.asarray(design[np.concatenate([train, test])], dtype=xp.float64)
    rows -= rows[:n_train].mean(0)
    scale = (rows[:n_train] ** 2).mean(0) ** 0.5
    rows /= scale + (scale == 0)
    penalties = xp.asarray(np.asarray(alphas), dtype=xp.float64)
    n_features = rows.shape[1]
    if n_features > n_train:
        kernel = rows @ rows[:n_train].T
        batches = _decompose_kernel_ridge(
            kernel[:n_train], penalties, Ktest=kernel[n_train:], n_alphas_batch=1
        )
        matrices = (matrix[0] for matrix, _ in batches)
    else:
        batches = _decompose_ridge(rows[:n_train], penalties, n_alphas_batch=1)
        matrices = (rows[n_train:] @ weights[0] for weights, _ in batches)
    # One penalty at a time: long stories and wide models make them large.
    return xp.stack(
        [xp.asarray(matrix - matrix.mean(-1)[:, None], dtype=xp.float32) for matrix in matrices]
    )


def _criterion(fold: _Fold, bold: Any, alpha_by: str, xp: ModuleType) -> Any:
    """Return how well each penalty predicts each target of `bold` (n_rows, n_targets).

    The shape is (n_alphas, n_targets); higher is better.
    """
    fit, held_out = bold[fold.fit], bold[fold.held_out]
    predictions = xp.matmul(fold.matrices, fit)
    if alpha_by == "mse":
        return -((predictions - (held_out - fit.mean(0))) ** 2).mean(1)
    scores = [pearson(standardize(held_out[rows]), predictions[:, rows]) for rows in fold.parts]
    return sum(scores) / len(scores)


def _best_penalties(
    inner: Sequence[_Fold], bold: Any, alpha_by: str, limit: Shrinking, xp: ModuleType
) -> np.ndarray:
    """Return which penalty predicts each target best: (n_targets, ), from 0."""
    best = np.empty(bold.shape[1], dtype=np.uint8)

    # All inner folds of a batch follow each other, so that its BOLD is read from memory once.
    def choose(batch: slice) -> None:
        criterion = sum(_criterion(one, bold[:, batch], alpha_by, xp) for one in inner)
        best[batch] = xp.to_numpy(criterion.argmax(0))

    limit.each(
        len(best),
        choose,
        weight=4 * len(inner[0].matrices) * max(len(one.held_out) for one in inner),
    )
    return best


def _held_out_scores(
    fold: _Fold, chosen: np.ndarray, bold: Any, limit: Shrinking, xp: ModuleType
) -> np.ndarray:
    """Return r of each target at its chosen penalty, per story: (n_stories, n_targets)."""
    r = np.empty((len(fold.parts), len(chosen)), dtype=np.float32)
    for penalty in np.unique(chosen):
        mine = np.flatnonzero(chosen == penalty)
        r[:, mine] = _scores_at(fold, fold.matrices[int(penalty)], bold, mine, limit, xp)
    return r


def _scores_at(
    fold: _Fold, matrix: Any, bold: Any, mine: np.ndarray, limit: Shrinking, xp: ModuleType
) -> np.ndarray:
    """Return r of the targets `mine` under one penalty's matrix: (n_stories, n_mine)."""
    r = np.empty((len(fold.parts), len(mine)), dtype=np.float32)

    def score(batch: slice) -> None:
        selected = bold[:, mine[batch]]
        predictions, held_out = matrix @ selected[fold.fit], selected[fold.held_out]
        for place, rows in enumerate(fold.parts):
            r[place, batch] = xp.to_numpy(pearson(standardize(held_out[rows]), predictions[rows]))

    limit.each(len(mine), score, weight=4 * len(fold.held_out))
    return r
