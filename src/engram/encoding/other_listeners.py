"""The mean BOLD of the other listeners of a story, from which weights can be learned too.

Under `encoding.learn_from: listener+others` a listener's weights are learned from the mean of two
time courses: the listener's own, and the mean of all other single listeners of the story, scaled to
the same variance (`engram.encoding.ridge.encode`). Only training rows are used of both, also for
this scale. Weights are scored on the listener's own held-out rows, and no held-out row of the
others is used. To stack the rows of both would give the same weights at twice the penalty.

What is learned so is what listeners share, and each listener's weights depend on all the others'
BOLD. Scores of different listeners are then no independent draws: no test over listeners is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from engram.encoding.story_data import StoryData
from engram.errors import EngramError
from engram.vocabulary import AVERAGE


class OtherListeners:
    """The single listeners of each story, whether they are of the group or not.

    Raises
    ------
    EngramError
        If a story has one listener alone.
    """

    def __init__(self, stories: Sequence[StoryData]) -> None:
        self._stories = stories
        self._people = [
            [one for one in story.bold["subject"].values.tolist() if one != AVERAGE]
            for story in stories
        ]
        for story, people in zip(stories, self._people, strict=True):
            if len(people) < 2:
                raise EngramError(
                    f"the story {story.name} has one listener, and nobody else to learn from. "
                    "Write encoding: {learn_from: listener}, or leave the story out."
                )

    @cached_property
    def _sum(self) -> np.ndarray:
        """The sum of all single listeners: (n_rows, n_targets)."""
        parts = []
        for story, people in zip(self._stories, self._people, strict=True):
            summed = np.zeros(story.bold.shape[1:])
            for subject in people:
                summed += story.bold.sel(subject=subject).values
            parts.append(summed)
        return np.concatenate(parts)

    def means(self, bold: np.ndarray, subjects: Sequence[str]) -> np.ndarray:
        """Return the mean BOLD of each listener's others.

        Parameters
        ----------
        bold : array of shape (n_rows, n_subjects * n_targets)
            Own BOLD of all stories, listeners' targets side by side.
        subjects : sequence of str
            The average listener, of whom everybody is a part, gets its own.

        Returns
        -------
        array of the same shape
            Float32.
        """
        n_others = np.concatenate(
            [
                np.full((len(story.times), 1), len(people) - 1)
                for story, people in zip(self._stories, self._people, strict=True)
            ]
        )
        result, n_targets = bold.copy(), self._sum.shape[1]
        for number, subject in enumerate(subjects):
            if subject != AVERAGE:
                mine = result[:, number * n_targets : (number + 1) * n_targets]
                mine[:] = (self._sum - mine) / n_others
        return result
