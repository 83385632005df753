"""How much disk a study will take, from its plan alone; rough, to be known before a night's run."""

from __future__ import annotations

from engram.datasets.planned import WORDS_A_SECOND
from engram.study.association_plan import models_reading_associations
from engram.study.config.study import Study
from engram.study.model_shapes import scored_shape
from engram.study.models import scored_models
from engram.study.plan import Plan
from engram.study.tuning_plan import tuned_models

#: Regions of both hemispheres: those of the Destrieux parcellation, say.
REGIONS = 148


def estimate(study: Study, plan: Plan) -> dict[str, float]:
    """Return the bytes that the stages of a study take.

    Parameters
    ----------
    study : Study
    plan : Plan

    Returns
    -------
    dict
        By what they are for; empty where the kind of dataset is small.
    """
    dataset = plan.dataset
    if not dataset.estimates_disk:
        return {}
    targets = REGIONS if study.bold.targets == "roi" else dataset.n_targets()
    shapes = [scored_shape(study, name) for name in scored_models(study)]
    pairs = sum(len(group.stories) * len(group.subjects) for group in plan.groups.values())
    number = 4 if study.compute.reading_dtype == "float32" else 2.2
    layers = sum(shape.layers for shape in shapes)
    read = sum(dataset.seconds(story) for story in plan.stories) * WORDS_A_SECOND
    return {
        "raw data": dataset.download_bytes(),
        "BOLD": sum(_bold_values(study, plan, story) for story in plan.stories) * targets * 2,
        "activations": sum(read * shape.layers * shape.units for shape in shapes) * number,
        "scores": (layers * targets + _variant_values(study, targets)) * pairs * 2.5,
        "ceilings": 3 * len(dataset.scans) * targets * 4.0,
    }


def _bold_values(study: Study, plan: Plan, story: str) -> float:
    """Return the rows of a story's BOLD, of all listeners together."""
    listeners = len(plan.listeners(story))
    rows = (plan.dataset.seconds(story) + study.bold.tail) / plan.dataset.tr
    repeats = plan.dataset.n_repeats(story)
    kept = listeners + (study.bold.average and listeners > 1) + (repeats > 1 and repeats)
    return kept * rows


def _variant_values(study: Study, targets: float) -> float:
    """Return the scores that texts and tuned models have of one listener in one story.

    Each kind of text, or of tuned model, has them at one layer; single ones are kept by region.
    """
    texts = [
        targets * 6
        for _ in study.associations
        for _ in models_reading_associations(study)
        if study.association_effect.targets == "all"
    ]
    tunings = [
        targets * 4
        for tuning, one in study.tunings.items()
        for _ in tuned_models(study, tuning)
        if one.targets == "all"
    ]
    return sum(texts) + sum(tunings)


def describe(parts: dict[str, float]) -> str:
    """Return a line that says what an estimate holds."""
    shown = ", ".join(f"{name} {size / 1e9:.1f}" for name, size in parts.items() if size >= 5e7)
    return f"about {sum(parts.values()) / 1e9:.0f} GB of disk: {shown}"
