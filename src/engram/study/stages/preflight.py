"""Preflight: all jobs of a run that begins from nothing, and what is looked at before it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from engram.study import story_folds
from engram.study.association_plan import n_null_texts, norms_texts
from engram.study.config.models import Model
from engram.study.config.sources import folder_here
from engram.study.config.study import Study
from engram.study.disk import estimate
from engram.study.model_shapes import unknown_models
from engram.study.models import is_local
from engram.study.needs import need
from engram.study.plan import Plan
from engram.study.stages import (
    associations,
    bold,
    ceilings,
    chance,
    comparisons,
    deals,
    decoding,
    encoding,
    features,
    fetch,
    heads,
    identified_effects,
    norms,
    nuisance,
    pairs,
    partitions,
    similarity,
    simulation,
    spaces,
    stories,
    tables,
    tunings,
)
from engram.study.stages.shared import Key

#: The jobs of each rule that computes; what downloads, draws or gathers takes little.
_JOBS: dict[str, Callable[[Study, Plan], list[Key]]] = {
    "simulate": simulation.jobs,
    "story": stories.jobs,
    "bold": bold.jobs,
    "ceiling": ceilings.jobs,
    "activations": features.jobs,
    "feature_space": spaces.jobs,
    "encoding": encoding.jobs,
    "tables": tables.jobs,
    "comparisons": comparisons.jobs,
    "claims": comparisons.jobs,
    "chance": chance.jobs,
    "deal_scores": deals.jobs,
    "head_scores": heads.jobs,
    "pair_scores": pairs.jobs,
    "nuisance": nuisance.jobs,
    "partition": partitions.jobs,
    "decoding": decoding.jobs,
    "decoding_ceiling": decoding.ceiling_jobs,
    "association_identification": identified_effects.text_jobs,
    "tuning_identification": identified_effects.tuning_jobs,
    "similarity": similarity.jobs,
    "similarity_ceiling": similarity.ceiling_jobs,
    "annotate_locally": associations.writing_jobs,
    "insertion_measures": associations.measuring_jobs,
    "text_activations": associations.reading_jobs,
    "association_scores": associations.scoring_jobs,
    "association_nuisance": nuisance.text_jobs,
    "tune": tunings.jobs,
    "tuned_activations": tunings.reading_jobs,
    "tuning_scores": tunings.scoring_jobs,
}
#: Rules whose jobs depend on no model.
_WITHOUT_MODELS = ("simulate", "story", "bold", "ceiling")


def all_jobs(study: Study, plan: Plan) -> dict[str, list[Key]]:
    """Return the wildcards of all jobs that compute, by rule.

    They are those of a run that begins from nothing, downloads and drawing apart.
    """
    found = {rule: jobs(study, plan) for rule, jobs in _JOBS.items()}
    return {rule: jobs for rule, jobs in found.items() if jobs}


def depends_on(study: Study, plan: Plan, is_remote: bool) -> dict[str, Any]:
    """Return what the check before a run looks at.

    Parameters
    ----------
    study : Study
    plan : Plan
    is_remote : bool
        Whether jobs go to a cluster.
    """
    mirror = study.mirror_folder()
    return {
        "assumed": unknown_models(study),
        "annotators": [
            name
            for name, one in study.associations.items()
            if one.annotator is not None and one.annotator.kind == "address"
        ],
        "data": data(study, plan),
        "disk": sum(estimate(study, plan).values()),
        "untested": story_folds.untested(
            study, {story: plan.listeners(story) for story in plan.stories}
        ),
        "fetches_by_datalad": plan.dataset.fetches_by_datalad,
        "jobs": {
            rule: _taken(study, plan, rule, jobs) for rule, jobs in all_jobs(study, plan).items()
        },
        "mirror": str(mirror) if mirror else None,
        "null_texts": min((n_null_texts(study, text) for text in study.associations), default=None),
        "models": _models(study),
        "tokens": tokens(study, plan),
        "norms": {
            text: {**norms.depends_on(study, plan, text), "here": norms.here(study, text)}
            for text in norms_texts(study)
        },
        "remote": is_remote,
        "study": study.study,
        "wants_gpu": "cuda" in (study.compute.device, study.compute.backend[6:]),
    }


def data(study: Study, plan: Plan) -> dict[str, Any]:
    """Return what a check before a run reads: the tables of a study, where they are here."""
    folder, why_not = plan.dataset.tables_here()
    read = plan.stories if folder else []
    return {
        "folder": folder,
        "stories": {
            story: {
                "scans": bold.depends_on(study, plan, story),
                "words": stories.depends_on(study, plan, story),
            }
            for story in read
        },
        "why_not": why_not,
    }


def tokens(study: Study, plan: Plan) -> dict[str, Any]:
    """Return whose tokenizers are tried on which stories' words, where these are here.

    Models without a tokenizer of their own are left out: twins, adapters, layers together.
    """
    return {
        "languages": {story: plan.dataset.language(story) for story in plan.stories},
        "models": {
            name: {"code": one.trust_remote_code, "folder": str(folder) if folder else None}
            for name, one in study.language_models().items()
            if one.is_whole
            for folder in [_model_folder(study, one)]
        },
        "stories": {
            story: {"folder": str(folder), "words": stories.depends_on(study, plan, story)}
            for story in plan.stories
            if (folder := _words_folder(study, plan, story)) is not None
        },
    }


def _model_folder(study: Study, model: Model) -> Path | None:
    """Return where a model is: in its folder, the mirror, or downloaded; None: not here yet."""
    if fetch.was_downloaded(study, model):
        return fetch.downloaded_model(study, model)
    return folder_here(study, model.source)


def _words_folder(study: Study, plan: Plan, story: str) -> Path | None:
    """Return the folder that the job `story` would read a story's words from, if it is here."""
    if study.dataset.folder is not None:
        return Path(study.dataset.folder).expanduser()
    if (tables := plan.dataset.tables_here()[0]) is not None:
        return Path(tables)
    return fetch.downloaded_words(study, plan, story)


def _taken(study: Study, plan: Plan, rule: str, jobs: list[Key]) -> dict[str, float]:
    """Return how many jobs a rule has, the most memory that one takes, and the time of all.

    With ``sure`` the memory is that of jobs that read no model of assumed shape.
    """
    needs = [need(study, plan, rule, one) for one in jobs]
    assumed = unknown_models(study)
    sure = [
        one
        for key, one in zip(jobs, needs, strict=True)
        if not assumed or rule in _WITHOUT_MODELS or key.get("model", assumed[0]) not in assumed
    ]
    return {
        "sure_gpu": max((one.gpu for one in sure), default=0),
        "sure_memory": max((one.memory for one in sure), default=0),
        "count": len(needs),
        "gpu": max(one.gpu for one in needs),
        "memory": max(one.memory for one in needs),
        "seconds": sum(one.seconds for one in needs),
    }


def _models(study: Study) -> list[dict[str, Any]]:
    return [
        {
            "code": model.trust_remote_code,
            "here": is_local(study, name) or fetch.was_downloaded(study, model),
            "name": name,
            "revision": model.revision,
            "source": model.source,
        }
        for name, model in study.language_models().items()
    ]
