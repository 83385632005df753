"""Contiguous cross-validation folds with a gap, the same for scores, penalties and ceilings."""

from __future__ import annotations

import numpy as np

from engram.errors import EngramError


def blocked_folds(
    story: np.ndarray, position: np.ndarray, n_folds: int, gap: int
) -> list[tuple[np.ndarray, np.ndarray]]:
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
        same story are left out.

    Returns
    -------
    list of (train, test)
        Indices into the rows, sorted.

    Raises
    ------
    EngramError
        If a story has fewer rows than folds, or a fold has no training rows left.
    """
    stories = np.unique(story)
    blocks = []
    for one in stories:
        rows = np.flatnonzero(story == one)
        if len(rows) < n_folds:
            raise EngramError(
                f"a story has {len(rows)} rows, too few for {n_folds} blocks. Use fewer folds "
                "(encoding: folds, inner_folds), or leave the story out."
            )
        blocks.append(np.array_split(rows, n_folds))
    folds = []
    for fold in range(n_folds):
        test = np.concatenate([story_blocks[fold] for story_blocks in blocks])
        near = np.zeros(len(story), dtype=bool)
        for one, story_blocks in zip(stories, blocks, strict=True):
            held_out = position[story_blocks[fold]]
            rows = np.flatnonzero(story == one)
            nearest = (
                np.clip(np.searchsorted(held_out, position[rows]), 1, len(held_out) - 1)
                if len(held_out) > 1
                else np.zeros(len(rows), int)
            )
            distance = np.minimum(
                np.abs(position[rows] - held_out[nearest]),
                np.abs(position[rows] - held_out[nearest - 1]),
            )
            near[rows[distance <= gap]] = True
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
