"""Nested folds of a ridge regression, with what turns BOLD into predictions in each.

An outer fold is scored; its inner folds, within its training rows, choose penalties. Each has
features that are prepared anew, a kernel and a decomposition of its own: with 5 x 5 folds, 30.
Their training rows are known beforehand, and the features' means and variances over them are
computed for all at once (`engram.encoding.preparation.moments`).

Of 300 rows of 4,608 features, a kernel takes 0.25 billion multiplications and additions in an inner
fold (products of its 186 training rows and 47 held-out ones with each other, on one side of the
diagonal), and 0.4 in an outer one: 8 in all, 0.11 s on a core that does 75 billion a second.
Features are centred and scaled in a CPU's cache on the way into these products. Of the 0.3 s that
such a job takes for few targets, 0.18 are kernels and what goes into them, and 0.07 their
decompositions. Scaling differs by fold, so that no kernel follows from another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engram.encoding.backends import Arrays, arrays, batch_limit
from engram.encoding.folds import Folds, inner_folds_of, outer_folds
from engram.encoding.hat_matrices import (
    Decomposition,
    Hat,
    decomposed,
    hat,
    kernel_decomposed,
    kernel_of,
)
from engram.encoding.preparation import (
    Moments,
    Preparation,
    moments,
    prepared,
    prepared_blocks,
    row_numbers,
)
from engram.encoding.story_folds import StoryFolds
from engram.jobs.out_of_memory import Shrinking


@dataclass(frozen=True)
class Data:
    """Features and BOLD where they are computed with, and how.

    Attributes
    ----------
    design : array or Tensor of shape (n_rows, n_features)
    bold : array or Tensor of shape (n_rows, n_targets)
    others : array or Tensor of the same shape, or None
        From which weights are learned too.
    own : bool
        Whether they are learned from `bold` at all.
    story, position : arrays of shape (n_rows, )
        Which story a row belongs to, and its place there.
    preparation : Preparation
    limit : Shrinking
        Bytes of predictions at a time; half as many of prepared features.
    xp : engram.encoding.backends.Arrays
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
    ) -> Data:
        """Return the data of `engram.encoding.ridge.encode`, on the backend."""
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


@dataclass(frozen=True)
class Fold:
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


@dataclass(frozen=True)
class NestedFold:
    """An outer fold and its inner ones, which are computed when they are asked for.

    Attributes
    ----------
    train, test : arrays of int
        Indices into all rows.
    """

    train: np.ndarray
    test: np.ndarray
    _data: Data
    _alphas: Sequence[float]
    _inner: Folds
    _moments: Sequence[Moments | None]
    _is_of_stories: bool

    def outer(self) -> Fold:
        """Return the fold that is scored."""
        return _fold(self._data, self.train, self.test, self._moments[0], self._alphas)

    def inner(self) -> list[Fold]:
        """Return the folds that choose penalties: every target is predicted under all of them."""
        return [
            _fold(self._data, fit, held_out, known, self._alphas, True, self._is_of_stories)
            for (fit, held_out), known in zip(self._inner, self._moments[1:], strict=True)
        ]


def nested_folds(
    data: Data, folds: int | StoryFolds, inner_folds: int, gap: int, alphas: Sequence[float]
) -> list[NestedFold]:
    """Return the outer folds, each with its inner ones where there are penalties to choose from.

    The parameters are those of `engram.encoding.ridge.encode`.
    """
    return _nested(
        data, outer_folds(data.story, data.position, folds, gap), folds, inner_folds, gap, alphas
    )


def folds_of_all(data: Data, inner_folds: int, gap: int, alphas: Sequence[float]) -> list[Fold]:
    """Return inner folds, blocks of each story, where all rows are training rows."""
    rows = [(np.arange(len(data.design)), np.empty(0, dtype=int))]
    return _nested(data, rows, inner_folds, inner_folds, gap, alphas)[0].inner()


def has_choice(folds: int | StoryFolds, alphas: Sequence[float]) -> bool:
    """Tell whether penalties are chosen: a single one needs no inner folds of stories."""
    return isinstance(folds, int) or len(alphas) > 1


def stories_of(story: np.ndarray) -> list[slice]:
    """Return the rows of each story, given the story of every row; stories follow each other."""
    _, begins = np.unique(story, return_index=True)
    return [slice(*ends) for ends in zip(begins, [*begins[1:], len(story)], strict=True)]


def _nested(
    data: Data,
    outer: Folds,
    folds: int | StoryFolds,
    inner_folds: int,
    gap: int,
    alphas: Sequence[float],
) -> list[NestedFold]:
    inner: list[Folds] = []
    for train, _ in outer:
        mine: Folds = []
        if has_choice(folds, alphas):
            mine = inner_folds_of(data.story[train], data.position[train], folds, inner_folds, gap)
        inner.append([(train[fit], train[held_out]) for fit, held_out in mine])
    each = [[one, *some] for one, some in zip(outer, inner, strict=True)]
    known = iter(_known(data, [fit for some in each for fit, _ in some]))
    of_stories = not isinstance(folds, int)
    return [
        NestedFold(*some[0], data, alphas, some[1:], [next(known) for _ in some], of_stories)
        for some in each
    ]


def _known(data: Data, trains: Sequence[np.ndarray]) -> Sequence[Moments | None]:
    """Return the moments of features over the rows of each fold; None where more is asked for."""
    if not data.preparation.is_by_feature:
        return [None] * len(trains)
    return moments(data.design, trains, data.preparation, data.xp, data.limit.size // 2)


def _fold(
    data: Data,
    fit: np.ndarray,
    held_out: np.ndarray,
    known: Moments | None,
    alphas: Sequence[float],
    each: bool = False,
    is_of_stories: bool = False,
) -> Fold:
    """Return a fold; `each`: whether every target is predicted under all penalties."""
    return Fold(
        hat(_decomposed(data, fit, held_out, known), alphas, data.bold.shape[1], each, data.xp),
        data.xp.asarray(fit),
        data.xp.asarray(held_out),
        stories_of(data.story[held_out]),
        is_of_stories,
    )


def _decomposed(
    data: Data, fit: np.ndarray, held_out: np.ndarray, known: Moments | None
) -> Decomposition:
    xp = data.xp
    if known is None or data.design.shape[1] <= len(fit):
        numbers = row_numbers(data.story, data.position)
        rows = prepared(data.design, fit, held_out, numbers, data.preparation, xp)
        return decomposed(rows, len(fit), xp)
    both = np.concatenate([fit, held_out])
    blocks = prepared_blocks(data.design, both, known, xp, data.limit.size // 2)
    return kernel_decomposed(kernel_of(blocks, len(both), len(fit), xp), xp)
