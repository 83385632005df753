"""Simulated listeners, in place of a download.

A check tells whether what was planted in them was found.
"""

from __future__ import annotations

from typing import Any

from engram.study.config.study import Study
from engram.study.plan import Plan
from engram.study.stages import features
from engram.study.stages.shared import Key, table_paths


def is_wanted(study: Study) -> bool:
    """Tell whether the study's listeners are simulated."""
    return study.dataset.is_simulated


def jobs(study: Study, plan: Plan) -> list[Key]:
    """Return the one job that makes all listeners, where they are simulated."""
    return [{}] if is_wanted(study) else []


def association_tables(study: Study, plan: Plan) -> list[str]:
    """Return the tables of F that are held against the truth, where the study has associations."""
    return table_paths("association", "association_controls") if study.associations else []


def tuning_tables(study: Study, plan: Plan) -> list[str]:
    """Return the tables of tunings that are held against the truth, where the study has some."""
    return table_paths("tuning", "tuning_curves") if study.tunings else []


def truth_depends_on(study: Study, plan: Plan) -> dict[str, Any]:
    """Return what the comparison with the truth depends on."""
    return {"layer": study.reported_layer, "models": features.shown_models(study)}


def shown_tables(study: Study, plan: Plan) -> list[str]:
    """Return the comparison with the truth, where there is one, for the report."""
    return table_paths("truth") if is_wanted(study) else []
