"""Simulated listeners, in place of a download.

A check tells whether what was planted in them was found.
"""

from __future__ import annotations

from typing import Any

from engram.datasets.simulated.schedule import ASSOCIATED
from engram.files.fingerprints import file_fingerprint, folder_fingerprint
from engram.paths import ASSOCIATIONS, GENERATOR, TEXTS, TUNED_GENERATOR
from engram.study.config.datasets import SimulatedDataset
from engram.study.config.study import Study
from engram.study.plan import Plan
from engram.study.stages import features
from engram.study.stages.shared import Key, section, table_paths
from engram.vocabulary import associations_file

MANIFEST = "<results>/simulated/manifest.tsv"


def is_wanted(study: Study) -> bool:
    """Tell whether the study's listeners are simulated."""
    return isinstance(study.dataset, SimulatedDataset)


def jobs(study: Study, plan: Plan) -> list[Key]:
    """Return the one job that makes all listeners, where they are simulated."""
    return [{}] if is_wanted(study) else []


def depends_on(study: Study, plan: Plan) -> dict[str, Any]:
    """Return what simulated listeners depend on.

    Among others these are the texts and the generator, by their content.
    """
    dataset = section(study, "dataset")
    associated = {
        story: ASSOCIATIONS / associations_file(story, ASSOCIATED) for story in plan.stories
    }
    return {
        "associations": {
            story: file_fingerprint(path) for story, path in associated.items() if path.exists()
        },
        "dataset": {key: dataset[key] for key in ("listeners", "space", "stories", "words")},
        "generator": folder_fingerprint(GENERATOR),
        "generator_tuned": folder_fingerprint(TUNED_GENERATOR),
        "seed": study.seed,
        "texts": {story: file_fingerprint(TEXTS / f"{story}.txt") for story in plan.stories},
    }


def association_tables(study: Study, plan: Plan) -> list[str]:
    """Return the tables of F that are held against the truth, where the study has associations."""
    return table_paths("association", "association_controls") if study.associations else []


def tuning_tables(study: Study, plan: Plan) -> list[str]:
    """Return the tables of tunings that are held against the truth, where the study has some."""
    return table_paths("tuning", "tuning_curves") if study.tunings else []


def truth_depends_on(study: Study, plan: Plan) -> dict[str, Any]:
    """Return what the comparison with the truth depends on."""
    return {"layer": study.figures.layer, "models": features.shown_models(study)}


def shown_tables(study: Study, plan: Plan) -> list[str]:
    """Return the comparison with the truth, where there is one, for the report."""
    return table_paths("truth") if is_wanted(study) else []
