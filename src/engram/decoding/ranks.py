"""How well segments are identified, from how alike each one and its candidates are.

All measures count ties as the mean of what any order of them would give. Rank accuracy is the share
of candidates that are less alike than the true segment, chance 0.5 (Pereira et al. 2018). Top-k is
how often the true one is among the k most alike. 2v2 takes two segments and asks whether the right
pairing is more alike than the exchanged one, chance 0.5 (Mitchell et al. 2008).
"""

from __future__ import annotations

import numpy as np

#: Measures of identification, with what they are.
MEASURES = {
    "rank": "Rank accuracy: share of candidates less alike than the true segment.",
    "top1": "How often the true segment is the most alike.",
    "top5": "How often it is among the five most alike.",
    "pairs": "2v2: how often two segments are paired rightly rather than exchanged.",
}
#: Values that differ by rounding alone are ties.
_TIE = 1e-6


def rank_accuracy(alike: np.ndarray, far: np.ndarray) -> np.ndarray:
    """Return rank accuracy, mean over the segments that have candidates: (...).

    Parameters
    ----------
    alike : array of shape (..., n_segments, n_segments)
        How alike what was recorded in the first and what is expected of the second are.
    far : array of bool of shape (n_segments, n_segments)
        Whether the second is a candidate of the first (`engram.decoding.segments.Block.far`).
    """
    lower, same = _against_true(alike, far)
    candidates = far.sum(1)
    used = candidates > 0
    accuracy = (lower + same / 2)[..., used] / candidates[used]
    result: np.ndarray = accuracy.mean(-1)
    return result


def top(alike: np.ndarray, far: np.ndarray, k: int) -> np.ndarray:
    """Return how often the true segment is among the `k` most alike: (...)."""
    lower, same = _against_true(alike, far)
    candidates = far.sum(1)
    higher = candidates - lower - same
    among = np.clip((k - higher) / (same + 1), 0, 1)
    result: np.ndarray = among[..., candidates > 0].mean(-1)
    return result


def two_versus_two(alike: np.ndarray, far: np.ndarray) -> np.ndarray:
    """Return how often two segments that are candidates of each other are paired rightly: (...)."""
    first, second = np.nonzero(np.triu(far & far.T, 1))
    right = alike[..., first, first] + alike[..., second, second]
    exchanged = alike[..., first, second] + alike[..., second, first]
    difference = right - exchanged
    won = (difference > _TIE) + 0.5 * (np.abs(difference) <= _TIE)
    result: np.ndarray = won.mean(-1)
    return result


def measures(alike: np.ndarray, far: np.ndarray) -> np.ndarray:
    """Return all measures, in the order of `MEASURES`: (n_measures, ...)."""
    return np.stack(
        [
            rank_accuracy(alike, far),
            top(alike, far, 1),
            top(alike, far, 5),
            two_versus_two(alike, far),
        ]
    )


def rank_only(alike: np.ndarray, far: np.ndarray) -> np.ndarray:
    """Return rank accuracy as the only measure: (1, ...)."""
    return rank_accuracy(alike, far)[None]


def by_chance(far: np.ndarray) -> np.ndarray:
    """Return what guessing gives in a block, by measure: (n_measures, )."""
    candidates = far.sum(1)[far.any(1)]
    of_top = [float(np.minimum(k / (1 + candidates), 1).mean()) for k in (1, 5)]
    return np.array([0.5, *of_top, 0.5])


def _against_true(alike: np.ndarray, far: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how many candidates are less alike, and as alike, as the true one: (..., n)."""
    true = np.diagonal(alike, axis1=-2, axis2=-1)[..., None]
    lower = ((alike < true - _TIE) & far).sum(-1)
    same = ((np.abs(alike - true) <= _TIE) & far).sum(-1)
    return lower, same


class MeanOverBlocks:
    """Means over the test blocks of each story."""

    def __init__(self, n_stories: int) -> None:
        self._found: list[list[np.ndarray]] = [[] for _ in range(n_stories)]

    def add(self, story: int, values: np.ndarray) -> None:
        """Add what a test block gives: (n_measures, ...)."""
        self._found[story].append(values)

    def mean(self) -> np.ndarray:
        """Return the means: (n_measures, n_stories, ...)."""
        shape = next(one[0].shape for one in self._found if one)
        return np.stack(
            [np.mean(one, axis=0) if one else np.full(shape, np.nan) for one in self._found], axis=1
        )
