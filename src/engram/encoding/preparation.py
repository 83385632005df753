"""What is done to delayed features in each fold, before the regression.

Whatever is learned here is learned from training rows, inner ones too. Nothing is done to a whole
run: BOLD was filtered over its whole run, so features that are filtered so tie test rows to
training rows, and noise is then predicted (docs/methods/leaks.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from engram.encoding.backends import Arrays

#: Columns at a time at least: below that a product with them takes longer for each.
_COLUMNS = 256
#: A variance is taken from deviations where it is a smaller part than this of the mean square.
_SMALL = 1e-6


@dataclass(frozen=True)
class Preparation:
    """How delayed features are prepared.

    Attributes
    ----------
    trend : {"none", "runs"}
        `runs`: a line is taken off each feature within each contiguous run of training rows, and
        within each contiguous run of the held-out ones.
    scaling : {"variance", "none"}
        Whether features get a variance of 1, after they were centred.
    components : int or None
        How many principal components take the place of the units; None: units stay.
    delays : int
        How many delays the features have: their columns go delay by delay.
    """

    trend: str = "none"
    scaling: str = "variance"
    components: int | None = None
    delays: int = 1

    @property
    def is_by_feature(self) -> bool:
        """Whether all that is done to a feature follows from its own mean and variance."""
        return self.trend == "none" and self.components is None


@dataclass(frozen=True)
class Moments:
    """What is taken off features in a fold, and by what they are multiplied.

    Attributes
    ----------
    means, factors : arrays or Tensors of shape (n_features, )
        A factor makes the variance 1. It is 1 itself where a feature is constant or not scaled.
    """

    means: Any
    factors: Any


def moments(
    design: Any, trains: Sequence[np.ndarray], how: Preparation, xp: Arrays, at_once: int
) -> list[Moments]:
    """Return means and factors of the training rows of several folds.

    Which rows a fold learns from is a row of a matrix. Its products with the features and with
    their squares are the means and mean squares of all folds, so that features are gone through
    once, and not several times for each fold.

    Parameters
    ----------
    design : array or Tensor of shape (n_rows, n_features)
    trains : sequence of arrays of int
        Rows.
    how : Preparation
        By feature.
    xp : engram.encoding.backends.Arrays
    at_once : int
        Bytes of features that are gone through at a time.
    """
    n_rows, n_features = design.shape
    shares = np.zeros((len(trains), n_rows))
    for share, train in zip(shares, trains, strict=True):
        share[train] = 1 / len(train)
    shares = xp.asarray(shares)
    means, factors = (xp.zeros((len(trains), n_features), dtype=xp.float64) for _ in range(2))
    factors += 1
    for some in column_blocks(n_features, n_rows, at_once):
        values = xp.asarray(design[:, some], dtype=xp.float64)
        means[:, some] = shares @ values
        if how.scaling == "variance":
            squares = shares @ (values * values)
            variances = squares - means[:, some] ** 2
            _redo_small(variances, squares, values, trains, xp)
            factors[:, some] = _factors(variances**0.5)
    return [Moments(*one) for one in zip(means, factors, strict=True)]


def _redo_small(
    variances: Any, squares: Any, values: Any, trains: Sequence[np.ndarray], xp: Arrays
) -> None:
    """Take variances from deviations where the difference from the mean square lost its digits.

    So that a constant feature has a variance of exactly 0.
    """
    for place, small in enumerate(xp.to_numpy(variances < _SMALL * squares)):
        if small.any():
            columns = np.flatnonzero(small)
            seen = values[trains[place]][:, columns]
            variances[place, columns] = ((seen - seen.mean(0)) ** 2).mean(0)


def _factors(deviations: Any) -> Any:
    return 1 / (deviations + (deviations == 0))


def column_blocks(n_features: int, n_rows: int, at_once: int) -> Iterator[slice]:
    """Yield columns of features in float64 that take so many bytes, or a few more."""
    width = max(_COLUMNS, at_once // (8 * n_rows))
    for begin in range(0, n_features, width):
        yield slice(begin, min(begin + width, n_features))


def prepared_blocks(
    design: Any, rows: np.ndarray, of_fold: Moments, xp: Arrays, at_once: int
) -> Iterator[Any]:
    """Yield features of some rows, centred and scaled, some columns after the other.

    What is done to them is done while they are in a CPU's cache, and no prepared copy of all of
    them is held. The parameters are those of `moments`.
    """
    n_features = design.shape[1]
    for some in column_blocks(n_features, len(rows), at_once):
        block = xp.asarray(xp.take(design[:, some], rows), dtype=xp.float64)
        block -= of_fold.means[some]
        block *= of_fold.factors[some]
        yield block


def prepared(
    design: Any,
    train: np.ndarray,
    test: np.ndarray,
    runs: np.ndarray,
    how: Preparation,
    xp: Arrays,
) -> Any:
    """Return features of training rows, then of test rows, as a regression of a fold takes them.

    Parameters
    ----------
    design : array or Tensor of shape (n_rows, n_delays * n_units)
    train, test : arrays of int
        Rows.
    runs : array of shape (n_rows, )
        Where rows of a story follow each other without a hole, the number rises by exactly 1
        (`row_numbers`).
    how : Preparation
    xp : engram.encoding.backends.Arrays

    Returns
    -------
    array or Tensor of shape (n_train + n_test, n_features)
        Float64, centred by the training rows.
    """
    n_train = len(train)
    rows = xp.asarray(xp.take(design, np.concatenate([train, test])), dtype=xp.float64)
    if how.components is not None:
        rows = _components(rows, n_train, how.components, how.delays, xp)
    if how.trend == "runs":
        for begin, held in ((0, train), (n_train, test)):
            for run in contiguous(runs[held]):
                one = slice(begin + run.start, begin + run.stop)
                rows[one] = without_line(rows[one], xp)
    rows -= rows[:n_train].mean(0)
    if how.scaling == "variance":
        rows *= _factors((rows[:n_train] ** 2).mean(0) ** 0.5)
    return rows


def row_numbers(story: np.ndarray, position: np.ndarray) -> np.ndarray:
    """Return a number for each row that rises by 1 where rows of a story follow each other."""
    return np.asarray(position + story * (int(position.max(initial=0)) + 2))


def contiguous(numbers: np.ndarray) -> list[slice]:
    """Return the longest stretches of rows whose numbers rise by 1."""
    if len(numbers) == 0:
        return []
    breaks = np.flatnonzero(np.diff(numbers) != 1) + 1
    ends = [0, *breaks.tolist(), len(numbers)]
    return [slice(*pair) for pair in pairwise(ends)]


def without_line(values: Any, xp: Arrays) -> Any:
    """Return values (n_rows, n_features) minus the line that fits each feature best."""
    time = xp.asarray(np.arange(len(values)) - (len(values) - 1) / 2, dtype=xp.float64)
    centred = values - values.mean(0)
    if len(values) < 3:
        return centred * 0
    slope = time @ centred / (time @ time)
    return centred - time[:, None] * slope


def _components(rows: Any, n_train: int, n_components: int, delays: int, xp: Arrays) -> Any:
    """Return the principal components of the units at each delay, delay by delay.

    They are those of the training rows at all delays, of units with a variance of 1.
    """
    units = rows.shape[1] // delays
    by_delay = rows.reshape(len(rows), delays, units)
    seen = by_delay[:n_train].reshape(-1, units)
    mean = seen.mean(0)
    scale = ((seen - mean) ** 2).mean(0) ** 0.5
    by_delay = (by_delay - mean) / (scale + (scale == 0))
    seen = by_delay[:n_train].reshape(-1, units)
    _, vectors = np.linalg.eigh(xp.to_numpy(seen.T @ seen))
    kept = min(n_components, units)
    basis = xp.asarray(np.ascontiguousarray(vectors[:, ::-1][:, :kept]), dtype=xp.float64)
    return (by_delay @ basis).reshape(len(rows), delays * kept)
