"""BOLD: one file for each story, with all its listeners, and a list of its scans."""

from __future__ import annotations

from typing import Any

from engram.study import raw_plan
from engram.study.config.study import Study
from engram.study.plan import Plan
from engram.study.stages import stories
from engram.study.stages.shared import Key, paths, plain, section

BOLD = "<results>/bold/story-{story}_bold.nc"
SCANS = "<results>/bold/story-{story}_scans.tsv"


def jobs(study: Study, plan: Plan) -> list[Key]:
    """Return a job for each story."""
    return stories.jobs(study, plan)


def files(study: Study, plan: Plan) -> list[str]:
    """Return the BOLD of every story."""
    return paths(BOLD, jobs(study, plan))


def scans(study: Study, plan: Plan) -> list[str]:
    """Return the list of scans of every story."""
    return paths(SCANS, jobs(study, plan))


def depends_on(study: Study, plan: Plan, story: str) -> dict[str, Any]:
    """Return what a story's BOLD depends on."""
    return {
        "bold": section(study, "bold"),
        "dataset": plain({"reader": plan.dataset.reader, **plan.dataset.scans_config(story)}),
        "excluded": [
            [one.subject, one.scan, one.reason]
            for one in plan.dataset.excluded
            if one.story == story
        ],
        "folder": study.dataset.folder,
        "study": study.study,
        "subjects": plan.listeners(story),
    }


def reads(study: Study, plan: Plan, story: str) -> dict[str, list[str]]:
    """Return the raw files of a story's scans, and of an atlas that the user names."""
    return raw_plan.scans(plan, story)
