"""Activations: what a model makes of each word of a story, all layers in one file."""

from __future__ import annotations

from typing import Any

from engram.study import raw_plan
from engram.study.config.study import Study
from engram.study.models import is_language_model, model_key, scored_models
from engram.study.plan import Plan
from engram.study.stages.shared import Key, paths, plain, section
from engram.vocabulary import ORIGINAL, WORD_RATE

ACTIVATIONS = "<results>/activations/story-{story}_model-{model}_text-{text}_activations.nc"
#: Those of stories as they were heard.
ORIGINAL_ACTIVATIONS = ACTIVATIONS.replace("{text}", ORIGINAL)


def jobs(study: Study, plan: Plan) -> list[Key]:
    """Return a job for each story and each model, baselines included.

    Other feature spaces have jobs of their own (`engram.study.stages.spaces`).
    """
    return [
        {"text": ORIGINAL, "model": model, "story": story}
        for story in plan.stories
        for model in scored_models(study)
        if model not in study.features
    ]


def depends_on(study: Study, plan: Plan, model: str) -> dict[str, Any]:
    """Return what a story's activations depend on."""
    if not is_language_model(study, model):
        return {"model": {"source": WORD_RATE}}
    return {"model": plain(model_key(study, model)), "reading": reading(study)}


def reading(study: Study) -> dict[str, Any]:
    """Return how a model reads a story."""
    settings = {
        **section(study, "activations"),
        "device": study.compute.device,
        "dtype": study.compute.reading_dtype,
    }
    # Not there where it is as it comes: a new key would read every story again.
    if settings["encoder_stride"] == 1:
        del settings["encoder_stride"]
    found: dict[str, Any] = plain(settings)
    return found


def reads(study: Study, plan: Plan, model: str) -> dict[str, list[str]]:
    """Return the folders of a model that is not downloaded, and of its base."""
    return raw_plan.model(study, model)


def trained_sources(study: Study) -> dict[str, str]:
    """Return the sources of the language models that were trained as they are.

    No re-initialised twins, no adapters, and no layers together.
    """
    return {name: model.source for name, model in study.language_models().items() if model.is_whole}


def first_story_keys(study: Study, plan: Plan) -> list[Key]:
    """Return a story as every trained model read it."""
    return [
        {"text": ORIGINAL, "model": model, "story": plan.stories[0]}
        for model in trained_sources(study)
    ]


def of_first_story(study: Study, plan: Plan) -> list[str]:
    """Return a story's activations in every trained model: they say how deep and wide it is."""
    return paths(ACTIVATIONS, first_story_keys(study, plan))


def shown_models(study: Study) -> list[str]:
    """Return the models that the brain and the report show.

    They are the trained language models, or whatever there is.
    """
    trained = [
        name
        for name, model in study.language_models().items()
        if not (model.reinitialised or model.layers_together)
    ]
    return trained or scored_models(study)
