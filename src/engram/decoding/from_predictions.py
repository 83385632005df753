"""The encoding direction: segments told by how alike predicted and recorded BOLD are.

BOLD is predicted from features, as for R. For what was recorded in a segment, the segment is sought
whose predicted pattern is most alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from engram.decoding import ranks
from engram.decoding.patterns import PatternSums
from engram.decoding.segments import Block
from engram.encoding import circular_shift, predictions
from engram.encoding.group import Group
from engram.encoding.predictions import HeldOut
from engram.jobs.progress import progress

#: Numbers of shifted BOLD that are in memory at once.
_NUMBERS = 1 << 26
#: Makes measures of how alike segments are: (n_measures, ...).
Measure = Callable[[np.ndarray, np.ndarray], np.ndarray]


def identified(
    held_out: Iterable[HeldOut],
    blocks: Sequence[Sequence[Block]],
    sets: Mapping[str, np.ndarray],
    n_owners: int,
    n_stories: int,
    measure: Measure = ranks.measures,
) -> np.ndarray:
    """Return how well segments are identified by predicted BOLD.

    Parameters
    ----------
    held_out : iterable of HeldOut
        One for each fold.
    blocks : sequence
        Segments of each fold (`engram.decoding.segments.cut`).
    sets : mapping
        Which targets are in each set.
    n_owners : int
        Whose targets stand side by side.
    n_stories : int
    measure : callable
        What is made of how alike segments are.

    Returns
    -------
    array of shape (n_measures, n_stories, n_owners, n_sets)
        Means over test blocks; NaN for a story that has no candidates.
    """
    found = ranks.MeanOverBlocks(n_stories)
    for here, held in zip(blocks, held_out, strict=True):
        usable = [block for block in here if block.usable]
        sums = [PatternSums(block, sets, n_owners) for block in usable]
        places = [np.searchsorted(held.rows, block.rows.ravel()) for block in usable]

        def take(
            columns: np.ndarray,
            predicted: np.ndarray,
            recorded: np.ndarray,
            sums: list[PatternSums] = sums,
            places: list[np.ndarray] = places,
        ) -> None:
            for one, rows in zip(sums, places, strict=True):
                one.add(columns, predicted[rows], recorded[rows])

        held.each(take)
        for block, one in zip(usable, sums, strict=True):
            found.add(block.story, measure(one.correlations(), block.far))
    return found.mean()


def null_ranks(
    group: Group,
    features: np.ndarray,
    shifts: np.ndarray,
    blocks: Sequence[Sequence[Block]],
    sets: Mapping[str, np.ndarray],
) -> np.ndarray:
    """Return rank accuracy where BOLD is shifted circularly and everything is fitted anew.

    Parameters
    ----------
    group : engram.encoding.group.Group
        Single listeners.
    features : array of shape (n_rows, n_features)
        Delayed features.
    shifts : array of shape (n_draws, n_stories)
        In rows (`engram.encoding.circular_shift`).
    blocks, sets
        As `identified` takes them.

    Returns
    -------
    array of shape (n_draws, n_sets)
        Mean over test blocks, stories and listeners.
    """
    n_listeners = group.shape[0]
    parts = [np.empty((0, len(sets)))]
    at_once = max(1, _NUMBERS // group.targets.size)
    for begin in progress(range(0, len(shifts), at_once), "shifts", "batch"):
        some = shifts[begin : begin + at_once]
        others = group.others
        held_out = predictions.of_targets(
            group,
            features,
            circular_shift.side_by_side(group.targets, group, some),
            others=None if others is None else circular_shift.side_by_side(others, group, some),
            tied=predictions.ties_of(group, len(some)),
        )
        n_owners = len(some) * n_listeners
        found = identified(held_out, blocks, sets, n_owners, len(group.stories), ranks.rank_only)
        by_draw = found[0].reshape(len(group.stories), len(some), n_listeners, len(sets))
        parts.append(by_draw[group.tested_places].mean((0, 2)))
    return np.concatenate(parts)
