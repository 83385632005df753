"""Similarity of models with brains: one job for each group of listeners and model.

Ceilings of RSA have one for each story.
"""

from __future__ import annotations

from typing import Any

from engram.study.config.study import Study
from engram.study.plan import Plan
from engram.study.stages import ceilings as story_ceilings
from engram.study.stages import encoding, stories
from engram.study.stages.shared import Key, paths, section

SCORES = "<results>/similarity/group-{group}_model-{model}_similarity.nc"
CEILING = "<results>/similarity/story-{story}_ceiling.nc"


def is_wanted(study: Study) -> bool:
    """Tell whether models are compared with brains by similarity."""
    return bool(study.similarity.metrics)


def jobs(study: Study, plan: Plan) -> list[Key]:
    """Return a job for each group and each model, baselines included; none where it is off."""
    return encoding.jobs(study, plan) if is_wanted(study) else []


def ceiling_jobs(study: Study, plan: Plan) -> list[Key]:
    """Return a job for each story; none where RSA is off."""
    return stories.jobs(study, plan) if "rsa" in study.similarity.metrics else []


def files(study: Study, plan: Plan) -> list[str]:
    """Return the similarities of every group and model."""
    return paths(SCORES, jobs(study, plan))


def ceilings(study: Study, plan: Plan) -> list[str]:
    """Return the noise ceilings of every story."""
    return paths(CEILING, ceiling_jobs(study, plan))


def depends_on(study: Study, plan: Plan, group: str) -> dict[str, Any]:
    """Return what the similarities of a group depend on."""
    similarity = section(study, "similarity")
    return {
        **encoding.depends_on(study, plan, group),
        "layer": study.reported_layer,
        "layers": similarity["layers"],
        "number": similarity["shifts"],
        "seed": study.seed,
        "similarity": {key: similarity[key] for key in ("metrics", "seconds", "sets")},
        "targets": similarity["targets"],
    }


def ceilings_depend_on(study: Study, plan: Plan) -> dict[str, Any]:
    """Return what a story's noise ceilings of RSA depend on."""
    similarity = section(study, "similarity")
    rows = story_ceilings.depends_on(study, plan)["rows"]
    return {
        **{key: similarity[key] for key in ("seconds", "sets", "targets")},
        "rows": {key: rows[key] for key in ("delays", "longest_delay", "words_to_trs")},
        "study": study.study,
    }
