"""The report: which tables, figures and maps its page shows."""

from __future__ import annotations

from typing import Any

from engram.files.fingerprints import folder_fingerprint
from engram.paths import TEMPLATES
from engram.study.association_plan import associating_models
from engram.study.config.study import Study
from engram.study.models import scored_models
from engram.study.plan import Plan
from engram.study.stages import associations, features, figures, nuisance, simulation
from engram.study.stages.shared import plain


def tables(study: Study, plan: Plan) -> list[str]:
    """Return the tables of the report, which shows whatever stands here."""
    of_associations = ["association", "association_controls", "association_texts"]
    of_tunings = ["tuning", "tuning_roi_sets", "tuning_models", "tuning_samples"]
    names = [
        *(
            "scores",
            "best_layer",
            "roi_sets",
            "ceilings",
            "regions",
            "claims",
            "chance",
            "comparisons",
        ),
        *(["nuisance"] if nuisance.is_wanted(study) else []),
        *(["association_unique"] if nuisance.texts_are_wanted(study) else []),
        *(of_associations if study.associations else []),
        *(of_tunings if study.tunings else []),
        *(["truth"] if simulation.is_wanted(study) else []),
    ]
    return ["<results>/scans.tsv", *(f"<results>/tables/{name}.tsv" for name in names)]


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
        "associating_models": associating_models(study),
        "association_maps": associations.mapped(study, plan),
        "brain": plan.brain,
        "left_out_models": study.left_out_models(),
        "models": {
            name: one.model_dump(mode="json") for name, one in study.language_models().items()
        },
        "scored": scored_models(study),
        "shown": features.shown_models(study),
        "templates": folder_fingerprint(TEMPLATES),
        "told": plan.stories,
    }
    settings: dict[str, Any] = plain({**checked, **made})
    return settings
