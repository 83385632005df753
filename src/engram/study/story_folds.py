"""Folds by story: who can be tested, as it is known before the first job.

A listener is predicted in a story from other stories that this listener heard.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engram.encoding.story_folds import FEWEST_TO_CHOOSE, scored_stories, story_folds
from engram.errors import EngramError
from engram.study.config.encoding import StoryFolds
from engram.study.config.study import Study
from engram.study.groups import Group
from engram.vocabulary import AVERAGE, stimulus
from engram.wording import count, listed

#: Listeners that a message names.
_NAMED = 5


def scored_groups(
    study: Study, groups: Mapping[str, Group], stories: Sequence[str]
) -> dict[str, Group]:
    """Return the groups whose listeners can be scored: all, unless test stories are named.

    Parameters
    ----------
    study : Study
    groups : mapping
    stories : sequence of str
        All stories of the study.

    Raises
    ------
    EngramError
        If a test story is not there; if listeners heard one stimulus alone, or, where penalties
        are chosen, two; if nobody is left.
    """
    folds = study.encoding.folds
    if isinstance(folds, int):
        return dict(groups)
    if folds.test is not None and (strange := sorted(set(folds.test) - set(stories))):
        raise EngramError(
            f"encoding.folds.test names {strange}, which are no stories of the study; it has "
            f"{list(stories)}."
        )
    kept = {
        name: group for name, group in groups.items() if tested(study, group) or folds.test is None
    }
    if not set().union(*(group.subjects for group in kept.values())) - {AVERAGE}:
        raise EngramError(
            f"encoding.folds.test: no listener heard any of {folds.test}. Name stories that "
            "listeners heard beside others."
        )
    _check_training(study, folds, kept)
    return kept


def _check_training(study: Study, folds: StoryFolds, groups: Mapping[str, Group]) -> None:
    """Refuse groups that have too few stories to learn from, or to choose penalties across."""
    fewest = FEWEST_TO_CHOOSE if _chooses(study) else 1
    for group in groups.values():
        training = _fewest_training(folds, group.stories)
        if training >= fewest:
            continue
        people = listed(group.subjects[:_NAMED]) + (", ..." if len(group.subjects) > _NAMED else "")
        choosing = (
            " Penalties are chosen across training stories, so that two are needed beside what is "
            "tested; a single penalty (encoding: {alphas: [1000]}) needs one."
            if training
            else ""
        )
        raise EngramError(
            f"encoding.folds: {{by: story}}: {count(len(group.subjects), 'listener')} ({people}) "
            f"heard {listed(group.stories)}, which leaves {count(training, 'story')} to learn from "
            f"where another is tested (versions of one story count once).{choosing} Leave these "
            "listeners out (dataset.exclude, or dataset.stories), or use blocks "
            "(encoding: {folds: 5})."
        )


def _chooses(study: Study) -> bool:
    """Tell whether anything is chosen in inner folds: a penalty, or weights of bands."""
    return (
        len(study.encoding.alphas) > 1
        or study.nuisance.method != "none"
        or bool(study.associations)
    )


def _fewest_training(folds: StoryFolds, stories: Sequence[str]) -> int:
    """Return of how many stimuli a fold's training stories are, at the fewest."""
    stimuli = {stimulus(story) for story in stories}
    if folds.test is not None:
        return len(stimuli - {stimulus(story) for story in folds.test})
    if len(stimuli) < 2:
        return 0
    made = story_folds(list(stories), [1] * len(stories), folds.n)
    return min(len(stimuli - {stimulus(stories[place]) for place in test}) for test in made.tests)


def count_folds(study: Study, group: Group) -> int:
    """Return how many folds a group has; of stories, as many as its stories at most."""
    folds = study.encoding.folds
    return folds if isinstance(folds, int) else max(2, min(folds.n or 1000, len(group.stories)))


def count_fits(study: Study, group: Group) -> int:
    """Return how often weights are learned: once where test stories are named, else by fold."""
    folds = study.encoding.folds
    named = not isinstance(folds, int) and folds.test is not None
    return 1 if named else count_folds(study, group)


def as_config(study: Study) -> int | dict[str, Any]:
    """Return `encoding.folds` as jobs get it."""
    folds = study.encoding.folds
    return folds if isinstance(folds, int) else folds.model_dump(mode="json")


def tested(study: Study, group: Group) -> list[str]:
    """Return the stories of a group that are scored."""
    return scored_stories(as_config(study), group.stories)


def untested(study: Study, listeners: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return the test stories that each listener lacks; none where no test stories are named.

    Parameters
    ----------
    study : Study
    listeners : mapping
        Listeners of each story.
    """
    folds = study.encoding.folds
    if isinstance(folds, int) or folds.test is None:
        return {}
    everyone = sorted(set().union(*listeners.values()))
    lacking = {
        one: [story for story in folds.test if one not in listeners[story]] for one in everyone
    }
    return {one: stories for one, stories in lacking.items() if stories}
