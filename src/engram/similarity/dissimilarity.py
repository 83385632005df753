"""Representational similarity analysis (RSA): which segments of a story are alike.

A segment is a stretch of rows. Dissimilarities of all pairs of segments (1 minus Pearson's r over
units, or over targets) of a model and of a brain are correlated (Kriegeskorte et al. 2008).

In a story, segments that are near in time are alike in every slow thing. So near pairs are left
out, and both sides are centred within each lag, the distance in time of a pair: what follows from
the lag alone correlates with nothing. Number of words is taken off both sides as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

#: Fewer targets, or units, have no pattern: the correlation of two is 1 or -1.
FEWEST = 3
#: What is left of a vector counts as nothing below this part of its length.
_NOTHING = 1e-6


@dataclass(frozen=True)
class Pairs:
    """The pairs of segments of a story that are far enough apart.

    Attributes
    ----------
    first, second : arrays of int of shape (n_pairs, )
        Segments.
    lag : array of int of shape (n_pairs, )
        How many segments apart they are.
    """

    first: np.ndarray
    second: np.ndarray
    lag: np.ndarray

    @classmethod
    def of(cls, n_segments: int, length: int, apart: int) -> Pairs:
        """Return the pairs of segments that follow each other.

        Lags with a single pair are left out: nothing is left of one when it is centred.

        Parameters
        ----------
        n_segments : int
        length : int
            Rows of a segment.
        apart : int
            Rows between the beginnings of a pair, at least.
        """
        first, second = np.triu_indices(n_segments, 1)
        lag = second - first
        kept = (lag * length >= apart) & (lag < n_segments - 1)
        return cls(first[kept], second[kept], lag[kept])

    def centred(self, values: np.ndarray) -> np.ndarray:
        """Return values (..., n_pairs) minus their mean over the pairs of the same lag."""
        number = np.bincount(self.lag)
        sums = np.zeros((*values.shape[:-1], len(number)))
        for lag in np.unique(self.lag):
            sums[..., lag] = values[..., self.lag == lag].sum(-1)
        result: np.ndarray = values - (sums / np.maximum(number, 1))[..., self.lag]
        return result

    def dissimilarities(self, patterns: np.ndarray) -> np.ndarray:
        """Return how unlike the pairs are: (..., n_pairs).

        Parameters
        ----------
        patterns : array of shape (..., n_segments, n_units)
            With fewer than three units it is the distance (Euclidean), else 1 minus Pearson's r.
        """
        values = np.asarray(patterns, dtype=np.float64)
        if values.shape[-1] < FEWEST:
            difference = values[..., self.first, :] - values[..., self.second, :]
            distance: np.ndarray = np.sqrt((difference**2).sum(-1))
            return distance
        centred = values - values.mean(-1, keepdims=True)
        norm = np.sqrt((centred**2).sum(-1, keepdims=True))
        unit = centred / np.where(norm > 0, norm, 1)
        alike = unit @ np.swapaxes(unit, -1, -2)
        result: np.ndarray = 1 - alike[..., self.first, self.second]
        return result


def pooled(rows: np.ndarray, length: int, delays: Sequence[int] = (0,)) -> np.ndarray:
    """Return the mean of each segment: (n_segments, n_columns).

    Parameters
    ----------
    rows : array of shape (n_rows, n_columns)
        Of one story; what is left over at its end is in no segment.
    length : int
        Rows of a segment.
    delays : sequence of int
        BOLD answers later: the mean is over the rows t + d of all rows t of the segment and all
        delays d, as far as there are any.
    """
    n_rows, n_segments = len(rows), len(rows) // length
    weights = np.zeros((n_segments, n_rows))
    for segment in range(n_segments):
        for delay in delays:
            begin = segment * length + delay
            weights[segment, begin : min(begin + length, n_rows)] += 1
    result: np.ndarray = (weights / weights.sum(1, keepdims=True)) @ rows
    return result


def comparable(values: np.ndarray, pairs: Pairs, nuisance: np.ndarray | None) -> np.ndarray:
    """Return dissimilarities as they are correlated: (..., n_pairs), with a length of 1.

    They are centred within each lag, and what a nuisance predicts is taken off. Zeros where nothing
    is left.

    Parameters
    ----------
    values : array of shape (..., n_pairs)
    pairs : Pairs
    nuisance : array of shape (..., n_pairs) or (n_pairs, ), optional
        Dissimilarities of what is partialled out.
    """
    left = pairs.centred(values)
    before = np.sqrt((left**2).sum(-1, keepdims=True))
    whole = np.sqrt((values**2).sum(-1, keepdims=True))
    if nuisance is not None:
        beside = pairs.centred(nuisance)
        square = (beside**2).sum(-1, keepdims=True)
        slope = (left * beside).sum(-1, keepdims=True) / np.where(square > 0, square, 1)
        left = left - slope * beside
    norm = np.sqrt((left**2).sum(-1, keepdims=True))
    something = norm > _NOTHING * np.maximum(before, _NOTHING * whole)
    result: np.ndarray = np.where(something, left / np.where(something, norm, 1), 0)
    return result
