"""What all stages share: keys of jobs, the files that they name, and settings as jobs get them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engram.study.config import protocols
from engram.study.config.study import Study
from engram.study.plan import Plan

#: What a job, and so its result, is of: its wildcards, such as story and model.
Key = dict[str, str]


def paths(template: str, keys: Iterable[Key]) -> list[str]:
    """Return the path of each key's file.

    Parameters
    ----------
    template : str
        A path with wildcards, as rules have it: ``<results>/bold/story-{story}_bold.nc``.
    keys : iterable of Key
    """
    return [template.format(**key) for key in keys]


def group_paths(plan: Plan, template: str, wildcards: Mapping[str, str]) -> list[str]:
    """Return one file for each story of a group.

    Parameters
    ----------
    plan : Plan
    template : str
        A path with the wildcard ``story``, and others of the job.
    wildcards : mapping
        The job's; ``group`` among them.
    """
    return paths(
        template,
        ({**wildcards, "story": story} for story in plan.groups[wildcards["group"]].stories),
    )


def table_paths(*names: str) -> list[str]:
    """Return the paths of tables of the study."""
    return paths("<results>/tables/{name}.tsv", ({"name": name} for name in names))


def section(study: Study, name: str) -> dict[str, Any]:
    """Return a section of the configuration as plain values with sorted keys."""
    settings: dict[str, Any] = plain(getattr(study, name).model_dump(mode="json"))
    return settings


def rules(study: Study) -> dict[str, Any]:
    """Return what a table says of how BOLD was predicted, and whether listeners are independent."""
    return {
        "learn_from": study.encoding.learn_from,
        "protocol": protocols.described(study.protocol, study.encoding),
    }


def plain(value: Any) -> Any:
    """Return the value with sorted keys: Snakemake compares parameters by their text."""
    return {key: plain(value[key]) for key in sorted(value)} if isinstance(value, dict) else value
