"""Maps on the cortex, for datasets on a surface: one file for each hemisphere."""

from __future__ import annotations

from typing import Any

from engram.study.config.study import Study
from engram.study.models import scored_models
from engram.study.plan import Plan
from engram.study.stages import associations, ceilings, encoding, features
from engram.study.stages.shared import Key, paths
from engram.vocabulary import ORIGINAL

SCORES = "<results>/maps/model-{model}_text-{text}_hemi-{hemisphere}_scores.shape.gii"
ASSOCIATION = "<results>/maps/model-{model}_text-{text}_hemi-{hemisphere}_association.shape.gii"
CEILINGS = "<results>/maps/hemi-{hemisphere}_ceilings.shape.gii"
HEMISPHERES = ("L", "R")


def of_hemisphere(template: str, hemisphere: str) -> str:
    """Return the path of one hemisphere's maps, its other wildcards left as they are."""
    return template.replace("{hemisphere}", hemisphere)


def both(template: str, keys: list[Key]) -> list[str]:
    """Return the left and the right map of each key."""
    return paths(
        template, ({**key, "hemisphere": hemisphere} for key in keys for hemisphere in HEMISPHERES)
    )


def files(study: Study, plan: Plan) -> list[str]:
    """Return the maps that every study on a surface makes: ceilings, and scores of all models."""
    if plan.dataset.brain != "surface":
        return []
    found = []
    for hemisphere in HEMISPHERES:
        keys = [
            {"model": model, "text": ORIGINAL, "hemisphere": hemisphere}
            for model in scored_models(study)
        ]
        found += [of_hemisphere(CEILINGS, hemisphere), *paths(SCORES, keys)]
    return found


def of_scores(study: Study, plan: Plan) -> list[str]:
    """Return the maps of R of each model that is shown."""
    keys: list[Key] = [{"model": model, "text": ORIGINAL} for model in features.shown_models(study)]
    return both(SCORES, keys) if plan.dataset.brain == "surface" else []


def of_association(study: Study, plan: Plan) -> list[str]:
    """Return the maps of F of each text and model, where there are some."""
    return both(
        ASSOCIATION,
        [{"model": model, "text": text} for text, model in associations.mapped(study, plan)],
    )


def of_ceilings(study: Study, plan: Plan) -> list[str]:
    """Return the maps of the ceilings."""
    return both(CEILINGS, [{}]) if plan.dataset.brain == "surface" else []


def depends_on(study: Study, plan: Plan) -> dict[str, Any]:
    """Return what maps of scores depend on."""
    return {
        "keys": {"scores": encoding.group_keys(plan)},
        "space": plan.dataset.surface,
        "study": study.study,
    }


def ceilings_depend_on(study: Study, plan: Plan) -> dict[str, Any]:
    """Return what maps of ceilings depend on."""
    return {
        "keys": {"ceilings": ceilings.jobs(study, plan)},
        "space": plan.dataset.surface,
        "study": study.study,
    }
