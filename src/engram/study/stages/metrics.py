"""Metrics beside R: their tables and tests, and whether models rank alike by them and by R."""

from __future__ import annotations

from typing import Any

from engram.study.config.study import Study
from engram.study.models import scored_models
from engram.study.plan import Plan
from engram.study.stages import decoding, similarity
from engram.study.stages.shared import rules, section, table_paths

#: Stages of other metrics than R, by the names of their tables.
_STAGES = {"decoding": decoding, "similarity": similarity}


def is_wanted(study: Study) -> bool:
    """Tell whether there is a metric beside R."""
    return bool(wanted(study))


def wanted(study: Study) -> list[str]:
    """Return the metrics beside R that the study has."""
    return [name for name, stage in _STAGES.items() if stage.is_wanted(study)]


def scores(study: Study, plan: Plan, metric: str) -> list[str]:
    """Return a metric's scores of every group and model."""
    return _STAGES[metric].files(study, plan)


def ceilings(study: Study, plan: Plan, metric: str) -> list[str]:
    """Return a metric's ceilings."""
    return _STAGES[metric].ceilings(study, plan)


def tables_depend_on(study: Study, plan: Plan, metric: str) -> dict[str, Any]:
    """Return what the tables of a metric depend on."""
    stage = _STAGES[metric]
    return {
        "keys": {"ceilings": stage.ceiling_jobs(study, plan), "scores": stage.jobs(study, plan)},
        "layer": study.reported_layer,
        "seed": study.seed,
        **rules(study),
        "study": study.study,
    }


def tables(study: Study, plan: Plan) -> list[str]:
    """Return the tables of the metrics that the study has, by listener."""
    return table_paths(*wanted(study))


def depends_on(study: Study, plan: Plan) -> dict[str, Any]:
    """Return what the table of metrics depends on."""
    return {
        "layer": study.reported_layer,
        "metrics": wanted(study),
        "models": scored_models(study),
        "seed": study.seed,
        **rules(study),
    }


def shown_tables(study: Study, plan: Plan) -> list[str]:
    """Return the tables of metrics, for the report."""
    names = [name for metric in wanted(study) for name in (metric, f"{metric}_tests")]
    return table_paths("metrics", *names) if names else []


def figure_names(study: Study) -> list[str]:
    """Return the figures of metrics that the study has."""
    names = wanted(study)
    return [*names, "metrics"] if names else []


def figure_tables(study: Study, plan: Plan, figure: str) -> list[str]:
    """Return the tables that a figure is drawn from."""
    return table_paths(figure) if figure == "metrics" else table_paths(figure, f"{figure}_tests")


def figure_depends_on(study: Study, plan: Plan, figure: str) -> dict[str, Any]:
    """Return what a figure of metrics depends on."""
    return {**section(study, "figures"), "figure": figure, "models": scored_models(study)}
