"""Tables of scores and ceilings by region: one job for the study."""

from __future__ import annotations

from typing import Any

from engram.files.fingerprints import file_fingerprint
from engram.paths import ROI_SETS
from engram.study import story_folds
from engram.study.config.study import Study
from engram.study.plan import Plan
from engram.study.stages import ceilings, encoding
from engram.study.stages.shared import Key, rules, table_paths


def jobs(study: Study, plan: Plan) -> list[Key]:
    """Return the one job."""
    return [{}]


def depends_on(study: Study, plan: Plan) -> dict[str, Any]:
    """Return what the tables depend on."""
    return {
        "floor": study.ceiling.floor,
        "keys": {"ceilings": ceilings.jobs(study, plan), "scores": encoding.jobs(study, plan)},
        "roi_sets": file_fingerprint(ROI_SETS),
        "stories": {
            group: story_folds.tested(study, members)
            for group, members in sorted(plan.groups.items())
        },
        **rules(study),
        "study": study.study,
    }


def shown_tables(study: Study, plan: Plan) -> list[str]:
    """Return the tables that the job writes, for the report."""
    of_scores = table_paths("scores", "best_layer", "roi_sets", "ceilings", "regions")
    return ["<results>/scans.tsv", *of_scores]
