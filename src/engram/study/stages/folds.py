"""Folds by story as a table: one job, where whole stories are left out."""

from __future__ import annotations

from typing import Any

from engram.study.config.study import Study
from engram.study.plan import Plan
from engram.study.stages.shared import Key, rules, table_paths


def is_wanted(study: Study) -> bool:
    """Tell whether whole stories are left out."""
    return not isinstance(study.encoding.folds, int)


def jobs(study: Study, plan: Plan) -> list[Key]:
    """Return the one job, where there is something to say."""
    return [{}] if is_wanted(study) else []


def depends_on(study: Study, plan: Plan) -> dict[str, Any]:
    """Return what the table depends on."""
    folds = study.encoding.folds
    heard: dict[str, list[str]] = {}
    for story in plan.stories:
        for subject in plan.listeners(story):
            heard.setdefault(subject, []).append(story)
    return {
        "heard": {subject: heard[subject] for subject in sorted(heard)},
        **rules(study),
        "stories": plan.stories,
        "study": study.study,
        "test": None if isinstance(folds, int) else folds.test,
    }


def shown_tables(study: Study, plan: Plan) -> list[str]:
    """Return the table, where there is one."""
    return table_paths("folds") if is_wanted(study) else []
