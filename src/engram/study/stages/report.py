"""The report: which tables, figures and maps its page shows."""

from __future__ import annotations

from typing import Any

from engram.files.fingerprints import folder_fingerprint
from engram.paths import TEMPLATES
from engram.study.association_plan import control_counts, models_reading_associations
from engram.study.config import protocols
from engram.study.config.study import Study
from engram.study.models import scored_models
from engram.study.plan import Plan
from engram.study.stages import (
    associations,
    comparisons,
    deals,
    features,
    figures,
    folds,
    heads,
    identified_effects,
    metrics,
    norms,
    nuisance,
    pairs,
    partitions,
    series,
    simulation,
    spaces,
    time_resolved,
    tunings,
)
from engram.study.stages import tables as tables_of_scores
from engram.study.stages.shared import plain
from engram.words import language

#: Stages with tables; each says which of them its study has.
_STAGES = (
    tables_of_scores,
    spaces,
    folds,
    comparisons,
    time_resolved,
    deals,
    heads,
    series,
    pairs,
    metrics,
    nuisance,
    partitions,
    associations,
    identified_effects,
    norms,
    tunings,
    simulation,
)


def tables(study: Study, plan: Plan) -> list[str]:
    """Return the tables of the report, which shows whatever a stage names."""
    return [path for stage in _STAGES for path in stage.shown_tables(study, plan)]


def svgs(study: Study, plan: Plan) -> list[str]:
    """Return the figures of the report."""
    return [f"<results>/figures/{figure}.svg" for figure in figures.names(study, plan)]


def pngs(study: Study, plan: Plan) -> list[str]:
    """Return the same figures as images."""
    return [f"<results>/figures/{figure}.png" for figure in figures.names(study, plan)]


def depends_on(study: Study, plan: Plan) -> dict[str, Any]:
    """Return what the report depends on.

    It is the whole study as it was checked, and what the plan made of it.
    """
    checked = study.model_dump(mode="json", exclude={"mirror", "pathvars"})
    made = {
        "protocol_described": protocols.described(study.protocol, study.encoding),
        "protocol_substituted": protocols.substituted(study.protocol, study.encoding),
        "models_reading_associations": models_reading_associations(study),
        "control_counts": {name: control_counts(study, name) for name in study.associations},
        "association_maps": associations.mapped(study, plan),
        "brain": plan.dataset.brain,
        "data": study.dataset.description()
        + language.described({story: plan.dataset.language(story) for story in plan.stories}),
        "models": {
            name: one.model_dump(mode="json") for name, one in study.language_models().items()
        },
        "feature_spaces": spaces.described(study),
        "scored": scored_models(study),
        "shown": features.shown_models(study),
        "simulated": study.dataset.is_simulated,
        "story_names": plan.stories,
        "templates": folder_fingerprint(TEMPLATES),
    }
    settings: dict[str, Any] = plain({**checked, **made})
    return settings
