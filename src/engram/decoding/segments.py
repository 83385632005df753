"""Segments of a story, and which of them each one can be mistaken for.

Test blocks are cut into segments of equal length. A segment's candidates lie in the same test
block, at least its length and the longest delay away: then neither their words nor the BOLD that
answers to them are shared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engram.bold.story_rows import ROUNDING
from engram.encoding.folds import Folds
from engram.encoding.preparation import contiguous
from engram.errors import EngramError


@dataclass(frozen=True)
class Block:
    """The segments of one story in one test block.

    Attributes
    ----------
    story : int
        Index of the story.
    rows : array of shape (n_segments, n_rows_each)
        Indices into all rows.
    far : array of bool of shape (n_segments, n_segments)
        Whether the second is a candidate where the first was heard.
    """

    story: int
    rows: np.ndarray
    far: np.ndarray

    @property
    def usable(self) -> bool:
        """Whether any segment has a candidate beside itself."""
        return bool(self.far.any())


def segment_rows(seconds: float, tr: float) -> int:
    """Return how many rows a segment has: the whole number that is nearest, at least 1."""
    return max(1, int(np.floor(seconds / tr + 0.5 + ROUNDING)))


def cut(
    folds: Folds, story: np.ndarray, position: np.ndarray, length: int, apart: int
) -> list[list[Block]]:
    """Return the segments of each fold's test rows, story by story.

    Parameters
    ----------
    folds : Folds
    story, position : arrays of shape (n_rows, )
        Which story a row belongs to, and its place there.
    length : int
        Rows of a segment. What is left over at the end of a stretch is in no segment.
    apart : int
        Rows between the beginnings of a segment and of its candidates, at least.
    """
    return [
        [_block(test[story[test] == one], int(one), position, length, apart) for one in here]
        for _, test in folds
        for here in [np.unique(story[test])]
    ]


def _block(rows: np.ndarray, story: int, position: np.ndarray, length: int, apart: int) -> Block:
    pieces = [
        rows[run.start + first : run.start + first + length]
        for run in contiguous(position[rows])
        for first in range(0, run.stop - run.start - length + 1, length)
    ]
    cut_rows = np.array(pieces, dtype=int).reshape(-1, length)
    begins = position[cut_rows[:, 0]] if len(cut_rows) else np.empty(0, dtype=int)
    return Block(story, cut_rows, np.abs(begins[:, None] - begins[None, :]) >= apart)


def check_candidates(
    blocks: Sequence[Sequence[Block]],
    stories: Mapping[int, str],
    seconds: float,
    apart: int,
    key: str,
) -> None:
    """Raise `EngramError` where no segment of a story has a candidate.

    Parameters
    ----------
    blocks : sequence
        As `cut` returns them.
    stories : mapping
        Names of the stories that are tested, by index.
    seconds : float
        Length of a segment.
    apart : int
        As for `cut`.
    key : str
        Section of the configuration, for the message.
    """
    usable = {block.story for fold in blocks for block in fold if block.usable}
    for number, name in stories.items():
        if number not in usable:
            longest = max(
                (block.rows.size for fold in blocks for block in fold if block.story == number),
                default=0,
            )
            raise EngramError(
                f"{key}: the story {name} has {longest} rows in segments of {seconds:g} s in a "
                f"test block, and a segment is told from others that begin at least {apart} rows "
                f"away: none of them has any. Write shorter segments ({key}: {{seconds: ...}}), "
                "fewer folds (encoding: {folds: ...}) or a shorter longest_delay."
            )
