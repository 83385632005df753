"""Deals: spaces whose values are dealt to other words, which is the null of word norms."""

from __future__ import annotations

from typing import Any

from engram.files.fingerprints import file_fingerprint
from engram.paths import IRREGULAR_FORMS, PARTS_OF_SPEECH
from engram.study.config.study import Study
from engram.study.plan import Plan
from engram.study.stages import encoding, stories
from engram.study.stages.features import ACTIVATIONS
from engram.study.stages.shared import Key, paths, rules, table_paths
from engram.vocabulary import ORIGINAL

DEALS = "<results>/deals/model-{model}_deals.nc"
SCORES = "<results>/deals/group-{group}_model-{model}_null.nc"


def dealt_spaces(study: Study) -> list[str]:
    """Return the names of the spaces whose values are dealt."""
    return [name for name, space in study.features.items() if space.n_deals]


def deal_jobs(study: Study, plan: Plan) -> list[Key]:
    """Return a job for each space whose values are dealt, for all stories."""
    return [{"model": name} for name in dealt_spaces(study)]


def jobs(study: Study, plan: Plan) -> list[Key]:
    """Return a job for each of these spaces and each group of single listeners."""
    return encoding.listeners_keys(plan, dealt_spaces(study))


def files(study: Study, plan: Plan) -> list[str]:
    """Return the scores of dealt values, of every such space and group of single listeners."""
    return paths(SCORES, jobs(study, plan))


def spaces(study: Study, plan: Plan, model: str) -> list[str]:
    """Return a space over all stories."""
    return paths(ACTIVATIONS, _keys(plan, model))


def deal_depends_on(study: Study, plan: Plan, model: str) -> dict[str, Any]:
    """Return what the deals of a space depend on."""
    space = study.features[model]
    return {
        "bins": getattr(space, "bins", "story"),
        "keys": {"spaces": _keys(plan, model), "words": stories.jobs(study, plan)},
        "language": getattr(space, "language", "en"),
        "lists": [file_fingerprint(path) for path in (IRREGULAR_FORMS, PARTS_OF_SPEECH)],
        "number": space.n_deals,
        "seed": study.seed,
    }


def depends_on(study: Study, plan: Plan, group: str) -> dict[str, Any]:
    """Return what the scores of dealt values depend on."""
    return {
        **encoding.listeners_depend_on(study, plan, group),
        "targets": study.chance.targets,
    }


def table_depends_on(study: Study, plan: Plan) -> dict[str, Any]:
    """Return what the table of deals depends on."""
    return {
        "keys": {"nulls": jobs(study, plan)},
        "layer": study.reported_layer,
        "seed": study.seed,
        **rules(study),
        "study": study.study,
    }


def shown_tables(study: Study, plan: Plan) -> list[str]:
    """Return the table of deals, for the report."""
    return table_paths("feature_deals") if jobs(study, plan) else []


def _keys(plan: Plan, model: str) -> list[Key]:
    return [{"text": ORIGINAL, "model": model, "story": story} for story in plan.stories]
