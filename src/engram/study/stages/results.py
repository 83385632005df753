"""What a finished study has.

That is the files that the rule `all` asks for, and the description of their folder.
"""

from __future__ import annotations

from typing import Any

from engram import __version__
from engram.study.config.study import Study
from engram.study.plan import Plan
from engram.study.stages import figures, maps, report
from engram.study.stages.shared import table_paths


def files(study: Study, plan: Plan) -> list[str]:
    """Return the tables, figures and maps of the study, and its report."""
    drawn = [
        f"<results>/figures/{figure}.{kind}"
        for figure in figures.names(study, plan)
        for kind in ("svg", "png")
    ]
    rows = table_paths("association_rows") if study.associations else []
    shown = [*report.tables(study, plan), *rows, *drawn, *maps.files(study, plan)]
    return ["<results>/dataset_description.json", *shown, "<results>/report.html"]


def description_depends_on(study: Study, plan: Plan) -> dict[str, Any]:
    """Return what the description of the results depends on."""
    return {
        "sources": plan.dataset.sources(),
        "study": study.study,
        "version": __version__,
    }
