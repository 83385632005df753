"""Ridge regression with nested cross-validation: brain scores R from features and BOLD.

All targets share their features, so one decomposition for each fold serves them all
(`engram.encoding.hat_matrices`).
Targets are predicted in batches sized to the memory at hand. No weights are kept.

Features and targets are centred, and features scaled, by the rows of each training set, inner ones
too (`engram.encoding.preparation`). The smaller of the two forms is solved: the kernel where
features outnumber training rows, else the primal. Products with the targets are in float32,
decompositions in float64. In float32 decompositions too, scores were the same within 1e-4 on Alice,
but off by up to 0.16 for features with a dominant common direction (a test compares this case with
scikit-learn).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engram.encoding.backends import Arrays, arrays, batch_limit
from engram.encoding.correlation import pearson, standardize, without_constant
from engram.encoding.folds import (
    count_blocks,
    count_folds,
    count_tested,
    inner_folds_of,
    outer_folds,
    place_of_scores,
)
from engram.encoding.hat_matrices import Hat, decomposed, hat
from engram.encoding.preparation import Preparation, prepared, row_numbers
from engram.encoding.story_folds import StoryFolds
from engram.jobs.out_of_memory import Shrinking


@dataclass(frozen=True)
class Scores:
    """What an encoding gives.

    Attributes
    ----------
    r : array of shape (n_stories, n_blocks, n_targets)
        Pearson r between predicted and recorded BOLD, per tested story and test block; a story that
        is left out is one block.
    alpha : array of shape (n_folds, n_targets)
        Which of the penalties the inner folds chose, from 0.
    windows : array of shape (n_windows, n_targets), optional
        Pearson r in each window, where there are some.
    """

    r: np.ndarray
    alpha: np.ndarray
    windows: np.ndarray | None = None


def no_scores(n_stories: int, folds: int | StoryFolds, n_targets: int) -> Scores:
    """Return scores of 0 of some tested stories, for where only penalties are chosen."""
    return Scores(
        np.zeros((n_stories, count_blocks(folds), n_targets), dtype=np.float32),
        np.zeros((count_folds(folds), n_targets), dtype=np.uint8),
    )


@dataclass(frozen=True)
class _Fold:
    """What turns BOLD of the rows `fit` into predictions of the rows `held_out`.

    Attributes
    ----------
    hat : engram.encoding.hat_matrices.Hat
    fit, held_out : arrays of int
        Indices into all rows.
    parts : sequence of slice
        The stories of the held-out rows.
    is_of_stories : bool
        Whether whole stories are held out. The criterion is then summed over them, so that each
        counts the same however they are put into folds.
    """

    hat: Hat
    fit: Any
    held_out: Any
    parts: Sequence[slice]
    is_of_stories: bool = False


def encode(
    features: np.ndarray,
    targets: np.ndarray,
    story: np.ndarray,
    position: np.ndarray,
    *,
    folds: int | StoryFolds,
    inner_folds: int,
    gap: int,
    alphas: Sequence[float],
    alpha_by: str = "r",
    preparation: Preparation | None = None,
    others: Any = None,
    own: bool = True,
    tied: np.ndarray | None = None,
    chosen: np.ndarray | None = None,
    windows: np.ndarray | None = None,
    backend: str = "torch",
    limit: Shrinking | None = None,
) -> Scores:
    """Score how well features predict targets, on rows that no part of the model has seen.

    In one piece: most of it says what its many parameters are.

    Parameters
    ----------
    features : array of shape (n_rows, n_features)
        Delayed features of all stories, one after the other.
    targets : array of shape (n_rows, n_targets)
        BOLD on the same rows, finite; of numpy, or of the backend (it stays where it is).
    story, position : arrays of shape (n_rows, )
        Which story a row belongs to, and its place there (in TRs).
    folds : int or StoryFolds
        Contiguous blocks of each story, or the stories that are left out together
        (`engram.encoding.folds.outer_folds`).
    inner_folds : int
        Inner blocks; with whole stories, inner folds by story at most.
    gap : int
        Rows next to a test block that are left out of training.
    alphas : sequence of float
        Ridge penalties; each target gets its own.
    alpha_by : {"r", "mse"}
        Inner criterion: highest mean Pearson r over stories and inner folds,
        or lowest mean squared error.
    preparation : Preparation, optional
        What is done to features in each fold; default: centred, with a variance of 1.
    others : array of shape (n_rows, n_targets), optional
        The mean BOLD of other listeners: weights are then learned from the mean of this and
        `targets`, after it got their variance, by training rows alone.
    own : bool
        Whether a listener's own BOLD teaches too. If not, weights and penalties are learned from
        `others` alone, and `targets` are only what is predicted.
    tied : array of int of shape (n_targets, ), optional
        Targets with the same number share a penalty: the one with the best mean over them.
    chosen : array of shape (n_folds, n_targets), optional
        Penalties that were chosen before (`inner_criterion`), from 0.
    windows : array of int of shape (n_rows, ), optional
        The window of each row (`engram.encoding.windows`), in which r is taken too.
    backend, limit
        The backend, and bytes of predictions at a time (`engram.encoding.backends`).
    """
    data = _Data.of(features, targets, others, own, story, position, preparation, backend, limit)
    r = np.empty(
        (count_tested(story, folds), count_blocks(folds), targets.shape[1]), dtype=np.float32
    )
    in_windows = None
    if windows is not None:
        in_windows = np.empty((windows.max() + 1, targets.shape[1]), dtype=np.float32)
    best = chosen
    if best is None:
        best = np.zeros((count_folds(folds), targets.shape[1]), dtype=np.uint8)
    for fold, (train, test) in enumerate(outer_folds(story, position, folds, gap)):
        if chosen is None and _has_choice(folds, alphas):
            inner = _inner_folds(data, train, folds, inner_folds, gap, alphas)
            best[fold] = _best_penalties(inner, data, alpha_by, tied)
        outer = _fold(data, train, test, alphas)
        r[place_of_scores(folds, fold)] = _held_out_scores(outer, best[fold], data, outer.parts)
        if windows is not None and in_windows is not None:
            parts = _stories_of(windows[test])
            in_windows[np.unique(windows[test])] = _held_out_scores(outer, best[fold], data, parts)
    return Scores(r, best, in_windows)


def _has_choice(folds: int | StoryFolds, alphas: Sequence[float]) -> bool:
    """Tell whether penalties are chosen: a single one needs no inner folds of stories."""
    return isinstance(folds, int) or len(alphas) > 1


def inner_criterion(
    features: np.ndarray,
    targets: np.ndarray,
    story: np.ndarray,
    position: np.ndarray,
    tied: np.ndarray,
    n_tied: int,
    *,
    folds: int | StoryFolds,
    inner_folds: int,
    gap: int,
    alphas: Sequence[float],
    alpha_by: str = "r",
    preparation: Preparation | None = None,
    others: Any = None,
    own: bool = True,
    backend: str = "torch",
    limit: Shrinking | None = None,
) -> np.ndarray:
    """Return how well each penalty does in the inner folds of each outer fold.

    It is the first half of `encode`, for targets that share a penalty with others that are not in
    memory together: what parts of them give is added up.

    Parameters
    ----------
    tied : array of int of shape (n_targets, )
        Targets with the same number share a penalty.
    n_tied : int
        How many numbers there are.
    features, targets, ...
        As `encode` takes them.

    Returns
    -------
    array of shape (n_folds, n_alphas, n_tied)
        Sums over the targets that share a penalty; higher is better.
    """
    data = _Data.of(features, targets, others, own, story, position, preparation, backend, limit)
    if not _has_choice(folds, alphas):
        return np.zeros((count_folds(folds), len(alphas), n_tied))
    found = []
    for train, _ in outer_folds(story, position, folds, gap):
        inner = _inner_folds(data, train, folds, inner_folds, gap, alphas)
        found.append(_tied_criterion(inner, data, alpha_by, tied, n_tied))
    return np.stack(found)


@dataclass(frozen=True)
class _Data:
    """Features and BOLD where they are computed with, and how.

    Attributes
    ----------
    design : array or Tensor of shape (n_rows, n_features)
    bold : array or Tensor of shape (n_rows, n_targets)
    others : array or Tensor of the same shape, or None
        From which weights are learned too.
    own : bool
        Whether they are learned from `bold` at all.
    story, numbers : arrays of shape (n_rows, )
        Which story a row belongs to; `engram.encoding.preparation.row_numbers`.
    """

    design: Any
    bold: Any
    others: Any
    own: bool
    story: np.ndarray
    position: np.ndarray
    preparation: Preparation
    limit: Shrinking
    xp: Arrays

    @classmethod
    def of(
        cls,
        features: np.ndarray,
        targets: Any,
        others: Any,
        own: bool,
        story: np.ndarray,
        position: np.ndarray,
        preparation: Preparation | None,
        backend: str,
        limit: Shrinking | None,
    ) -> _Data:
        """Return the data of `encode`, on the backend."""
        xp = arrays(backend)
        bold = xp.asarray(targets, dtype=xp.float32)
        return cls(
            xp.asarray(features, dtype=xp.float32),
            bold,
            None if others is None else xp.asarray(others, dtype=xp.float32),
            own,
            story,
            position,
            preparation or Preparation(),
            limit or batch_limit(backend),
            xp,
        )


def _inner_folds(
    data: _Data,
    train: np.ndarray,
    folds: int | StoryFolds,
    inner_folds: int,
    gap: int,
    alphas: Sequence[float],
) -> list[_Fold]:
    inner = inner_folds_of(data.story[train], data.position[train], folds, inner_folds, gap)
    of_stories = not isinstance(folds, int)
    return [
        _fold(data, train[fit], train[held_out], alphas, each=True, is_of_stories=of_stories)
        for fit, held_out in inner
    ]


def _fold(
    data: _Data,
    fit: np.ndarray,
    held_out: np.ndarray,
    alphas: Sequence[float],
    each: bool = False,
    is_of_stories: bool = False,
) -> _Fold:
    """Return a fold; `each`: whether every target is predicted under all penalties."""
    xp, numbers = data.xp, row_numbers(data.story, data.position)
    rows = prepared(data.design, fit, held_out, numbers, data.preparation, xp)
    parts = decomposed(rows, len(fit), xp)
    return _Fold(
        hat(parts, alphas, data.bold.shape[1], each, xp),
        xp.asarray(fit),
        xp.asarray(held_out),
        _stories_of(data.story[held_out]),
        is_of_stories,
    )


def _stories_of(story: np.ndarray) -> list[slice]:
    """Return the rows of each story, given the story of every row; stories follow each other."""
    _, begins = np.unique(story, return_index=True)
    return [slice(*ends) for ends in zip(begins, [*begins[1:], len(story)], strict=True)]


def _criterion(fold: _Fold, data: _Data, batch: slice, alpha_by: str) -> Any:
    """Return how well each penalty predicts each target of a batch.

    The shape is (n_alphas, n_targets); higher is better.
    """
    bold = (data.bold if data.own else data.others)[:, batch]
    own, held_out = bold[fold.fit], bold[fold.held_out]
    predictions = fold.hat.at_each(_learned_from(own, data, batch, fold))
    if alpha_by == "mse":
        errors = (predictions - (held_out - own.mean(0))) ** 2
        if fold.is_of_stories:
            return -sum(errors[:, rows].mean(1) for rows in fold.parts)
        return -errors.mean(1)
    scores = [pearson(standardize(held_out[rows]), predictions[:, rows]) for rows in fold.parts]
    return sum(scores) if fold.is_of_stories else sum(scores) / len(scores)


def _learned_from(own: Any, data: _Data, columns: slice | np.ndarray, fold: _Fold) -> Any:
    """Return what weights of some targets are learned from, given their own training BOLD.

    Targets that are constant in it teach nothing: they are 0.
    """
    if data.others is None:
        return without_constant(own)
    if not data.own:
        return without_constant(data.others[:, columns][fold.fit])
    own = without_constant(own)
    own = own - own.mean(0)
    others = standardize(data.others[:, columns][fold.fit])
    return (own + others * (own**2).sum(0) ** 0.5) / 2


def _each_criterion(
    inner: Sequence[_Fold], data: _Data, alpha_by: str, take: Callable[[slice, Any], None]
) -> None:
    """Hand the criterion of each batch of targets, summed over inner folds, to `take`."""

    # All inner folds of a batch follow each other, so that its BOLD is read from memory once.
    def one(batch: slice) -> None:
        take(batch, sum(_criterion(fold, data, batch, alpha_by) for fold in inner))

    data.limit.each(
        data.bold.shape[1],
        one,
        weight=4 * len(inner[0].hat.left) * max(len(fold.held_out) for fold in inner),
    )


def _best_penalties(
    inner: Sequence[_Fold], data: _Data, alpha_by: str, tied: np.ndarray | None
) -> np.ndarray:
    """Return which penalty predicts each target best: (n_targets, ), from 0."""
    if tied is not None:
        summed = _tied_criterion(inner, data, alpha_by, tied, int(tied.max()) + 1)
        return summed.argmax(0).astype(np.uint8)[tied]
    best = np.empty(data.bold.shape[1], dtype=np.uint8)

    def choose(batch: slice, criterion: Any) -> None:
        best[batch] = data.xp.to_numpy(criterion.argmax(0))

    _each_criterion(inner, data, alpha_by, choose)
    return best


def _tied_criterion(
    inner: Sequence[_Fold], data: _Data, alpha_by: str, tied: np.ndarray, n_tied: int
) -> np.ndarray:
    """Return the criterion, summed over targets that share a penalty: (n_alphas, n_tied)."""
    summed = np.zeros((len(inner[0].hat.left), n_tied))

    def add(batch: slice, criterion: Any) -> None:
        np.add.at(summed.T, tied[batch], data.xp.to_numpy(criterion).T)

    _each_criterion(inner, data, alpha_by, add)
    return summed


def _held_out_scores(
    fold: _Fold, chosen: np.ndarray, data: _Data, parts: Sequence[slice]
) -> np.ndarray:
    """Return r of each target at its chosen penalty, by part of the rows: (n_parts, n_targets)."""
    r = np.empty((len(parts), len(chosen)), dtype=np.float32)
    for penalty in np.unique(chosen):
        mine = np.flatnonzero(chosen == penalty)
        r[:, mine] = _scores_at(fold, int(penalty), data, mine, parts)
    return r


def _scores_at(
    fold: _Fold, penalty: int, data: _Data, mine: np.ndarray, parts: Sequence[slice]
) -> np.ndarray:
    """Return r of the targets `mine` under one penalty: (n_parts, n_mine)."""
    r = np.empty((len(parts), len(mine)), dtype=np.float32)

    def score(batch: slice) -> None:
        some = mine[batch]
        selected = data.bold[:, some]
        learned = _learned_from(selected[fold.fit], data, some, fold)
        predictions = fold.hat.at(penalty, learned)
        held_out = selected[fold.held_out]
        for place, rows in enumerate(parts):
            r[place, batch] = data.xp.to_numpy(
                pearson(standardize(held_out[rows]), predictions[rows])
            )

    data.limit.each(len(mine), score, weight=4 * len(fold.held_out))
    return r
