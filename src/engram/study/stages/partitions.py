"""Variance partitions: what groups of feature spaces explain alone, and what they share."""

from __future__ import annotations

from typing import Any

from engram.study.config.study import Study
from engram.study.plan import Plan
from engram.study.stages import encoding
from engram.study.stages.features import ORIGINAL_ACTIVATIONS
from engram.study.stages.shared import Key, paths, rules, section, table_paths
from engram.vocabulary import ORIGINAL

SCORES = "<results>/partitions/group-{group}_partition-{partition}_scores.nc"


def pattern(study: Study) -> str:
    """Return the pattern of the names of partitions; nothing matches it without any."""
    return "|".join(name.replace(".", "[.]") for name in study.partitions) or "(?!)"


def jobs(study: Study, plan: Plan) -> list[Key]:
    """Return a job for each partition and each group of single listeners."""
    return [
        {"group": group, "partition": partition}
        for partition in study.partitions
        for group in encoding.groups_of_listeners(plan)
    ]


def files(study: Study, plan: Plan) -> list[str]:
    """Return the scores of every partition and group of single listeners."""
    return paths(SCORES, jobs(study, plan))


def activations(study: Study, plan: Plan, group: str, partition: str) -> list[str]:
    """Return what all spaces of a partition lay over the stories of a group."""
    return paths(ORIGINAL_ACTIVATIONS, _activation_keys(study, plan, group, partition))


def depends_on(study: Study, plan: Plan, group: str, partition: str) -> dict[str, Any]:
    """Return what the scores of a partition depend on."""
    one = study.partitions[partition]
    return {
        **encoding.listeners_depend_on(study, plan, group),
        "encoding": encoding.banded_settings(study),
        "groups": list(map(list, one.groups.items())),  # the order of groups is that of tables
        "keys": {"activations": _activation_keys(study, plan, group, partition)},
        "targets": one.targets,
    }


def table_depends_on(study: Study, plan: Plan) -> dict[str, Any]:
    """Return what the table of partitions depends on."""
    return {
        "keys": {"scores": jobs(study, plan)},
        "layer": study.reported_layer,
        "seed": study.seed,
        **rules(study),
        "study": study.study,
    }


def shown_tables(study: Study, plan: Plan) -> list[str]:
    """Return the table of partitions, for the report."""
    return table_paths("partitions") if study.partitions else []


def figure_names(study: Study) -> list[str]:
    """Return the figure of partitions, where there are some."""
    return ["partitions"] if study.partitions else []


def figure_depends_on(study: Study, plan: Plan) -> dict[str, Any]:
    """Return what the figure of partitions depends on."""
    return section(study, "figures")


def _activation_keys(study: Study, plan: Plan, group: str, partition: str) -> list[Key]:
    return [
        {"text": ORIGINAL, "model": space, "story": story}
        for space in study.partitions[partition].spaces
        for story in plan.groups[group].stories
    ]
