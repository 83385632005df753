"""Attention heads: each head of a feature space of kind `heads`, scored by itself and as a part."""

from __future__ import annotations

from typing import Any

from engram.study.config.study import Study
from engram.study.plan import Plan
from engram.study.stages import chance, encoding
from engram.study.stages.shared import Key, paths, rules, section, table_paths

SCORES = "<results>/heads/group-{group}_model-{model}_heads.nc"


def head_spaces(study: Study) -> list[str]:
    """Return the names of the spaces whose units are of attention heads."""
    return [name for name, space in study.features.items() if space.has_heads]


def jobs(study: Study, plan: Plan) -> list[Key]:
    """Return a job for each of these spaces and each group of single listeners."""
    return encoding.listeners_keys(plan, head_spaces(study))


def files(study: Study, plan: Plan) -> list[str]:
    """Return the scores of heads, of every such space and group of single listeners."""
    return paths(SCORES, jobs(study, plan))


def depends_on(study: Study, plan: Plan, group: str) -> dict[str, Any]:
    """Return what the scores of heads depend on: what R against chance does."""
    return chance.depends_on(study, plan, group)


def table_depends_on(study: Study, plan: Plan) -> dict[str, Any]:
    """Return what the tables of heads depend on."""
    return {
        "keys": {"scores": jobs(study, plan)},
        "layer": study.reported_layer,
        "seed": study.seed,
        **rules(study),
        "study": study.study,
    }


def shown_tables(study: Study, plan: Plan) -> list[str]:
    """Return the tables of heads, for the report."""
    return table_paths("heads", "head_specialisation") if jobs(study, plan) else []


def figure_names(study: Study, plan: Plan) -> list[str]:
    """Return the figure of heads, where the study has any."""
    return ["heads"] if jobs(study, plan) else []


def figure_depends_on(study: Study, plan: Plan) -> dict[str, Any]:
    """Return what the figure of heads depends on."""
    return section(study, "figures")
