"""Windows of a story, in which R is taken by itself: which minutes are predicted.

Each test block is cut into equal pieces, so that a window is predicted by what was learned
outside of its block, as all its rows are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engram.encoding.correlation import pearson, standardize
from engram.encoding.group import Group


@dataclass(frozen=True)
class Windows:
    """Where the windows of a group's stories are.

    Attributes
    ----------
    story : array of int of shape (n_windows, )
        Index of each window's story; windows follow each other as rows do.
    begin, end : arrays of shape (n_windows, )
        Seconds on the story's clock.
    of_row : array of int of shape (n_rows, )
        The window of each row; -1 in stories that are not tested.
    """

    story: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    of_row: np.ndarray

    @classmethod
    def of(cls, group: Group, seconds: float) -> Windows:
        """Cut the test blocks of a group's stories into windows of about so many seconds.

        A block that is shorter than one and a half windows is one window.
        """
        blocks = group.folds if isinstance(group.folds, int) else 1
        of_row = np.full(len(group.row_story), -1)
        found: list[tuple[int, float, float]] = []
        for place in group.tested_places:
            rows, times = np.flatnonzero(group.row_story == place), group.stories[place].times
            for block in np.array_split(np.arange(len(rows)), blocks):
                pieces = max(1, round(len(block) * group.tr / seconds))
                for piece in np.array_split(block, pieces):
                    of_row[rows[piece]] = len(found)
                    found.append((place, times[piece[0]], times[piece[-1]] + group.tr))
        story, begin, end = zip(*found, strict=True)
        return cls(np.array(story), np.array(begin), np.array(end), of_row)

    def correlations(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """Return Pearson's r of two arrays (n_rows, n_targets) in each window.

        Its shape is (n_windows, n_targets).
        """
        rows = [self.of_row == number for number in range(len(self.story))]
        return np.stack([pearson(standardize(one[here]), other[here]) for here in rows])
