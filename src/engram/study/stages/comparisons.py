"""Comparisons: scores against chance and each other, and published claims.

Models and hemispheres are set against each other. There is one job for each comparison.
"""

from __future__ import annotations

from typing import Any

from engram.files.fingerprints import file_fingerprint
from engram.paths import ROI_SETS
from engram.study.config.study import Study
from engram.study.models import scored_models
from engram.study.plan import Plan
from engram.study.stages import associations, encoding, features, simulation, tunings
from engram.study.stages.shared import Key, rules, table_paths


def jobs(study: Study, plan: Plan) -> list[Key]:
    """Return the one job of tests, and that of claims."""
    return [{}]


def depends_on(study: Study, plan: Plan) -> dict[str, Any]:
    """Return what the tests against chance and between models and hemispheres depend on."""
    scored = encoding.listeners_keys(plan, scored_models(study))
    return {
        "keys": {"nulls": scored, "scores": scored},
        "layer": study.reported_layer,
        "seed": study.seed,
        **rules(study),
        "study": study.study,
    }


def claims_depend_on(study: Study, plan: Plan) -> dict[str, Any]:
    """Return what the verdict on published claims depends on."""
    return {
        "alignment": study.association_effect.alignment,
        "keys": {
            "activations": features.first_story_keys(study, plan),
            "associations": associations.story_jobs(study, plan),
            "effects": associations.scoring_jobs(study, plan),
            "scores": encoding.listeners_keys(plan, scored_models(study)),
            "tuned": tunings.scoring_jobs(study, plan),
        },
        "layer": study.reported_layer,
        "people": not simulation.is_wanted(study),
        "roi_sets": file_fingerprint(ROI_SETS),
        "seed": study.seed,
        "sources": features.trained_sources(study),
        **rules(study),
        "study": study.study,
    }


def shown_tables(study: Study, plan: Plan) -> list[str]:
    """Return the tables of tests and claims, for the report."""
    return table_paths("claims", "chance", "comparisons")
