"""Decoding: identification of segments, one job for each group of listeners and model."""

from __future__ import annotations

from typing import Any

from engram.study.config.study import Study
from engram.study.plan import Plan
from engram.study.stages import encoding
from engram.study.stages.shared import Key, paths, section
from engram.vocabulary import AVERAGE

SCORES = "<results>/decoding/group-{group}_model-{model}_decoding.nc"
CEILING = "<results>/decoding/group-{group}_ceiling.nc"


def is_wanted(study: Study) -> bool:
    """Tell whether segments are identified."""
    return bool(study.decoding.directions)


def jobs(study: Study, plan: Plan) -> list[Key]:
    """Return a job for each group and each model, baselines included; none where it is off."""
    return encoding.jobs(study, plan) if is_wanted(study) else []


def ceiling_jobs(study: Study, plan: Plan) -> list[Key]:
    """Return a job for each group of single listeners; none where it is off."""
    groups = encoding.groups_of_listeners(plan) if is_wanted(study) else []
    return [{"group": group} for group in groups]


def files(study: Study, plan: Plan) -> list[str]:
    """Return the accuracies of every group and model."""
    return paths(SCORES, jobs(study, plan))


def ceilings(study: Study, plan: Plan) -> list[str]:
    """Return how well each group's listeners are identified by the others' mean."""
    return paths(CEILING, ceiling_jobs(study, plan))


def depends_on(study: Study, plan: Plan, group: str) -> dict[str, Any]:
    """Return what the identification of segments in a group depends on."""
    decoding = section(study, "decoding")
    return {
        **encoding.depends_on(study, plan, group),
        "decoding": {key: decoding[key] for key in ("directions", "seconds", "sets")},
        "layer": study.reported_layer,
        "layers": decoding["layers"],
        "number": decoding["shifts"],
        "seed": study.seed,
        "targets": decoding["targets"],
    }


def ceilings_depend_on(study: Study, plan: Plan, group: str) -> dict[str, Any]:
    """Return what identification by the others' mean depends on."""
    decoding = section(study, "decoding")
    return {
        **encoding.depends_on(study, plan, group),
        **{key: decoding[key] for key in ("seconds", "sets", "targets")},
        "subjects": [one for one in plan.groups[group].subjects if one != AVERAGE],
    }
