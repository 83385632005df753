"""The decoding direction: what a segment was about, predicted from BOLD.

The embedding of a row (the vectors of its words, as for R) is predicted by ridge regression from
the BOLD of the rows that answer to it, t + d for every delay d. A segment's embedding is the mean
over its rows. For what was decoded from a segment, the segment is sought whose true embedding is
most alike, by the cosine of deviations from the mean of the training rows.

No weight and no embedding is ever made. BOLD enters by its products over rows, so a whole cortex
costs as much as a few regions; embeddings enter by theirs, so wide layers cost as much as narrow
ones. One decomposition of a listener's BOLD in a fold serves all layers and all shifts of the null.
Targets and units are scaled by training rows alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from engram.decoding import ranks
from engram.decoding.segments import Block
from engram.encoding.correlation import deviations
from engram.encoding.folds import Folds, inner_folds_of, outer_folds
from engram.encoding.story_folds import StoryFolds

#: Axes shorter than this part of the longest are rounding: centring leaves one without any length.
_SHORTEST = 1e-7
#: Numbers, of products of embeddings or of listeners' BOLD, that are in memory at once.
IN_MEMORY = 1 << 26


class BoldFeatures:
    """The BOLD of a listener that answers to each row, in as few columns as hold it.

    Parameters
    ----------
    bold : array of shape (n_rows, n_targets)
    story, position : arrays of shape (n_rows, )
    delays : sequence of int
        In rows.
    """

    def __init__(
        self, bold: np.ndarray, story: np.ndarray, position: np.ndarray, delays: Sequence[int]
    ) -> None:
        self._bold = bold
        self._places = [_later(story, position, delay) for delay in delays]

    def scaled(self, train: np.ndarray) -> np.ndarray:
        """Return features of all rows; targets have a variance of 1 where training rows look.

        Parameters
        ----------
        train : array of int
            Training rows. A target that is constant in the BOLD that answers to them is left out.

        Returns
        -------
        array of shape (n_rows, n_columns)
            Of the same products over rows as BOLD at all delays side by side: that itself, or,
            where it has more columns than rows, a square root of its products. BOLD after a
            story's end is 0.
        """
        values = self._standardised(train)
        n_rows = len(values)
        if len(self._places) * values.shape[1] <= n_rows:
            delayed = [values[rows] * there[:, None] for rows, there in self._places]
            return np.concatenate(delayed, axis=1)
        products, summed = values @ values.T, np.zeros((n_rows, n_rows))
        for rows, there in self._places:
            summed += products[np.ix_(rows, rows)] * np.outer(there, there)
        size, vectors = np.linalg.eigh(summed)
        result: np.ndarray = vectors * np.sqrt(np.maximum(size, 0))
        return result

    def _standardised(self, train: np.ndarray) -> np.ndarray:
        """Return BOLD by the mean and spread of what answers to training rows, each delay once."""
        n_rows = len(self._bold)
        seen = np.sum(
            [np.bincount(rows[train], there[train], n_rows) for rows, there in self._places], axis=0
        )
        seen /= max(seen.sum(), 1)
        # The mean of a constant target may be off its value by rounding, which is no spread.
        used = self._bold[seen > 0]
        varies = (used != used[:1]).any(0)
        values = self._bold.astype(np.float64)
        values -= seen @ values
        spread = np.sqrt(seen @ values**2)
        values *= np.where(varies, 1 / np.where(varies, spread, 1), 0)
        return values


def _later(story: np.ndarray, position: np.ndarray, delay: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which row is so much later than each, and whether there is one in the same story."""
    rows = np.minimum(np.arange(len(story)) + delay, len(story) - 1)
    there = (story[rows] == story) & (position[rows] == position + delay)
    return rows, there


@dataclass(frozen=True)
class Embeddings:
    """Embeddings of rows, those of a layer or of a layer that is shifted against BOLD.

    Attributes
    ----------
    values : array of shape (n_rows, n_units)
    order : array of int of shape (n_rows, ), optional
        Which row stands at each place; None: as they are.
    """

    values: np.ndarray
    order: np.ndarray | None = None

    def products(self, train: np.ndarray) -> np.ndarray:
        """Return the products of rows: (n_rows, n_rows), float32, over the number of units.

        Units are centred and scaled to a variance of 1 by training rows alone. One that is
        constant there is left out.

        Parameters
        ----------
        train : array of int
            Places of the training rows.
        """
        order = np.arange(len(self.values)) if self.order is None else self.order
        values = self.values.astype(np.float64)
        spread = deviations(values[order[train]])
        values -= values[order[train]].mean(0)
        values *= np.where(spread > 0, 1 / np.where(spread > 0, spread, 1), 0)
        products = (values @ values.T / values.shape[1]).astype(np.float32)
        return products if self.order is None else products[np.ix_(order, order)]


@dataclass(frozen=True)
class _Regression:
    """A ridge regression from BOLD on some rows, before a penalty is chosen.

    Attributes
    ----------
    held_out : array of shape (n_held_out, n_kept)
        Centred features of held-out rows, on the axes of the training rows.
    fit : array of shape (n_fit, n_kept)
        The same of training rows, each axis with a length of 1.
    size : array of shape (n_kept, )
        Lengths of the axes.
    """

    held_out: np.ndarray
    fit: np.ndarray
    size: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray, fit: np.ndarray, held_out: np.ndarray) -> _Regression:
        """Return the regression from features of the rows `fit`."""
        mean = features[fit].mean(0)
        mine, others = features[fit] - mean, features[held_out] - mean
        if mine.shape[1] <= len(mine):
            squares, axes = np.linalg.eigh(mine.T @ mine)
            size = np.sqrt(np.maximum(squares, 0))
            kept = size > _SHORTEST * max(size.max(initial=0), 1e-300)
            axes, size = axes[:, kept], size[kept]
            return cls(others @ axes, mine @ axes / size, size)
        squares, left = np.linalg.eigh(mine @ mine.T)
        size = np.sqrt(np.maximum(squares, 0))
        kept = size > _SHORTEST * max(size.max(initial=0), 1e-300)
        left, size = left[:, kept], size[kept]
        return cls(others @ (mine.T @ left) / size, left, size)

    def matrix(self, penalty: float) -> np.ndarray:
        """Return what turns training embeddings into predictions: (n_held_out, n_fit).

        Predictions are deviations from the mean of the training rows.
        """
        result: np.ndarray = (self.held_out * (self.size / (self.size**2 + penalty))) @ self.fit.T
        return result


class Decoder:
    """Decodes a listener's BOLD of one set of targets, in all folds.

    Parameters
    ----------
    features : callable
        Takes the training rows of an outer fold and returns features of all rows
        (`BoldFeatures.scaled`).
    folds, inner : Folds and a list of Folds
        As `nested_folds` returns them.
    penalties : sequence of float
    """

    def __init__(
        self,
        features: Callable[[np.ndarray], np.ndarray],
        folds: Folds,
        inner: list[Folds],
        penalties: Sequence[float],
    ) -> None:
        self._features, self._folds, self._inner = features, folds, inner
        self._penalties = penalties

    def fold(self, fold: int) -> tuple[np.ndarray, list[np.ndarray]]:
        """Return what chooses a penalty in a fold, and what then makes predictions.

        Returns
        -------
        errors : array of shape (n_penalties, n_train * n_train)
            Times the products of embeddings over the training rows it gives the squared errors of
            all units, summed over inner folds.
        matrices : list of arrays of shape (n_test, n_train)
            By penalty: what turns training embeddings into predictions of test rows.
        """
        train, test = self._folds[fold]
        features = self._features(train)
        regression = _Regression.of(features, train, test)
        matrices = [regression.matrix(penalty) for penalty in self._penalties]
        return self._errors(features, fold), matrices

    def _errors(self, features: np.ndarray, fold: int) -> np.ndarray:
        train = self._folds[fold][0]
        n_train = len(train)
        result = np.zeros((len(self._penalties), n_train, n_train), dtype=np.float32)
        for fit, held_out in self._inner[fold]:
            regression = _Regression.of(features, train[fit], train[held_out])
            for number, penalty in enumerate(self._penalties):
                residual = np.zeros((len(held_out), n_train))
                residual[np.arange(len(held_out)), held_out] = 1
                residual[:, fit] -= regression.matrix(penalty) + 1 / len(fit)
                short = residual.astype(np.float32)
                result[number] += short.T @ short
        return result.reshape(len(self._penalties), -1)


def nested_folds(
    story: np.ndarray, position: np.ndarray, folds: int | StoryFolds, inner_folds: int, gap: int
) -> tuple[Folds, list[Folds]]:
    """Return the outer folds, and the inner ones of each, by places among its training rows.

    There are no inner ones where `inner_folds` is 0: a single penalty is not chosen.
    """
    outer = outer_folds(story, position, folds, gap)
    if not inner_folds:
        return outer, [[] for _ in outer]
    inner = [
        inner_folds_of(story[train], position[train], folds, inner_folds, gap) for train, _ in outer
    ]
    return outer, inner


def identified(
    decoders: Sequence[Decoder],
    folds: Folds,
    blocks: Sequence[Sequence[Block]],
    embeddings: Sequence[Embeddings],
    n_stories: int,
    whole: bool = True,
) -> np.ndarray:
    """Return how well segments are identified by decoded embeddings.

    Parameters
    ----------
    decoders : sequence of Decoder
        One for each listener and set of targets.
    folds : Folds
    blocks : sequence
        Segments of each fold.
    embeddings : sequence of Embeddings
        One for each layer or each shift; scaled by the training rows of each fold.
    n_stories : int
    whole : bool
        All measures; else rank accuracy alone, which needs less.

    Returns
    -------
    array of shape (n_measures, n_stories, n_embeddings, n_decoders)
        Means over test blocks.
    """
    found = ranks.MeanOverBlocks(n_stories)
    for fold, (train, test) in enumerate(folds):
        products = [one.products(train) for one in embeddings]
        of_train = np.stack([one[np.ix_(train, train)] for one in products])
        errors_of = of_train.reshape(len(products), -1).T
        usable = [block for block in blocks[fold] if block.usable]
        alike = [
            np.empty((len(products), len(decoders), len(one.rows), len(one.rows))) for one in usable
        ]
        seen = [_Candidates(block, train, test, products) for block in usable]
        for number, decoder in enumerate(decoders):
            errors, matrices = decoder.fold(fold)
            chosen = (errors @ errors_of).argmin(0)
            for place, candidates in enumerate(seen):
                for penalty in np.unique(chosen):
                    mine = np.flatnonzero(chosen == penalty)
                    alike[place][mine, number] = candidates.alike(
                        matrices[penalty], mine, of_train if whole else None
                    )
        for block, values in zip(usable, alike, strict=True):
            measure = ranks.measures if whole else ranks.rank_only
            found.add(block.story, measure(values, block.far))
    return found.mean()


class _Candidates:
    """The segments of a block, as embeddings that decoded ones are held against."""

    def __init__(
        self, block: Block, train: np.ndarray, test: np.ndarray, products: Sequence[np.ndarray]
    ) -> None:
        places = np.searchsorted(test, block.rows)
        self._pool = np.zeros((len(block.rows), len(test)))
        np.put_along_axis(self._pool, places, 1 / block.rows.shape[1], axis=1)
        deviation = np.zeros((len(block.rows), len(products[0])))
        np.put_along_axis(deviation, block.rows, 1 / block.rows.shape[1], axis=1)
        deviation[:, train] -= 1 / len(train)
        #: Products of training rows with segments' deviations: (n_products, n_train, n_segments).
        self._with_train = np.stack([one[train] @ deviation.T for one in products])
        self._lengths = np.stack(
            [np.sqrt(np.maximum(((deviation @ one) * deviation).sum(1), 0)) for one in products]
        )

    def alike(
        self, matrix: np.ndarray, mine: np.ndarray, of_train: np.ndarray | None
    ) -> np.ndarray:
        """Return cosines of decoded and true embeddings: (n_mine, n_segments, n_segments).

        Parameters
        ----------
        matrix : array of shape (n_test, n_train)
            What makes predictions.
        mine : array of int
            Which products of embeddings.
        of_train : array of shape (n_products, n_train, n_train), optional
            Products of training rows, for the lengths of what was decoded; None: these are not
            divided by, which changes no order of candidates.
        """
        pooled = self._pool @ matrix
        result = pooled @ self._with_train[mine]
        lengths = self._lengths[mine][:, None, :]
        result = np.where(lengths > 0, result / np.where(lengths > 0, lengths, 1), 0)
        if of_train is None:
            # Rounding is judged against the largest, so that ties stay ties.
            own = np.abs(result).max(axis=-1, keepdims=True)
        else:
            short = pooled.astype(np.float32)
            squares = ((short @ of_train[mine]) * short).sum(-1)
            own = np.sqrt(np.maximum(squares, 0))[..., None]
        scaled: np.ndarray = np.where(own > 0, result / np.where(own > 0, own, 1), 0)
        return scaled


def rolled(embeddings: Embeddings, story: np.ndarray, shifts: Sequence[int]) -> Embeddings:
    """Return embeddings where each story's BOLD is shifted later by its shift.

    Embeddings are shifted the other way, which comes to the same and leaves BOLD as it is.
    """
    rows = np.arange(len(story))
    moved = [np.roll(rows[story == number], -shift) for number, shift in enumerate(shifts)]
    return Embeddings(embeddings.values, np.concatenate(moved))


def in_parts(number: int, size: int, most: int = IN_MEMORY) -> Iterator[slice]:
    """Yield slices of so many things of a size, each with at most so many numbers."""
    at_once = max(1, most // max(size, 1))
    for begin in range(0, number, at_once):
        yield slice(begin, min(begin + at_once, number))
