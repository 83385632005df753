"""Figures: which ones a study has, and what each is drawn from."""

from __future__ import annotations

from typing import Any

from engram.study.config.study import Study
from engram.study.models import scored_models
from engram.study.plan import Plan
from engram.study.stages import (
    associations,
    ceilings,
    features,
    heads,
    identified_effects,
    maps,
    metrics,
    partitions,
    series,
    stories,
    time_resolved,
)
from engram.study.stages.shared import Key, paths, section
from engram.vocabulary import FEWEST_LISTENERS, ORIGINAL

#: The table that each figure of the brain is drawn from.
_BRAIN_TABLES = {
    "brain": "scores",
    "ceiling-brain": "ceilings",
    "association-brain": "association",
    "tuning-brain": "tuning",
}


def names(study: Study, plan: Plan) -> list[str]:
    """Return the figures that this study can have."""
    has_destrieux = plan.dataset.has_destrieux
    has_ceilings = any(len(plan.listeners(story)) >= FEWEST_LISTENERS for story in plan.stories)
    on_brain, has_tunings = bool(plan.dataset.brain), bool(study.tunings)
    models = study.language_models()
    return [
        "layers",
        *(["depth"] if sum(not one.reinitialised for one in models.values()) > 1 else []),
        *("regions", "alignment"),
        *(["roi-layers"] if models else []),
        *(["roi-sets"] if has_destrieux else []),
        *(["reliability"] if has_ceilings else []),
        *time_resolved.figure_names(study, plan),
        *metrics.figure_names(study),
        *identified_effects.figure_names(study),
        *heads.figure_names(study, plan),
        *partitions.figure_names(study),
        *series.figure_names(study, plan),
        *(["association-texts", "association", "insertions"] if study.associations else []),
        *(["tuning", "tuning-methods", "tuning-losses"] if has_tunings else []),
        *(["tuning-roi-sets"] if has_tunings and has_destrieux else []),
        *(["brain"] if on_brain else []),
        *(["ceiling-brain"] if on_brain and has_ceilings else []),
        *(["association-brain"] if on_brain and study.associations else []),
        *(["tuning-brain"] if on_brain and has_tunings else []),
    ]


def depends_on(study: Study, plan: Plan, figure: str) -> dict[str, Any]:
    """Return what a figure of scores depends on."""
    return {
        **section(study, "figures"),
        "figure": figure,
        "layer": study.reported_layer,
        "models": scored_models(study),
        "shown": features.shown_models(study),
    }


def brain_table(study: Study, plan: Plan, figure: str) -> str:
    """Return the table that a figure of the brain is drawn from."""
    return f"<results>/tables/{_BRAIN_TABLES[figure]}.tsv"


def brain_map_keys(study: Study, plan: Plan, figure: str) -> list[Key]:
    """Return what the maps of a figure are of, those of either hemisphere.

    There are none where regions are painted or are markers.
    """
    if plan.dataset.brain != "surface":
        return []
    if figure == "association-brain":
        return [{"text": text, "model": model} for text, model in associations.mapped(study, plan)]
    if figure == "brain":
        return [{"text": ORIGINAL, "model": model} for model in features.shown_models(study)]
    return [{}] if figure == "ceiling-brain" else []


def left_maps(study: Study, plan: Plan, figure: str) -> list[str]:
    """Return the maps of the left hemisphere for a figure of the brain."""
    return _brain_maps(study, plan, figure, "L")


def right_maps(study: Study, plan: Plan, figure: str) -> list[str]:
    """Return the maps of the right hemisphere for a figure of the brain."""
    return _brain_maps(study, plan, figure, "R")


def _brain_maps(study: Study, plan: Plan, figure: str, hemisphere: str) -> list[str]:
    template = {
        "brain": maps.SCORES,
        "ceiling-brain": maps.CEILINGS,
        "association-brain": maps.ASSOCIATION,
    }.get(figure, "")
    return paths(maps.of_hemisphere(template, hemisphere), brain_map_keys(study, plan, figure))


def brain_places(study: Study, plan: Plan, figure: str) -> str | list[str]:
    """Return the ceilings of a story, which say where regions are.

    It is for maps that are painted region by region; else there is nothing.
    """
    is_painted = plan.dataset.brain == "surface" and not brain_map_keys(study, plan, figure)
    return ceilings.of_first_story(study, plan) if is_painted else []


def brain_depends_on(study: Study, plan: Plan, figure: str) -> dict[str, Any]:
    """Return what a figure of the brain depends on."""
    return {
        **section(study, "figures"),
        "figure": figure,
        "floor": study.ceiling.floor,
        "keys": dict.fromkeys(maps.HEMISPHERES, brain_map_keys(study, plan, figure)),
        "layer": study.reported_layer,
        "shown": features.shown_models(study),
        "space": plan.dataset.surface,
        "study": study.study,
    }


def _of_texts(study: Study) -> dict[str, Any]:
    """Return what figures of texts and tunings depend on; the order of all gives their colours."""
    return {**section(study, "figures"), "texts": [*study.associations, *study.tunings]}


def association_depends_on(study: Study, plan: Plan, figure: str) -> dict[str, Any]:
    """Return what a figure of associations depends on."""
    return {**_of_texts(study), "figure": figure}


def insertions_depends_on(study: Study, plan: Plan) -> dict[str, Any]:
    """Return what the figure of insertions depends on."""
    return {
        **_of_texts(study),
        "keys": {
            "associations": associations.story_jobs(study, plan),
            "words": stories.jobs(study, plan),
        },
    }


def tuning_depends_on(study: Study, plan: Plan, figure: str) -> dict[str, Any]:
    """Return what a figure of tunings depends on."""
    return {**_of_texts(study), "figure": figure}


def alignment_depends_on(study: Study, plan: Plan) -> dict[str, Any]:
    """Return what the figure of words beside BOLD depends on."""
    keys = stories.jobs(study, plan)
    return {
        **section(study, "figures"),
        "keys": {"bold": keys, "words": keys},
        "study": study.study,
    }
