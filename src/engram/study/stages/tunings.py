"""Instruction tunings: models tuned to associate, their controls, and their scores.

The tuning effect M is taken from the latter.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from engram.files.fingerprints import file_fingerprint
from engram.paths import ROI_SETS
from engram.study.config.study import Study
from engram.study.models import model_key
from engram.study.plan import Plan
from engram.study.stages import encoding, features, stories
from engram.study.stages.shared import Key, paths, plain, rules, table_paths
from engram.study.tuning_plan import tuned_models, tuning_config, tuning_variants
from engram.tunings.settings import Settings

SAMPLES = "<results>/tunings/{tuning}_samples.json"
FOLDER = "<results>/tunings/{tuning}/model-{model}_{variant}"
ACTIVATIONS = "<results>/tunings/story-{story}_model-{model}_tuning-{tuning}_activations.nc"
SCORES = "<results>/tunings/group-{group}_model-{model}_tuning-{tuning}_scores.nc"
#: Settings that say what is learned from, and not how.
_ABOUT_DATA = ("content", "data", "licence", "too_long", "validation", "validation_samples")


def sample_jobs(study: Study, plan: Plan) -> list[Key]:
    """Return a job for each tuning."""
    return [{"tuning": tuning} for tuning in study.tunings]


def jobs(study: Study, plan: Plan) -> list[Key]:
    """Return a job for each tuning, each model that it tunes, and each condition and seed."""
    return [
        {**key, **variant} for key in _tuned(study) for variant in _variants(study, key["tuning"])
    ]


def reading_jobs(study: Study, plan: Plan) -> list[Key]:
    """Return a job for each tuning, each model that it tunes and each story."""
    return [{**key, "story": story} for key in _tuned(study) for story in plan.stories]


def scoring_jobs(study: Study, plan: Plan) -> list[Key]:
    """Return a job for each tuning, each model that it tunes and each group."""
    return [{"group": group, **key} for key in _tuned(study) for group in plan.groups]


def samples(study: Study, plan: Plan) -> list[str]:
    """Return what the samples of every tuning are."""
    return paths(SAMPLES, sample_jobs(study, plan))


def folders(study: Study, plan: Plan) -> list[str]:
    """Return the folder of every tuned model."""
    return paths(FOLDER, jobs(study, plan))


def folders_of(study: Study, plan: Plan, tuning: str, model: str) -> list[str]:
    """Return the folders of the tuned models of one model and one tuning."""
    return paths(
        FOLDER,
        ({"model": model, "tuning": tuning, **variant} for variant in _variants(study, tuning)),
    )


def files(study: Study, plan: Plan) -> list[str]:
    """Return the scores of tuned models, of every tuning, model and group."""
    return paths(SCORES, scoring_jobs(study, plan))


def samples_depend_on(study: Study, plan: Plan, tuning: str) -> dict[str, Any]:
    """Return what the check of samples depends on."""
    one = tuning_config(study, tuning)
    return {
        "content": one["content"],
        "data": one["data"],
        "keys": {"words": stories.jobs(study, plan)},
    }


def settings_of(study: Study, tuning: str) -> dict[str, Any]:
    """Return how models are tuned: `engram.tunings.settings.Settings` without the seed."""
    own = {field.name for field in fields(Settings)} - {"dtype", "seed"}
    return {
        **study.tunings[tuning].model_dump(mode="json", include=own),
        "dtype": study.compute.tuning_dtype,
    }


def depends_on(study: Study, plan: Plan, tuning: str, model: str, variant: str) -> dict[str, Any]:
    """Return what a tuned model depends on.

    A condition's seeds are the same numbers, so that conditions can be compared one by one.
    """
    one = plain(tuning_config(study, tuning))
    condition, number = variant.rsplit("-", 1)
    settings = settings_of(study, tuning)
    return {
        **{key: one[key] for key in _ABOUT_DATA},
        "condition": condition,
        "model": plain(model_key(study, model)),
        "settings": plain({**settings, "seed": 1000 * study.seed + int(number)}),
        "study_seed": study.seed,
    }


def reading_depends_on(study: Study, plan: Plan, tuning: str, model: str) -> dict[str, Any]:
    """Return what the activations of tuned models depend on."""
    return {
        **features.depends_on(study, plan, model),
        "keys": {"tuned": _variants(study, tuning)},
        "layer": study.reported_layer,
    }


def scores_depend_on(study: Study, plan: Plan, tuning: str, group: str) -> dict[str, Any]:
    """Return what a group's scores of tuned models depend on."""
    return {
        **encoding.depends_on(study, plan, group),
        "layer": study.reported_layer,
        "targets": study.tunings[tuning].targets,
    }


def tables_depend_on(study: Study, plan: Plan) -> dict[str, Any]:
    """Return what the tables of tunings depend on."""
    return {
        "keys": {
            "counts": sample_jobs(study, plan),
            "scores": scoring_jobs(study, plan),
            "tuned": jobs(study, plan),
        },
        "layer": study.reported_layer,
        "methods": {tuning: one.method for tuning, one in study.tunings.items()},
        "roi_sets": file_fingerprint(ROI_SETS),
        "seed": study.seed,
        **rules(study),
        "study": study.study,
    }


def _tuned(study: Study) -> list[Key]:
    return [
        {"model": model, "tuning": tuning}
        for tuning in study.tunings
        for model in tuned_models(study, tuning)
    ]


def _variants(study: Study, tuning: str) -> list[Key]:
    return [{"variant": variant} for variant in tuning_variants(study, tuning)]


def shown_tables(study: Study, plan: Plan) -> list[str]:
    """Return the tables of M, of tuned models and of their samples, for the report."""
    names = ("tuning", "tuning_roi_sets", "tuning_models", "tuning_samples")
    return table_paths(*names) if study.tunings else []
