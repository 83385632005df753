"""Minimal pairs: how probable causal models find both sentences of each pair."""

from __future__ import annotations

from typing import Any

from engram.features.minimal_pairs import table_path
from engram.files.fingerprints import file_fingerprint
from engram.study import raw_plan
from engram.study.config.study import Study
from engram.study.models import model_key
from engram.study.plan import Plan
from engram.study.stages.features import reading
from engram.study.stages.shared import Key, paths, plain, table_paths

PAIRS = "<results>/minimal_pairs/model-{model}_pairs.tsv"


def jobs(study: Study, plan: Plan) -> list[Key]:
    """Return a job for each model that reads minimal pairs."""
    return [{"model": name} for name in study.models_of_pairs()]


def files(study: Study, plan: Plan) -> list[str]:
    """Return the scored pairs of every model."""
    return paths(PAIRS, jobs(study, plan))


def depends_on(study: Study, plan: Plan, model: str) -> dict[str, Any]:
    """Return what a model's scores of pairs depend on."""
    settings = {key: reading(study)[key] for key in ("batch_tokens", "device", "dtype")}
    path = table_path(study.minimal_pairs.table or "")
    return {
        "model": plain(model_key(study, model)),
        "pairs": file_fingerprint(path),
        "reading": settings,
        "table": str(path),
    }


def reads(study: Study, plan: Plan, model: str) -> dict[str, list[str]]:
    """Return the folders of a model that is not downloaded."""
    return raw_plan.model(study, model)


def table_depends_on(study: Study, plan: Plan) -> dict[str, Any]:
    """Return what the table of minimal pairs depends on."""
    of_series = {
        name: [model.series, model.step]
        for name, model in study.language_models().items()
        if model.series is not None
    }
    return {"models": study.models_of_pairs(), "series": plain(of_series)}


def shown_tables(study: Study, plan: Plan) -> list[str]:
    """Return the table of minimal pairs, for the report."""
    return table_paths("minimal_pairs") if jobs(study, plan) else []
