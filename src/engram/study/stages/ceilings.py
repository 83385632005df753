"""Ceilings: how well a story's listeners predict each other, one job for each story."""

from __future__ import annotations

from typing import Any

from engram.study.config.study import Study
from engram.study.plan import Plan
from engram.study.stages import stories
from engram.study.stages.shared import Key, paths, section

CEILING = "<results>/ceilings/story-{story}_ceiling.nc"


def jobs(study: Study, plan: Plan) -> list[Key]:
    """Return a job for each story."""
    return stories.jobs(study, plan)


def files(study: Study, plan: Plan) -> list[str]:
    """Return the ceilings of every story."""
    return paths(CEILING, jobs(study, plan))


def of_first_story(study: Study, plan: Plan) -> str:
    """Return the ceilings of a story: they say, as all do, which vertex belongs to which target."""
    return files(study, plan)[0]


def depends_on(study: Study, plan: Plan) -> dict[str, Any]:
    """Return what a story's ceilings depend on."""
    rows = section(study, "encoding")
    return {
        "halves": study.ceiling.halves,
        "rows": {
            **{key: rows[key] for key in ("delays", "longest_delay", "words_to_trs")},
            # A story that is left out is one block, whatever it is left out with.
            "folds": rows["folds"] if isinstance(rows["folds"], int) else rows["folds"]["by"],
        },
        "seed": study.seed,
        "study": study.study,
    }
