"""Tables of scores and ceilings by region: one job for the study."""

from __future__ import annotations

from typing import Any

from engram.files.fingerprints import file_fingerprint
from engram.paths import ROI_SETS
from engram.study.config.study import Study
from engram.study.plan import Plan
from engram.study.stages import ceilings, encoding
from engram.study.stages.shared import Key


def jobs(study: Study, plan: Plan) -> list[Key]:
    """Return the one job."""
    return [{}]


def depends_on(study: Study, plan: Plan) -> dict[str, Any]:
    """Return what the tables depend on."""
    return {
        "floor": study.ceiling.floor,
        "keys": {"ceilings": ceilings.jobs(study, plan), "scores": encoding.jobs(study, plan)},
        "roi_sets": file_fingerprint(ROI_SETS),
        "stories": {group: list(members.stories) for group, members in sorted(plan.groups.items())},
        "study": study.study,
    }
