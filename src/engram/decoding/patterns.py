"""How alike recorded and expected patterns over targets and rows are, for many listeners at once.

The pattern of a segment is the BOLD of a set's targets in its rows, after each target lost its mean
over the block's segments. Both patterns are divided by the standard deviation of the recorded
target, so that targets that are predicted with confidence count more, and no unit of measurement
counts. How alike two patterns are is their Pearson correlation over targets and rows. The sums that
it needs are added up target by target: predictions of a whole cortex are never kept.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engram.decoding.segments import Block
from engram.encoding.correlation import deviations

#: An expectation whose variance is this small a part of its mean square counts as constant
#: (float32 has no more digits).
_CONSTANT = 1e-6


class PatternSums:
    """Sums over targets, for one block, every set of targets and every owner of targets.

    Parameters
    ----------
    block : Block
    sets : mapping
        Which targets are in each set (`engram.decoding.target_sets`).
    n_owners : int
        Whose targets stand side by side: listeners, or listeners in each draw of a null.
    """

    def __init__(self, block: Block, sets: Mapping[str, np.ndarray], n_owners: int) -> None:
        self._block, self._sets = block, [np.asarray(one) for one in sets.values()]
        self._n = len(block.rows)
        width = self._n * self._n + 4 * self._n
        self._sums = np.zeros((len(self._sets), n_owners, width))

    def add(self, columns: np.ndarray, expected: np.ndarray, recorded: np.ndarray) -> None:
        """Add some targets.

        Parameters
        ----------
        columns : array of int of shape (n_some, )
            Rising; targets of each owner follow each other.
        expected, recorded : arrays of shape (n_segments * n_rows_each, n_some)
            In the block's rows, segment after segment.
        """
        owner, target = np.divmod(columns, len(self._sets[0]))
        terms = self._terms(expected, recorded)
        for number, is_in in enumerate(self._sets):
            mine = is_in[target]
            if not mine.any():
                continue
            owners = owner[mine]
            begins = np.flatnonzero(np.r_[True, np.diff(owners) != 0])
            self._sums[number, owners[begins]] += np.add.reduceat(terms[mine], begins, axis=0)

    def _terms(self, expected: np.ndarray, recorded: np.ndarray) -> np.ndarray:
        """Return what each target adds to the sums: (n_some, n * n + 4 * n)."""
        n, n_some = self._n, recorded.shape[1]
        seen = recorded - recorded.mean(0)
        spread = deviations(recorded).astype(recorded.dtype, copy=False)
        scale = np.where(spread > 0, 1 / np.where(spread > 0, spread, 1), 0)
        guess = expected - expected.mean(0)
        is_constant = (guess**2).mean(0) <= _CONSTANT * (expected**2).mean(0)
        seen, guess = seen * scale, guess * (scale * ~is_constant)
        seen, guess = (one.T.reshape(n_some, n, -1) for one in (seen, guess))
        products = np.matmul(seen, guess.transpose(0, 2, 1)).reshape(n_some, n * n)
        ends = [seen.sum(2), guess.sum(2), (seen**2).sum(2), (guess**2).sum(2)]
        return np.concatenate([products, *ends], axis=1)

    def correlations(self) -> np.ndarray:
        """Return how alike patterns are: (n_owners, n_sets, n_segments, n_segments).

        The first of the two segments is the one that was recorded; 0 where a pattern is constant.
        """
        n = self._n
        sums = self._sums.transpose(1, 0, 2)
        products = sums[..., : n * n].reshape(*sums.shape[:2], n, n)
        seen, guess, seen_2, guess_2 = np.split(sums[..., n * n :], 4, axis=-1)
        numbers = np.array([one.sum() for one in self._sets])[:, None] * self._block.rows.shape[1]
        covariance = products - seen[..., :, None] * guess[..., None, :] / numbers[..., None]
        of_seen, of_guess = (
            np.maximum(squares - total**2 / numbers, 0)
            for squares, total in ((seen_2, seen), (guess_2, guess))
        )
        norm = np.sqrt(of_seen[..., :, None] * of_guess[..., None, :])
        result: np.ndarray = np.where(norm > 0, covariance / np.where(norm > 0, norm, 1), 0)
        return result
