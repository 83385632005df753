"""Stories: one table of words for each, in one form whatever the dataset."""

from __future__ import annotations

from typing import Any

from engram.study import raw_plan
from engram.study.config.study import Study
from engram.study.plan import Plan
from engram.study.stages.shared import Key, paths, plain, section

WORDS = "<results>/stories/story-{story}_words.tsv"


def jobs(study: Study, plan: Plan) -> list[Key]:
    """Return a job for each story."""
    return [{"story": story} for story in plan.stories]


def files(study: Study, plan: Plan) -> list[str]:
    """Return the words of every story."""
    return paths(WORDS, jobs(study, plan))


def depends_on(study: Study, plan: Plan, story: str) -> dict[str, Any]:
    """Return what a story's table of words depends on."""
    return {
        "dataset": plain({"reader": plan.dataset.reader, **plan.dataset.words_config(story)}),
        "folder": study.dataset.folder,
        "language": plan.dataset.language(story),
        "stories": section(study, "stories"),
    }


def reads(study: Study, plan: Plan, story: str) -> dict[str, list[str]]:
    """Return the raw files of a story's words."""
    return raw_plan.words(plan, story)
