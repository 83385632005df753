"""What a study consists of, known before its first job: stories, listeners and groups.

The kind of dataset says what there is (`engram.datasets.planned`). Only file names and small
tables are looked at: the workflow is planned in a blink, and without the data of a download.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engram.datasets import kinds
from engram.datasets.planned import Context, PlannedDataset, Scan
from engram.errors import EngramError
from engram.study.association_plan import check_associations, check_frequencies, check_languages
from engram.study.config.study import Study
from engram.study.groups import Group
from engram.study.metric_plan import check_pairs, check_segments
from engram.study.row_plan import check_rows
from engram.study.story_folds import scored_groups
from engram.study.tuning_plan import check_tunings
from engram.vocabulary import AVERAGE

#: Longest name of a group before it is abbreviated with a hash (file names have limits).
_LONGEST_NAME = 60


@dataclass(frozen=True)
class Plan:
    """A study's dataset, and its listeners in groups.

    Attributes
    ----------
    dataset : PlannedDataset
        Stories, scans, files, and what else its kind says before the data are there.
    groups : dict of Group
        By the name under which their scores are kept.
    """

    dataset: PlannedDataset
    groups: dict[str, Group]

    @property
    def stories(self) -> list[str]:
        """Stories, sorted."""
        return self.dataset.stories

    def listeners(self, story: str) -> list[str]:
        """Return the listeners of a story, sorted."""
        return self.dataset.listeners(story)


def make_plan(study: Study, look: bool = False) -> Plan:
    """Return the plan of a study.

    Parameters
    ----------
    study : Study
    look : bool
        Whether to look into files of the dataset too, as is done once before a run.

    Raises
    ------
    EngramError
        If a story or listener that the configuration names is not there, or nothing is left to do.
    """
    check_tunings(study)
    context = Context(
        seed=study.seed,
        tail=study.bold.tail,
        high_pass=study.bold.high_pass,
        downloads=Path(study.pathvars.get("downloads", "resources/downloads")),
        mirror=study.mirror_folder(),
    )
    dataset = kinds.planned(study.dataset, context)
    if look:
        dataset.check()
    return plan_of(study, dataset)


def plan_of(study: Study, dataset: PlannedDataset) -> Plan:
    """Return the plan of a study whose dataset is planned already.

    Raises
    ------
    EngramError
        If the dataset lacks what the study asks of it.
    """
    check_associations(study, dataset.stories)
    check_languages(study, {story: dataset.language(story) for story in dataset.stories})
    check_frequencies(study, dataset.story_files)
    _check_others(study, dataset)
    check_segments(study, dataset)
    check_pairs(study, dataset)
    for name, space in study.features.items():
        space.check_stories(f"features.{name}", dataset.stories)
        _check_step(study, dataset, name)
    groups = _groups(dataset.scans, study.bold.average)
    check_rows(study, dataset)
    return Plan(dataset, scored_groups(study, groups, dataset.stories))


def _check_others(study: Study, dataset: PlannedDataset) -> None:
    """Refuse to learn from others where a story has one listener."""
    alone = [story for story in dataset.stories if len(dataset.listeners(story)) < 2]
    if study.encoding.learn_from != "listener" and alone:
        raise EngramError(
            f"encoding.learn_from: {study.encoding.learn_from} needs two listeners of each story, "
            f"and {', '.join(alone)} {'has' if len(alone) == 1 else 'have'} one. Write "
            "encoding: {learn_from: listener}, or leave these stories out (dataset.stories)."
        )


def _check_step(study: Study, dataset: PlannedDataset, name: str) -> None:
    """Refuse samples further apart than TRs, some of which would have none."""
    space = study.features[name]
    step = getattr(space, "step", None) if space.has_times else None
    if step is not None and step > dataset.tr and study.encoding.words_to_trs != "lanczos":
        raise EngramError(
            f"features.{name}.step: samples are {step:g} s apart, and a TR is {dataset.tr:g} s: "
            f"some TRs would have none. Write a step of {dataset.tr:g} or less, or encoding: "
            "{words_to_trs: lanczos}."
        )


def group_name(stories: tuple[str, ...]) -> str:
    """Return a group's name: its stories, abbreviated with a hash when long.

    So adding a story renames nothing else.
    """
    name = "+".join(stories)
    if len(name) <= _LONGEST_NAME:
        return name
    return f"{stories[0]}+{len(stories) - 1}more-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _groups(scans: Sequence[Scan], average: bool) -> dict[str, Group]:
    heard: dict[str, list[str]] = defaultdict(list)
    listeners: dict[str, set[str]] = defaultdict(set)
    for scan in scans:
        heard[scan.subject].append(scan.story)
        listeners[scan.story].add(scan.subject)
    if average:
        # The average listener heard every story that at least two people heard.
        shared = sorted(story for story, people in listeners.items() if len(people) > 1)
        if shared:
            heard[AVERAGE] = shared
    members: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for subject, stories in heard.items():
        members[tuple(sorted(stories))].append(subject)
    return {
        group_name(stories): Group(tuple(sorted(subjects)), stories)
        for stories, subjects in sorted(members.items())
    }
