"""How much disk a study will take, from its plan alone; rough, to be known before a night's run."""

from __future__ import annotations

from math import ceil

from engram.datasets.narratives.layout import VOLUME
from engram.study.association_plan import associating_models
from engram.study.config.datasets import (
    AliceDataset,
    NarrativesDataset,
    NarrativesForm,
    TableDataset,
)
from engram.study.config.study import Study
from engram.study.model_shapes import model_shape
from engram.study.models import scored_models
from engram.study.plan import Plan, scan_facts
from engram.study.tuning_plan import tuned_models
from engram.vocabulary import ALICE_TR, NARRATIVES_TR

#: Vertices with a region of the Destrieux parcellation, and all, of both
#: hemispheres; regions of both.
TARGETS = {"fsaverage6": 74_901, "fsaverage5": 18_720}
_VERTICES = {"fsaverage6": 81_924, "fsaverage5": 20_484}
REGIONS = 148
#: Voxels of a scan in MNI space, and of an atlas on it, in round numbers.
_VOXELS, VOXELS_WITH_REGION = 250_000, 60_000
#: Bytes of a number in a raw file: noise, compressed and written as text (measured on made scans).
_RAW_BYTES = 5.0
#: Seconds of a scan after its story, words a second.
REST, WORDS = 12.0, 2.6


def estimate(study: Study, plan: Plan) -> dict[str, float]:
    """Return the bytes that the stages of a Narratives study take.

    Parameters
    ----------
    study : Study
    plan : Plan

    Returns
    -------
    dict
        By what they are for; empty for other datasets, which are small.
    """
    dataset = study.dataset
    if not isinstance(dataset, NarrativesForm):
        return {}
    everywhere = _VOXELS if dataset.space == VOLUME else _VERTICES[dataset.space]
    targets = VOXELS_WITH_REGION if dataset.space == VOLUME else TARGETS[dataset.space]
    targets = REGIONS if study.bold.targets == "roi" else targets
    raw = bold = words = 0.0
    tr = repetition_time(study)
    for story in plan.stories:
        facts = scan_facts(plan, story)
        listeners = len(plan.listeners(story))
        seconds = facts[0].story_end - facts[0].story_onset
        raw += sum(ceil((fact.story_end + REST) / tr) for fact in facts) * everywhere * _RAW_BYTES
        bold += (
            (listeners + (study.bold.average and listeners > 1))
            * (seconds + study.encoding.tail)
            / tr
            * targets
            * 2
        )
        words += seconds * WORDS
    pairs = sum(len(group.stories) * len(group.subjects) for group in plan.groups.values())
    ceilings = 3 * len(plan.scans) * targets * 4.0
    shapes = [model_shape(study, name) for name in scored_models(study)]
    # A score of each kind of text, or of tuned model, at one layer; single ones are kept by region.
    kinds = [
        targets * 6
        for _ in study.associations
        for _ in associating_models(study)
        if study.associating.targets == "all"
    ]
    kinds += [
        targets * 4
        for tuning, one in study.tunings.items()
        for _ in tuned_models(study, tuning)
        if one.targets == "all"
    ]
    return {
        "raw data": raw if isinstance(dataset, NarrativesDataset) and dataset.path is None else 0.0,
        "BOLD": bold,
        "activations": (
            sum(words * shape.layers * shape.units for shape in shapes)
            * (4 if study.activations.dtype == "float32" else 2.2)
        ),
        "scores": (sum(shape.layers for shape in shapes) * targets + sum(kinds)) * pairs * 2.5,
        "ceilings": ceilings,
    }


def describe(parts: dict[str, float]) -> str:
    """Return a line that says what an estimate holds."""
    shown = ", ".join(f"{name} {size / 1e9:.1f}" for name, size in parts.items() if size >= 5e7)
    return f"about {sum(parts.values()) / 1e9:.0f} GB of disk: {shown}"


def repetition_time(study: Study) -> float:
    """Return the TR that a study is configured with, in seconds."""
    if isinstance(study.dataset, AliceDataset):
        return ALICE_TR
    return (
        study.dataset.tr
        if isinstance(study.dataset, TableDataset | NarrativesDataset)
        else NARRATIVES_TR
    )
