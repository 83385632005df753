"""Predicted BOLD of held-out rows, handed over fold by fold and never kept.

The nested folds, penalties and matrices are those of the scores (`engram.encoding.ridge`): a score
of these predictions is R. What compares predictions with BOLD in another way takes them from here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engram.encoding import ridge
from engram.encoding.group import Group, Part
from engram.encoding.nested_folds import Data, Fold, has_choice, nested_folds
from engram.encoding.preparation import prepared, row_numbers
from engram.encoding.shared_penalties import tied

#: What takes the parts of predictions that sets of features carry: which targets (n_some, ), parts
#: (n_sets, n_rows, n_some), recorded BOLD (n_rows, n_some).
TakeParts = Callable[[np.ndarray, np.ndarray, np.ndarray], None]
#: What takes predictions: which targets (n_some, ), predicted and recorded BOLD (n_rows, n_some).
Take = Callable[[np.ndarray, np.ndarray, np.ndarray], None]


@dataclass(frozen=True)
class HeldOut:
    """The held-out rows of a fold, with what predicts them.

    Attributes
    ----------
    rows : array of int
        Indices into all rows, rising.
    """

    rows: np.ndarray
    _fold: Fold
    _chosen: np.ndarray
    _data: Data
    _alphas: Sequence[float]

    @property
    def parts(self) -> Sequence[slice]:
        """The rows of each story, among the held-out ones."""
        return self._fold.parts

    def each(self, take: Take) -> None:
        """Hand predictions and BOLD of all targets to `take`, some targets at a time.

        Predictions are deviations from the mean of the training rows.
        """
        data, fold = self._data, self._fold

        def one(batch: slice) -> None:
            bold = data.bold[:, batch]
            learned = ridge.learned_from(data.xp.take(bold, fold.fit), data, batch, fold)
            predicted = fold.hat.at_chosen(self._chosen[batch], learned, data.xp)
            recorded = data.xp.take(bold, fold.held_out)
            some = np.arange(len(self._chosen))[batch]
            take(some, data.xp.to_numpy(predicted), data.xp.to_numpy(recorded))

        data.limit.each(len(self._chosen), one, weight=4 * (len(fold.fit) + len(self.rows)))

    def each_split(self, sets: Sequence[np.ndarray], take: TakeParts) -> None:
        """Hand over which part of each prediction the weights of some features carry.

        One regression of all features is split: over sets that have each feature once, parts add
        up to what `each` hands over.

        Parameters
        ----------
        sets : sequence of arrays of int
            Columns of the features.
        take : callable
        """
        data, fold, xp = self._data, self._fold, self._data.xp
        fit = np.asarray(xp.to_numpy(fold.fit))
        numbers = row_numbers(data.story, data.position)
        rows = prepared(data.design, fit, self.rows, numbers, data.preparation, xp)
        seen, held_out = rows[: len(fit)], xp.asarray(rows[len(fit) :], dtype=xp.float32)
        values, basis = np.linalg.eigh(xp.to_numpy(seen @ seen.T))
        # A row for each eigenvector: what it is in features, by which targets are weighted.
        spread = xp.asarray(xp.to_numpy(seen).T @ basis, dtype=xp.float32)
        basis, values = xp.asarray(basis, dtype=xp.float32), np.maximum(values, 0)
        penalties = np.asarray(self._alphas)

        def one(some: slice) -> None:
            mine, bold = np.arange(len(self._chosen))[some], data.bold[:, some]
            learned = ridge.learned_from(xp.take(bold, fold.fit), data, some, fold)
            shrunk = 1 / (values[:, None] + penalties[self._chosen[mine]])
            weights = spread @ (
                (basis.T @ (learned - learned.mean(0))) * xp.asarray(shrunk, dtype=xp.float32)
            )
            found = [xp.to_numpy(held_out[:, part] @ weights[part]) for part in sets]
            take(mine, np.stack(found), xp.to_numpy(xp.take(bold, fold.held_out)))

        size = 4 * (data.design.shape[1] + 2 * len(fit) + (len(sets) + 1) * len(self.rows))
        data.limit.each(len(self._chosen), one, weight=size)


def of_targets(
    group: Group,
    features: np.ndarray,
    targets: Any,
    *,
    others: Any = None,
    tied: np.ndarray | None = None,
    chosen: np.ndarray | None = None,
) -> Iterator[HeldOut]:
    """Yield each fold's held-out rows with what predicts them.

    Parameters
    ----------
    group : engram.encoding.group.Group
        Its rows, folds and options are used.
    features : array of shape (n_rows, n_features)
        Delayed features (`Group.features`).
    targets, others, tied, chosen
        As `engram.encoding.ridge.encode` takes them.
    """
    options = dict(group._options)
    folds, gap, alphas = group.folds, options["gap"], options["alphas"]
    data = Data.of(
        features,
        targets,
        others,
        options["own"],
        group.row_story,
        group.row_position,
        options["preparation"],
        group.backend,
        group._limit,
    )
    nested = nested_folds(data, folds, options["inner_folds"], gap, alphas)
    for fold, one in enumerate(nested):
        if chosen is not None:
            best = chosen[fold]
        elif has_choice(folds, alphas):
            best = ridge.best_penalties(one.inner(), data, options["alpha_by"], tied)
        else:
            best = np.zeros(targets.shape[1], dtype=np.uint8)
        yield HeldOut(one.test, one.outer(), best, data, alphas)


def of_part(
    group: Group,
    part: Part,
    vectors: Sequence[np.ndarray],
    how: str | None = None,
    more_onsets: Sequence[np.ndarray] | None = None,
) -> Iterator[HeldOut] | None:
    """Return the held-out rows of some listeners, predicted from word vectors.

    To be called by what `Group.each_part` calls. Under `penalty: listeners` parts come twice, and
    there is nothing to predict the first time: None. The other parameters are those of
    `Group.features`.
    """
    shared = group._shared
    if shared is None:
        features = group.features(vectors, how, more_onsets)
        return of_targets(group, features, part.targets, others=part.others)
    if shared.choosing:
        group.score_vectors(part, vectors, how, more_onsets)
        return None
    chosen = shared.next()[:, tied(group.subjects[part.listeners], group.shape[1])]
    features = group.features(vectors, how, more_onsets)
    return of_targets(group, features, part.targets, others=part.others, chosen=chosen)


def ties_of(group: Group, repeats: int) -> np.ndarray | None:
    """Return which targets share a penalty where all listeners stand side by side several times.

    None where each target has its own.
    """
    return tied(group.subjects, group.shape[1], repeats) if group.penalty == "listeners" else None
