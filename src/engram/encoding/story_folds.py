"""Folds that leave whole stories out: scores then say what generalises to other stories.

Each test fold is one story, or several; all rows of the others are its training rows. Versions of
one stimulus (`engram.vocabulary.stimulus`) share words, so they are always left out together.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engram.errors import EngramError
from engram.vocabulary import stimulus

logger = logging.getLogger(__name__)

#: Fewest stimuli that training stories must be of, so that penalties can be chosen across them.
FEWEST_TO_CHOOSE = 2


@dataclass(frozen=True)
class StoryFolds:
    """Which stories of a group are left out together, by their place among the group's stories.

    Attributes
    ----------
    tests : tuple of tuple of int
        The stories that each fold tests, rising.
    stimuli : tuple of int
        A number for each story; versions of one stimulus have the same.
    """

    tests: tuple[tuple[int, ...], ...]
    stimuli: tuple[int, ...]

    @property
    def tested(self) -> list[int]:
        """The stories that some fold tests, rising; each is tested once."""
        return sorted(story for test in self.tests for story in test)

    def places(self, fold: int) -> list[int]:
        """Return where the stories that a fold tests are among all that are tested."""
        return [self.tested.index(story) for story in self.tests[fold]]

    def by_story(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """Return scores of all tested stories, (n_tested, ...), from those of each fold."""
        order = [story for test in self.tests for story in test]
        return np.concatenate(list(parts))[np.argsort(order)]

    def inner(self, rows: Mapping[int, int], most: int) -> list[tuple[int, ...]]:
        """Return the stories that each inner fold tests.

        Parameters
        ----------
        rows : mapping
            Rows of each training story.
        most : int
            Inner folds, at most: there are as many as training stimuli, if these are fewer.

        Raises
        ------
        EngramError
            If all training stories are of one stimulus.
        """
        found = _groups(list(rows), [self.stimuli[one] for one in rows], list(rows.values()), most)
        if len(found) < FEWEST_TO_CHOOSE:
            raise EngramError(
                "a fold by stories has training stories of one stimulus, and penalties are chosen "
                "across stories. Three stories are needed at least: give more, or one penalty "
                "(encoding: {alphas: [1000]}), or use blocks (encoding: {folds: 5})."
            )
        return found


def story_folds(
    stories: Sequence[str],
    rows: Sequence[int],
    n: int | None = None,
    test: Sequence[str] | None = None,
) -> StoryFolds:
    """Return which stories of a group are left out together.

    Parameters
    ----------
    stories : sequence of str
        Those that the group heard.
    rows : sequence of int
        Rows of each.
    n : int, optional
        How many folds; None: one for each stimulus. Folds get about as many rows each: the longest
        stimulus goes to the smallest fold, as in scikit-learn's GroupKFold.
    test : sequence of str, optional
        The stories of the only fold; those that the group did not hear are passed over.

    Raises
    ------
    EngramError
        If no story is left to be tested, or to learn from.
    """
    names = [stimulus(story) for story in stories]
    stimuli = tuple(sorted(set(names)).index(name) for name in names)
    if test is not None:
        wanted = {stimulus(story) for story in test}
        tests = [tuple(place for place, story in enumerate(stories) if story in set(test))]
        learned = [story for story, name in zip(stories, names, strict=True) if name not in wanted]
        if not tests[0] or not learned:
            raise EngramError(
                f"listeners who heard {', '.join(stories)} heard no story "
                f"{'to be tested' if not tests[0] else 'to learn from'} "
                f"(encoding.folds.test: {list(test)})."
            )
        return StoryFolds(tuple(tests), stimuli)
    if len(set(stimuli)) < 2:
        raise EngramError(
            f"listeners who heard {', '.join(stories)} heard one stimulus, and none is left to "
            "learn from (encoding.folds: {by: story})."
        )
    most = len(stories) if n is None else n
    return StoryFolds(tuple(_groups(range(len(stories)), stimuli, rows, most)), stimuli)


def scored_stories(folds: int | Mapping[str, Any], stories: Sequence[str]) -> list[str]:
    """Return the stories of a group that are scored, by `encoding.folds` as jobs get it.

    They are all, unless test stories are named.
    """
    test = None if isinstance(folds, int) else folds["test"]
    return [story for story in stories if test is None or story in test]


def _groups(
    stories: Sequence[int], stimuli: Sequence[int], rows: Sequence[int], most: int
) -> list[tuple[int, ...]]:
    """Return stories in groups of about as many rows, versions of a stimulus together."""
    sizes: dict[int, int] = {}
    for name, n_rows in zip(stimuli, rows, strict=True):
        sizes[name] = sizes.get(name, 0) + n_rows
    group_of: dict[int, int] = {}
    filled = [0] * min(most, len(sizes))
    for name in sorted(sizes, key=lambda one: (-sizes[one], one)):
        group_of[name] = filled.index(min(filled))
        filled[group_of[name]] += sizes[name]
    found = [
        tuple(
            story for story, name in zip(stories, stimuli, strict=True) if group_of[name] == number
        )
        for number in range(len(filled))
    ]
    return sorted(found)


def folds_of(
    folds: int | Mapping[str, Any], names: Sequence[str], rows: Sequence[int]
) -> int | StoryFolds:
    """Return the folds of a group whose stories have these names and rows.

    Parameters
    ----------
    folds : int or mapping
        `encoding.folds` as jobs get it.
    names : sequence of str
    rows : sequence of int
    """
    if isinstance(folds, int):
        return folds
    made = story_folds(names, rows, folds["n"], folds["test"])
    logger.info(
        "folds by story, each tested by what was learned in the others: %s",
        "; ".join(", ".join(names[place] for place in test) for test in made.tests),
    )
    return made
