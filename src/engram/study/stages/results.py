"""What a finished study has.

That is the files that the rule `all` asks for, and the description of their folder.
"""

from __future__ import annotations

from typing import Any

from engram import __version__
from engram.study import plan as planning
from engram.study.config.study import Study
from engram.study.plan import Plan
from engram.study.stages import figures, maps, nuisance, simulation


def files(study: Study, plan: Plan) -> list[str]:
    """Return the tables, figures and maps of the study, and its report."""
    drawn = [
        f"<results>/figures/{figure}.{kind}"
        for figure in figures.names(study, plan)
        for kind in ("svg", "png")
    ]
    truth = ["<results>/tables/truth.tsv"] if simulation.is_wanted(study) else []
    shown = [*_tables(study), *drawn, *maps.files(study, plan), *truth]
    return ["<results>/dataset_description.json", *shown, "<results>/report.html"]


def _tables(study: Study) -> list[str]:
    of_scores = (
        "scores",
        "roi_sets",
        "best_layer",
        "ceilings",
        "regions",
        "chance",
        "comparisons",
        "claims",
    )
    of_associations = (
        "association",
        "association_controls",
        "association_texts",
        "association_rows",
    )
    names = [
        *of_scores,
        *(of_associations if study.associations else ()),
        *(["tuning"] if study.tunings else []),
        *(["nuisance"] if nuisance.is_wanted(study) else []),
        *(["association_unique"] if nuisance.texts_are_wanted(study) else []),
    ]
    return ["<results>/scans.tsv", *(f"<results>/tables/{name}.tsv" for name in names)]


def description_depends_on(study: Study, plan: Plan) -> dict[str, Any]:
    """Return what the description of the results depends on."""
    return {
        "sources": planning.source_datasets(study),
        "study": study.study,
        "version": __version__,
    }
