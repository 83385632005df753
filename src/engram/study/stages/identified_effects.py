"""What associations and tunings change in identification: a job for each group, model and text.

They are made where the configuration asks for them (`decoding: {effects: true}`).
"""

from __future__ import annotations

from typing import Any

from engram.study.config.study import Study
from engram.study.plan import Plan
from engram.study.stages import associations, encoding, tunings
from engram.study.stages.shared import Key, paths, plain, rules, section, table_paths

TEXT_SCORES = "<results>/decoding/group-{group}_model-{model}_text-{text}_effects.nc"
TUNING_SCORES = "<results>/decoding/group-{group}_model-{model}_tuning-{tuning}_effects.nc"
#: Kinds of effects, by the names of their tables, with their jobs and files.
_KINDS = {
    "association": (associations.scoring_jobs, TEXT_SCORES),
    "tuning": (tunings.scoring_jobs, TUNING_SCORES),
}


def is_wanted(study: Study) -> bool:
    """Tell whether variants are identified: it takes the encoding direction."""
    return study.decoding.effects and "encoding" in study.decoding.directions


def kinds(study: Study) -> list[str]:
    """Return the kinds of effects that the study has."""
    there = {"association": study.associations, "tuning": study.tunings}
    return [kind for kind, some in there.items() if some] if is_wanted(study) else []


def text_jobs(study: Study, plan: Plan) -> list[Key]:
    """Return a job for each text, each model that reads it and each group; none where it is off."""
    return associations.scoring_jobs(study, plan) if is_wanted(study) else []


def tuning_jobs(study: Study, plan: Plan) -> list[Key]:
    """Return a job for each tuning, each model that it tunes and each group."""
    return tunings.scoring_jobs(study, plan) if is_wanted(study) else []


def files(study: Study, plan: Plan, effect: str) -> list[str]:
    """Return the rank accuracies of all variants, of a kind of effect."""
    jobs, template = _KINDS[effect]
    return paths(template, jobs(study, plan))


def scores_depend_on(study: Study, plan: Plan, group: str) -> dict[str, Any]:
    """Return what a group's identification by variants depends on."""
    decoding = section(study, "decoding")
    return {
        **encoding.depends_on(study, plan, group),
        **{key: decoding[key] for key in ("seconds", "sets", "targets")},
        "layer": study.reported_layer,
    }


def table_depends_on(study: Study, plan: Plan, effect: str) -> dict[str, Any]:
    """Return what a table of effects in identification depends on."""
    jobs, _ = _KINDS[effect]
    primary = study.primary
    own: dict[str, dict[str, Any]] = {
        "association": {"primary": plain(primary.model_dump(mode="json")) if primary else None},
        "tuning": {"methods": {tuning: one.method for tuning, one in study.tunings.items()}},
    }
    return {
        "keys": {"scores": jobs(study, plan)},
        "layer": study.reported_layer,
        **own[effect],
        "seed": study.seed,
        **rules(study),
        "study": study.study,
    }


def figure_depends_on(study: Study, plan: Plan) -> dict[str, Any]:
    """Return what a figure of effects in identification depends on."""
    return {**section(study, "figures"), "texts": [*study.associations, *study.tunings]}


def figure_names(study: Study) -> list[str]:
    """Return the figures of effects in identification that the study has."""
    return [f"{kind}-decoding" for kind in kinds(study)]


def shown_tables(study: Study, plan: Plan) -> list[str]:
    """Return the tables of effects in identification, for the report."""
    return table_paths(*(f"{kind}_decoding" for kind in kinds(study)))
