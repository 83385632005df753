"""Cross-validation folds, the same for scores, penalties and ceilings.

They are contiguous blocks of each story with a gap, or whole stories
(`engram.encoding.story_folds`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engram.encoding.story_folds import StoryFolds
from engram.errors import EngramError

#: The training rows and the test rows of each fold, as sorted indices.
Folds = list[tuple[np.ndarray, np.ndarray]]


def outer_folds(
    story: np.ndarray, position: np.ndarray, folds: int | StoryFolds, gap: int
) -> Folds:
    """Return the folds that are scored: blocks of each story, or whole stories.

    Parameters
    ----------
    story, position, gap
        As `blocked_folds` takes them; between stories there is no gap.
    folds : int or StoryFolds
        How many blocks, or which stories are left out together.
    """
    if isinstance(folds, int):
        return blocked_folds(story, position, folds, gap)
    # Stories that are versions of what is tested, and are not tested themselves, teach nothing.
    return [
        (
            np.flatnonzero(~np.isin(_stimuli(story, folds), _stimuli(np.array(test), folds))),
            np.flatnonzero(np.isin(story, test)),
        )
        for test in folds.tests
    ]


def inner_folds_of(
    story: np.ndarray,
    position: np.ndarray,
    folds: int | StoryFolds,
    inner_folds: int,
    gap: int,
) -> Folds:
    """Return the folds that choose penalties, of the training rows of one of `outer_folds`.

    They are blocks of each story where `folds` are, else stories: `inner_folds` at most.
    """
    if isinstance(folds, int):
        return blocked_folds(story, position, inner_folds, gap)
    rows = {one: int((story == one).sum()) for one in np.unique(story).tolist()}
    tests = folds.inner(rows, inner_folds)
    return [
        (np.flatnonzero(~np.isin(story, test)), np.flatnonzero(np.isin(story, test)))
        for test in tests
    ]


def count_folds(folds: int | StoryFolds) -> int:
    """Return how many folds there are."""
    return folds if isinstance(folds, int) else len(folds.tests)


def count_blocks(folds: int | StoryFolds) -> int:
    """Return how many test blocks each story has: 1 where stories are left out."""
    return folds if isinstance(folds, int) else 1


def count_tested(story: np.ndarray, folds: int | StoryFolds) -> int:
    """Return how many stories are scored, given the story of every row."""
    return len(np.unique(story) if isinstance(folds, int) else folds.tested)


def place_of_scores(folds: int | StoryFolds, fold: int) -> tuple[Any, int]:
    """Return where a fold's scores go in an array (n_scored_stories, n_blocks, ...)."""
    return (slice(None), fold) if isinstance(folds, int) else (folds.places(fold), 0)


def _stimuli(stories: np.ndarray, folds: StoryFolds) -> np.ndarray:
    return np.asarray(folds.stimuli)[stories]


def blocked_folds(story: np.ndarray, position: np.ndarray, n_folds: int, gap: int) -> Folds:
    """Return folds: the rows of each story are cut into contiguous blocks.

    Test fold k is every story's block k.

    Parameters
    ----------
    story : array of shape (n_rows, )
        Index of the story that a row belongs to.
    position : array of shape (n_rows, )
        The row's place in its story, in TRs; rising within a story, possibly with holes
        (rows left out already).
    n_folds : int
    gap : int
        Training rows whose place is within so many TRs of a test row of the
        same story are left out; `engram.encoding.timing.fold_gap` gives it.

    Returns
    -------
    Folds
        Indices into the rows.

    Raises
    ------
    EngramError
        If a story has fewer rows than folds, or a fold has no training rows left.
    """
    stories = np.unique(story)
    blocks = [_blocks(np.flatnonzero(story == one), n_folds) for one in stories]
    folds = []
    for fold in range(n_folds):
        tests = [story_blocks[fold] for story_blocks in blocks]
        test = np.concatenate(tests)
        near = np.zeros(len(story), dtype=bool)
        for one, mine in zip(stories, tests, strict=True):
            rows = np.flatnonzero(story == one)
            near[rows[_distance(position[rows], position[mine]) <= gap]] = True
        train = np.flatnonzero(~near)
        if len(train) < n_folds:
            raise EngramError(
                f"fold {fold + 1} of {n_folds} has {len(train)} training rows left after a gap "
                f"of {gap} rows around its {len(test)} test rows. The stories are too short: "
                "use fewer folds (encoding: folds, inner_folds) or shorter delays "
                "(encoding: longest_delay)."
            )
        folds.append((train, test))
    return folds


def _blocks(rows: np.ndarray, n_folds: int) -> list[np.ndarray]:
    """Return the rows of a story, cut into contiguous blocks."""
    if len(rows) < n_folds:
        raise EngramError(
            f"a story has {len(rows)} rows, too few for {n_folds} blocks. Use fewer folds "
            "(encoding: folds, inner_folds), or leave the story out."
        )
    return np.array_split(rows, n_folds)


def _distance(places: np.ndarray, held_out: np.ndarray) -> np.ndarray:
    """Return how far each place is from the nearest of the held-out ones, which rise."""
    if len(held_out) == 1:
        return np.abs(places - held_out[0])
    nearest = np.clip(np.searchsorted(held_out, places), 1, len(held_out) - 1)
    return np.minimum(np.abs(places - held_out[nearest]), np.abs(places - held_out[nearest - 1]))
