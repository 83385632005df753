"""Nuisance control: what language models, and associations, predict beyond plain facts.

These are the number, length and places of words.
"""

from __future__ import annotations

from typing import Any

from engram.study.association_plan import controlled_models
from engram.study.config.study import Study
from engram.study.plan import Plan
from engram.study.stages import encoding
from engram.study.stages.shared import Key, paths, plain, rules, section, table_paths

SCORES = "<results>/nuisance/group-{group}_model-{model}_scores.nc"
TEXT_SCORES = "<results>/nuisance/group-{group}_model-{model}_text-{text}_scores.nc"


def is_wanted(study: Study) -> bool:
    """Tell whether language models are scored beside nuisance features."""
    return study.nuisance.method != "none" and bool(study.language_models())


def texts_are_wanted(study: Study) -> bool:
    """Tell whether associations are scored beside nuisance features."""
    return bool(study.associations and controlled_models(study))


def jobs(study: Study, plan: Plan) -> list[Key]:
    """Return a job for each language model and each group of single listeners.

    There are some where the control is asked for.
    """
    return _keys(study, plan) if is_wanted(study) else []


def text_jobs(study: Study, plan: Plan) -> list[Key]:
    """Return a job for each text with associations, model that reads it, and group of listeners.

    Models are language models, and groups are those of single listeners.
    """
    models, groups = controlled_models(study), encoding.groups_of_listeners(plan)
    return [
        {"text": text, "group": group, "model": model}
        for text in study.associations
        for model in models
        for group in groups
    ]


def files(study: Study, plan: Plan) -> list[str]:
    """Return the scores beside nuisance features.

    They are those of every language model and group of single listeners.
    """
    return paths(SCORES, _keys(study, plan))


def text_files(study: Study, plan: Plan) -> list[str]:
    """Return the same of texts with associations, by text, model and group of single listeners."""
    return paths(TEXT_SCORES, text_jobs(study, plan))


def depends_on(study: Study, plan: Plan, group: str) -> dict[str, Any]:
    """Return what scores beside nuisance features depend on."""
    nuisance = section(study, "nuisance")
    return {
        **encoding.listeners_depend_on(study, plan, group),
        "encoding": encoding.banded_settings(study),
        "features": nuisance["features"],
        "targets": nuisance["targets"],
    }


def texts_depend_on(study: Study, plan: Plan, group: str) -> dict[str, Any]:
    """Return what the same of texts with associations depend on."""
    nuisance = section(study, "nuisance")
    return {
        **encoding.listeners_depend_on(study, plan, group),
        "encoding": encoding.banded_settings(study),
        **{key: nuisance[key] for key in ("features", "random_texts", "targets")},
    }


def table_depends_on(study: Study, plan: Plan) -> dict[str, Any]:
    """Return what the table of language models' unique contributions depends on."""
    return _tabled(study, _keys(study, plan))


def text_table_depends_on(study: Study, plan: Plan) -> dict[str, Any]:
    """Return what the table of associations' unique contributions depends on."""
    primary = plain(study.primary.model_dump(mode="json")) if study.primary else None
    return {**_tabled(study, text_jobs(study, plan)), "primary": primary}


def _tabled(study: Study, keys: list[Key]) -> dict[str, Any]:
    return {
        "keys": {"scores": keys},
        "layer": study.reported_layer,
        "seed": study.seed,
        **rules(study),
        "study": study.study,
    }


def _keys(study: Study, plan: Plan) -> list[Key]:
    return encoding.listeners_keys(plan, study.language_models())


def shown_tables(study: Study, plan: Plan) -> list[str]:
    """Return the tables of unique contributions that are asked for, for the report."""
    of_models = table_paths("nuisance") if is_wanted(study) else []
    of_texts = table_paths("association_unique") if texts_are_wanted(study) else []
    return [*of_models, *of_texts]
