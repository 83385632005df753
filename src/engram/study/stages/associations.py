"""Associations: texts written into the stories, their controls, and their scores.

The association effect F is taken from the latter.
"""

from __future__ import annotations

from typing import Any

from engram.files.fingerprints import file_fingerprint, folder_fingerprint
from engram.paths import COMMON_WORDS, PROMPTS
from engram.study import raw_plan
from engram.study.association_plan import (
    control_counts,
    models_reading_associations,
    norms_of,
    other_stories,
    writing_model,
)
from engram.study.config.sources import source_folder
from engram.study.config.study import Study
from engram.study.models import is_local
from engram.study.plan import Plan
from engram.study.stages import encoding, features, fetch, norms
from engram.study.stages.shared import Key, paths, plain, rules, table_paths
from engram.vocabulary import CUES, DEALT, WORD_RATE

#: What a chat endpoint wrote, what a model in a folder wrote, and what was checked
#: of either, or of people.
WRITTEN = "<results>/associations/written/story-{story}_associations-{text}.tsv"
GENERATED = "<results>/associations/generated/story-{story}_associations-{text}.tsv"
ASSOCIATIONS = "<results>/associations/story-{story}_associations-{text}.tsv"
_WRITTEN_BY = {"address": WRITTEN, "folder": GENERATED, "norms": norms.WRITTEN}
#: Where insertions stand, what was inserted, and inserted words that are rows of their own.
INSERTIONS = "<results>/associations/story-{story}_text-{text}_insertions.json"
TEXTS = "<results>/associations/story-{story}_text-{text}_texts.tsv"
ROWS = "<results>/associations/story-{story}_text-{text}_rows.tsv"
ACTIVATIONS = "<results>/associations/story-{story}_model-{model}_text-{text}_activations.nc"
#: How far insertions are from what was heard, and how surprising, for a model.
MEASURES = "<results>/associations/story-{story}_model-{model}_text-{text}_measures.tsv"
SCORES = "<results>/associations/group-{group}_model-{model}_text-{text}_scores.nc"


def writing_jobs(study: Study, plan: Plan) -> list[Key]:
    """Return a job for each story and each text that a model in a folder writes."""
    return [key for key in story_jobs(study, plan) if _is_generated(study, key["text"])]


def story_jobs(study: Study, plan: Plan) -> list[Key]:
    """Return a job for each text and each story."""
    return [{"text": text, "story": story} for text in study.associations for story in plan.stories]


def reading_jobs(study: Study, plan: Plan) -> list[Key]:
    """Return a job for each text, each story and each model that reads it."""
    return [
        {**key, "model": model}
        for key in story_jobs(study, plan)
        for model in models_reading_associations(study)
    ]


def scoring_jobs(study: Study, plan: Plan) -> list[Key]:
    """Return a job for each text, each model that reads it and each group."""
    models = models_reading_associations(study)
    return [
        {"text": text, "group": group, "model": model}
        for text in study.associations
        for model in models
        for group in plan.groups
    ]


def measuring_jobs(study: Study, plan: Plan) -> list[Key]:
    """Return a job for each text, story and language model, if insertions are measured."""
    wanted = study.association_effect.measured_texts > 0
    return [key for key in reading_jobs(study, plan) if wanted and key["model"] != WORD_RATE]


def measures(study: Study, plan: Plan) -> list[str]:
    """Return the measures of insertions, of every text, story and language model."""
    return paths(MEASURES, measuring_jobs(study, plan))


def files(study: Study, plan: Plan) -> list[str]:
    """Return the scores of texts with associations, of every text, model and group."""
    return paths(SCORES, scoring_jobs(study, plan))


def of_model(study: Study, plan: Plan, model: str, text: str) -> list[str]:
    """Return the scores of every group for one model and one text with associations."""
    return paths(
        SCORES, ({**key, "text": text, "model": model} for key in encoding.group_keys(plan))
    )


def checked(study: Study, plan: Plan) -> list[str]:
    """Return the associations of every text and story."""
    return paths(ASSOCIATIONS, story_jobs(study, plan))


def texts(study: Study, plan: Plan) -> list[str]:
    """Return what was inserted, of every text and story."""
    return paths(TEXTS, story_jobs(study, plan))


def strength_scores(study: Study, plan: Plan) -> list[str]:
    """Return the scores of texts of strong and weak responses that are compared."""
    return paths(SCORES, norms.strength_jobs(study, plan))


def rows(study: Study, plan: Plan) -> list[str]:
    """Return the inserted words that are rows of their own, of every text and story."""
    return paths(ROWS, story_jobs(study, plan))


def written(study: Study, plan: Plan, story: str, text: str) -> list[str]:
    """Return the file of a story's associations that a model will write.

    There is none where people made it.
    """
    annotator = study.associations[text].annotator
    if annotator is None:
        return []
    template = _WRITTEN_BY[annotator.kind]
    return [template.format(story=story, text=text)]


def mapped(study: Study, plan: Plan) -> list[list[str]]:
    """Return the texts and models whose F is mapped on a surface.

    There are none where regions are scored as wholes, or stand as markers.
    """
    if plan.dataset.brain != "surface" or study.association_effect.targets == "roi":
        return []
    return [
        [text, model] for text in study.associations for model in models_reading_associations(study)
    ]


def writing_depends_on(study: Study, plan: Plan, text: str) -> dict[str, Any]:
    """Return what a model's associations depend on, beside the content of a model in a folder."""
    annotator = study.associations[text].annotator
    assert annotator is not None, text
    settings: dict[str, Any] = plain(annotator.model_dump(mode="json", exclude={"norms"}))
    if annotator.prompt == "instructions":
        settings.pop("prompt")  # texts that were written before there was a choice stay
    if (own := writing_model(study, text)) is not None:
        source = study.models[own].source
        settings["folder"] = str(source_folder(source)) if is_local(study, own) else None
    elif annotator.folder is not None:
        settings["folder"] = str(source_folder(annotator.folder))
    return {**settings, "prompts": folder_fingerprint(PROMPTS), "seed": study.seed}


def writer_manifest(study: Study, plan: Plan, text: str) -> list[str]:
    """Return the manifest of a model of the study that writes a text, if it is downloaded."""
    own = writing_model(study, text)
    return [] if own is None else fetch.model_manifest(study, plan, own)


def writing_reads(study: Study, plan: Plan, text: str) -> dict[str, list[str]]:
    """Return the folder of a model that writes associations."""
    return raw_plan.annotator(study, text)


def check_depends_on(study: Study, plan: Plan, text: str) -> dict[str, Any]:
    """Return what the check of a file of associations depends on."""
    return {"name": text}


def check_reads(study: Study, plan: Plan, story: str, text: str) -> dict[str, list[str]]:
    """Return the file of a story's associations as people made it."""
    return raw_plan.associations(study, text, story)


def texts_depend_on(study: Study, plan: Plan, text: str) -> dict[str, Any]:
    """Return what a text with associations, and its control texts, depend on."""
    counts = control_counts(study, text)
    of_norms = {kind: counts[kind] for kind in (DEALT, CUES)}
    return {
        "alignment": study.association_effect.alignment,
        "common_words": file_fingerprint(COMMON_WORDS),
        "controls": plain({**counts, **dict.fromkeys(of_norms, 0)}),
        **(
            {"norms": {**norms.depends_on(study, plan, text), "controls": of_norms}}
            if norms_of(study, text) is not None
            else {}
        ),
        "seed": study.seed,
    }


def texts_read(study: Study, plan: Plan, story: str, text: str) -> dict[str, list[str]]:
    """Return the files whose content random texts take.

    A text that comes from norms has none of these; it may have a table of the user's.
    """
    if norms_of(study, text) is not None:
        return norms.reads(study, plan, text)
    return raw_plan.control_sources(study, text, story)


def of_other_stories(study: Study, plan: Plan, story: str, text: str) -> list[str]:
    """Return what a model wrote for other stories of the study, which random texts take too."""
    others = other_stories(study, text, story, list(plan.stories))
    return paths(ASSOCIATIONS, ({"text": text, "story": other} for other in others))


def reading_depends_on(study: Study, plan: Plan, model: str) -> dict[str, Any]:
    """Return what the activations of texts with associations depend on."""
    return {
        **features.depends_on(study, plan, model),
        "alignment": study.association_effect.alignment,
        "layer": study.reported_layer,
        "layers": study.association_effect.layers,
        "room": study.association_effect.room,
    }


def measuring_depends_on(study: Study, plan: Plan, model: str) -> dict[str, Any]:
    """Return what the measures of insertions depend on."""
    place = {"device": study.compute.device, "dtype": study.compute.reading_dtype}
    return {
        "common_words": file_fingerprint(COMMON_WORDS),
        "model": features.depends_on(study, plan, model)["model"],
        "reading": place,
        "texts": study.association_effect.measured_texts,
    }


def scores_depend_on(study: Study, plan: Plan, group: str) -> dict[str, Any]:
    """Return what a group's scores of texts with associations depend on."""
    return {
        **encoding.depends_on(study, plan, group),
        "layer": study.reported_layer,
        "targets": study.association_effect.targets,
    }


def tables_depend_on(study: Study, plan: Plan) -> dict[str, Any]:
    """Return what the tables of associations depend on."""
    return {
        "keys": {"associations": story_jobs(study, plan), "scores": scoring_jobs(study, plan)},
        "layer": study.reported_layer,
        "primary": plain(study.primary.model_dump(mode="json")) if study.primary else None,
        "seed": study.seed,
        **rules(study),
        "study": study.study,
    }


def _is_generated(study: Study, text: str) -> bool:
    """Tell whether a model in a folder writes a text, and no endpoint and no people."""
    annotator = study.associations[text].annotator
    return annotator is not None and annotator.kind == "folder"


def shown_tables(study: Study, plan: Plan) -> list[str]:
    """Return the tables of F, its controls and its texts, for the report."""
    names = (
        "association",
        "association_controls",
        "association_texts",
        "association_exchangeability",
        "association_kinds",
        "association_sources",
    )
    if not study.associations:
        return []
    measured = ["association_insertions"] if measures(study, plan) else []
    return table_paths(*names, *measured)
