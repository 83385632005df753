"""Series of checkpoints: R by training step, beside consistency on minimal pairs."""

from __future__ import annotations

from typing import Any

from engram.study.config.study import Study
from engram.study.plan import Plan
from engram.study.stages import encoding, pairs
from engram.study.stages.encoding import SCORES
from engram.study.stages.shared import Key, paths, rules, section, table_paths
from engram.vocabulary import REINITIALISED_SUFFIX


def is_wanted(study: Study, plan: Plan) -> bool:
    """Tell whether there is a series, heard by a single listener."""
    return bool(study.series()) and bool(encoding.groups_of_listeners(plan))


def files(study: Study, plan: Plan) -> list[str]:
    """Return the scores of every checkpoint, of every group of single listeners."""
    return paths(SCORES, _keys(study, plan))


def depends_on(study: Study, plan: Plan) -> dict[str, Any]:
    """Return what the tables of checkpoints depend on."""
    return {
        "keys": {"scores": _keys(study, plan)},
        "layer": study.reported_layer,
        "seed": study.seed,
        "series": {
            name: [[study.models[one].step, one] for one in members]
            for name, members in study.series().items()
        },
        **rules(study),
        "study": study.study,
        "twins": _twins(study),
    }


def shown_tables(study: Study, plan: Plan) -> list[str]:
    """Return the tables of checkpoints, for the report."""
    return table_paths("checkpoints", "checkpoint_changes") if is_wanted(study, plan) else []


def figure_names(study: Study, plan: Plan) -> list[str]:
    """Return the figure of checkpoints, where there are any."""
    return ["checkpoints"] if is_wanted(study, plan) else []


def figure_pairs(study: Study, plan: Plan) -> list[str]:
    """Return the table of minimal pairs, where there is one."""
    return pairs.shown_tables(study, plan)


def figure_depends_on(study: Study, plan: Plan) -> dict[str, Any]:
    """Return what the figure of checkpoints depends on."""
    return section(study, "figures")


def _twins(study: Study) -> dict[str, str]:
    """Return the re-initialised twin of each series that has one."""
    found = {name: members[0] + REINITIALISED_SUFFIX for name, members in study.series().items()}
    return {name: twin for name, twin in found.items() if twin in study.language_models()}


def _keys(study: Study, plan: Plan) -> list[Key]:
    members = [one for members in study.series().values() for one in members]
    return encoding.listeners_keys(plan, [*members, *_twins(study).values()])
