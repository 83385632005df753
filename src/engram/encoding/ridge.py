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

from engram.encoding.correlation import pearson, standardize, without_constant
from engram.encoding.folds import count_blocks, count_folds, count_tested, place_of_scores
from engram.encoding.nested_folds import Data, Fold, has_choice, nested_folds, stories_of
from engram.encoding.preparation import Preparation
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
    data = Data.of(features, targets, others, own, story, position, preparation, backend, limit)
    r = np.empty(
        (count_tested(story, folds), count_blocks(folds), targets.shape[1]), dtype=np.float32
    )
    in_windows = None
    if windows is not None:
        in_windows = np.empty((windows.max() + 1, targets.shape[1]), dtype=np.float32)
    best = chosen
    if best is None:
        best = np.zeros((count_folds(folds), targets.shape[1]), dtype=np.uint8)
    choosing = chosen is None and has_choice(folds, alphas)
    for fold, nested in enumerate(nested_folds(data, folds, inner_folds, gap, alphas)):
        if choosing:
            best[fold] = best_penalties(nested.inner(), data, alpha_by, tied)
        outer = nested.outer()
        r[place_of_scores(folds, fold)] = _held_out_scores(outer, best[fold], data, outer.parts)
        if windows is not None and in_windows is not None:
            parts = stories_of(windows[nested.test])
            in_windows[np.unique(windows[nested.test])] = _held_out_scores(
                outer, best[fold], data, parts
            )
    return Scores(r, best, in_windows)


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
    data = Data.of(features, targets, others, own, story, position, preparation, backend, limit)
    if not has_choice(folds, alphas):
        return np.zeros((count_folds(folds), len(alphas), n_tied))
    return np.stack(
        [
            _tied_criterion(nested.inner(), data, alpha_by, tied, n_tied)
            for nested in nested_folds(data, folds, inner_folds, gap, alphas)
        ]
    )


def _criterion(fold: Fold, data: Data, batch: slice, alpha_by: str) -> Any:
    """Return how well each penalty predicts each target of a batch.

    The shape is (n_alphas, n_targets); higher is better.
    """
    bold = (data.bold if data.own else data.others)[:, batch]
    own, held_out = data.xp.take(bold, fold.fit), data.xp.take(bold, fold.held_out)
    predictions = fold.hat.at_each(learned_from(own, data, batch, fold))
    if alpha_by == "mse":
        errors = (predictions - (held_out - own.mean(0))) ** 2
        if fold.is_of_stories:
            return -sum(errors[:, rows].mean(1) for rows in fold.parts)
        return -errors.mean(1)
    scores = [pearson(standardize(held_out[rows]), predictions[:, rows]) for rows in fold.parts]
    return sum(scores) if fold.is_of_stories else sum(scores) / len(scores)


def learned_from(own: Any, data: Data, columns: slice, fold: Fold) -> Any:
    """Return what weights of some targets are learned from, given their own training BOLD.

    Targets that are constant in it teach nothing: they are 0.
    """
    if data.others is None:
        return without_constant(own)
    if not data.own:
        return without_constant(data.xp.take(data.others[:, columns], fold.fit))
    own = without_constant(own)
    own = own - own.mean(0)
    others = standardize(data.xp.take(data.others[:, columns], fold.fit))
    return (own + others * (own**2).sum(0) ** 0.5) / 2


def _each_criterion(
    inner: Sequence[Fold], data: Data, alpha_by: str, take: Callable[[slice, Any], None]
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


def best_penalties(
    inner: Sequence[Fold], data: Data, alpha_by: str, tied: np.ndarray | None
) -> np.ndarray:
    """Return which penalty predicts each target best: (n_targets, ), from 0."""
    if tied is not None:
        summed = _tied_criterion(inner, data, alpha_by, tied, int(tied.max()) + 1)
        return summed.argmax(0).astype(np.uint8)[tied]
    best = np.empty(data.bold.shape[1], dtype=np.uint8)

    def choose(batch: slice, criterion: Any) -> None:
        best[batch] = data.xp.to_numpy(criterion).argmax(0)

    _each_criterion(inner, data, alpha_by, choose)
    return best


def _tied_criterion(
    inner: Sequence[Fold], data: Data, alpha_by: str, tied: np.ndarray, n_tied: int
) -> np.ndarray:
    """Return the criterion, summed over targets that share a penalty: (n_alphas, n_tied)."""
    summed = np.zeros((len(inner[0].hat.left), n_tied))

    def add(batch: slice, criterion: Any) -> None:
        np.add.at(summed.T, tied[batch], data.xp.to_numpy(criterion).T)

    _each_criterion(inner, data, alpha_by, add)
    return summed


def _held_out_scores(
    fold: Fold, chosen: np.ndarray, data: Data, parts: Sequence[slice]
) -> np.ndarray:
    """Return r of each target at its chosen penalty, by part of the rows: (n_parts, n_targets)."""
    r = np.empty((len(parts), len(chosen)), dtype=np.float32)

    def score(batch: slice) -> None:
        bold = data.bold[:, batch]
        learned = learned_from(data.xp.take(bold, fold.fit), data, batch, fold)
        predictions = fold.hat.at_chosen(chosen[batch], learned, data.xp)
        held_out = data.xp.take(bold, fold.held_out)
        for place, rows in enumerate(parts):
            r[place, batch] = data.xp.to_numpy(
                pearson(standardize(held_out[rows]), predictions[rows])
            )

    data.limit.each(len(chosen), score, weight=4 * (len(fold.fit) + len(fold.held_out)))
    return r
