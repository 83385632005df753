"""Chance: the reported layer's scores on BOLD that was shifted in time."""

from __future__ import annotations

from typing import Any

from engram.study.config.study import Study
from engram.study.models import scored_models
from engram.study.plan import Plan
from engram.study.stages import encoding
from engram.study.stages.shared import Key, paths

NULL = "<results>/chance/group-{group}_model-{model}_null.nc"


def jobs(study: Study, plan: Plan) -> list[Key]:
    """Return a job for each model and each group of single listeners."""
    return encoding.listeners_keys(plan, scored_models(study))


def files(study: Study, plan: Plan) -> list[str]:
    """Return the scores on shifted BOLD, of every model and group of single listeners."""
    return paths(NULL, jobs(study, plan))


def depends_on(study: Study, plan: Plan, group: str) -> dict[str, Any]:
    """Return what the scores on shifted BOLD depend on."""
    return {
        **encoding.listeners_depend_on(study, plan, group),
        "number": study.chance.shifts,
        "seed": study.seed,
        "targets": study.chance.targets,
        "window": study.chance.window,
    }
