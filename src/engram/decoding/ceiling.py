"""How well the other listeners' mean identifies what a listener heard: a ceiling for models.

The mean BOLD of all others who heard a story takes the place of predictions. It says more than a
model could where it holds what no text tells, and less where the others are few.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from engram.decoding import ranks
from engram.decoding.comparison import ceiling_dataset
from engram.decoding.patterns import PatternSums
from engram.decoding.scoring import Trials
from engram.encoding import scores
from engram.encoding.group import Group
from engram.encoding.other_listeners import OtherListeners
from engram.encoding.story_data import load_story, with_regions_as_targets
from engram.vocabulary import AVERAGE, FEWEST_LISTENERS

#: Numbers of BOLD whose patterns are made at once.
_NUMBERS = 1 << 22


def identification_ceiling(
    bold: Sequence[str],
    words: Sequence[str],
    subjects: Sequence[str],
    targets: str,
    *,
    seconds: float,
    sets: Sequence[str],
    **options: Any,
) -> xr.Dataset:
    """Identify what each listener of a group heard by the mean of the others.

    Parameters
    ----------
    bold, words, subjects, targets, **options
        As `engram.encoding.group.open_group` takes them; single listeners.
    seconds, sets
        As `engram.decoding.scoring.score_decoding` takes them.

    Returns
    -------
    xarray.Dataset
        ``ceiling`` (story, subject, set): rank accuracy; NaN for stories with fewer than four
        listeners.
    """
    stories = [load_story(*files) for files in zip(bold, words, strict=True)]
    if targets == "roi":
        stories = [with_regions_as_targets(one) for one in stories]
    group = Group(stories, subjects, **options)
    trials = Trials.of(group, seconds, sets, group.folds, 0)
    n_heard = [sum(one != AVERAGE for one in story.bold["subject"].values) for story in stories]
    enough = np.array(n_heard) >= FEWEST_LISTENERS
    rank = np.full((len(stories), len(subjects), len(trials.sets)), np.nan)
    if enough.any() and min(n_heard) > 1:
        others = OtherListeners(stories).means(group.targets, subjects)
        rank[enough] = _identified(group, others, trials)[enough]
    return ceiling_dataset(
        {"ceiling": rank[group.tested_places]},
        [one.name for one in group.tested],
        subjects,
        list(trials.sets),
        "share",
        scores.attributes(group),
    )


def _identified(group: Group, others: np.ndarray, trials: Trials) -> np.ndarray:
    """Return rank accuracy by others' BOLD: (n_stories, n_subjects, n_sets)."""
    found = ranks.MeanOverBlocks(len(group.stories))
    n_columns = group.targets.shape[1]
    for fold in trials.blocks:
        for block in fold:
            if not block.usable:
                continue
            sums = PatternSums(block, trials.sets, group.shape[0])
            rows = block.rows.ravel()
            at_once = max(1, _NUMBERS // len(rows))
            for begin in range(0, n_columns, at_once):
                columns = np.arange(begin, min(begin + at_once, n_columns))
                mine = np.ix_(rows, columns)
                sums.add(columns, others[mine], group.targets[mine])
            found.add(block.story, ranks.rank_only(sums.correlations(), block.far))
    return found.mean()[0]
