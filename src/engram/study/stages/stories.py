"""Stories: one table of words for each, in one form whatever the dataset."""

from __future__ import annotations

from typing import Any

from engram.files.fingerprints import file_fingerprint
from engram.paths import ALICE_SENTENCE_ENDS
from engram.study import plan as planning
from engram.study import raw_plan
from engram.study.config.datasets import AliceDataset, NarrativesDataset, TableDataset
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
    ends = (
        file_fingerprint(ALICE_SENTENCE_ENDS) if isinstance(study.dataset, AliceDataset) else None
    )
    return {
        "dataset": plain(planning.words_config(study, plan, story)),
        "folder": raw_folder(study),
        "sentence_ends": ends,
        "stories": section(study, "stories"),
    }


def reads(study: Study, plan: Plan, story: str) -> dict[str, list[str]]:
    """Return the raw files of a story's words."""
    return raw_plan.words(plan, story)


def raw_folder(study: Study) -> str | None:
    """Return where the raw files are, if the user names it."""
    return (
        study.dataset.path if isinstance(study.dataset, TableDataset | NarrativesDataset) else None
    )
