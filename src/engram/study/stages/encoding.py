"""Encoding: one job for each group of listeners and model.

All layers, folds and listeners are inside.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engram.study.config.study import Study
from engram.study.models import scored_models
from engram.study.plan import Plan
from engram.study.stages.shared import Key, paths, plain, section
from engram.vocabulary import AVERAGE, ORIGINAL

SCORES = "<results>/scores/group-{group}_model-{model}_text-{text}_scores.nc"

#: Settings that banded ridge regression does not follow: bands are fitted in one way alone.
OF_R_ALONE = ("components", "learn_from", "penalty", "scaling", "trend")


def jobs(study: Study, plan: Plan) -> list[Key]:
    """Return a job for each group and each model, baselines included."""
    return [
        {"text": ORIGINAL, "group": group, "model": model}
        for group in plan.groups
        for model in scored_models(study)
    ]


def files(study: Study, plan: Plan) -> list[str]:
    """Return the scores of every group and model."""
    return paths(SCORES, jobs(study, plan))


def of_model(study: Study, plan: Plan, model: str, text: str) -> list[str]:
    """Return the scores of every group for one model and text."""
    return paths(SCORES, ({**key, "text": text, "model": model} for key in group_keys(plan)))


def depends_on(study: Study, plan: Plan, group: str) -> dict[str, Any]:
    """Return what a group's scores depend on."""
    return {
        "encoding": settings(study),
        "stories": list(plan.groups[group].stories),
        "study": study.study,
        "subjects": list(plan.groups[group].subjects),
    }


def settings(study: Study) -> dict[str, Any]:
    """Return how BOLD is predicted, and by which backend."""
    chosen: dict[str, Any] = plain({**section(study, "encoding"), "backend": study.compute.backend})
    return chosen


def banded_settings(study: Study) -> dict[str, Any]:
    """Return the same for banded ridge regression, less what it does in its own way."""
    return {key: value for key, value in settings(study).items() if key not in OF_R_ALONE}


def group_keys(plan: Plan) -> list[Key]:
    """Return every group."""
    return [{"group": group} for group in plan.groups]


def groups_of_listeners(plan: Plan) -> list[str]:
    """Return the groups that have a single listener among them: statistics are over these."""
    return [name for name, group in plan.groups.items() if set(group.subjects) - {AVERAGE}]


def listeners_keys(plan: Plan, models: Iterable[str]) -> list[Key]:
    """Return each of some models with each group of single listeners.

    They are those of the stories as they were heard.
    """
    groups = groups_of_listeners(plan)
    return [
        {"text": ORIGINAL, "group": group, "model": model} for model in models for group in groups
    ]


def of_listeners(study: Study, plan: Plan) -> list[str]:
    """Return the scores of every model and group of single listeners."""
    return paths(SCORES, listeners_keys(plan, scored_models(study)))


def listeners_depend_on(study: Study, plan: Plan, group: str) -> dict[str, Any]:
    """Return what scores of a group's single listeners depend on, at the reported layer."""
    return {
        "encoding": settings(study),
        "layer": study.reported_layer,
        "stories": list(plan.groups[group].stories),
        "study": study.study,
        "subjects": [subject for subject in plan.groups[group].subjects if subject != AVERAGE],
    }
