"""Metrics beside each other: whether models rank alike by R, identification and similarity."""

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
    return any(stage.is_wanted(study) for stage in _STAGES.values())


def decodings(study: Study, plan: Plan) -> list[str]:
    """Return the table of identification, where there is one."""
    return table_paths("decoding") if decoding.is_wanted(study) else []


def similarities(study: Study, plan: Plan) -> list[str]:
    """Return the table of similarity, where there is one."""
    return table_paths("similarity") if similarity.is_wanted(study) else []


def depends_on(study: Study, plan: Plan) -> dict[str, Any]:
    """Return what the table of metrics depends on."""
    return {
        "layer": study.reported_layer,
        "models": scored_models(study),
        "seed": study.seed,
        **rules(study),
    }


def shown_tables(study: Study, plan: Plan) -> list[str]:
    """Return the table of metrics, for the report."""
    return table_paths("metrics") if is_wanted(study) else []


def figure_names(study: Study) -> list[str]:
    """Return the figures of metrics that the study has."""
    wanted = [name for name, stage in _STAGES.items() if stage.is_wanted(study)]
    return [*wanted, "metrics"] if wanted else []


def figure_tables(study: Study, plan: Plan, figure: str) -> list[str]:
    """Return the tables that a figure is drawn from."""
    return table_paths(figure) if figure == "metrics" else table_paths(figure, f"{figure}_tests")


def figure_depends_on(study: Study, plan: Plan, figure: str) -> dict[str, Any]:
    """Return what a figure of metrics depends on."""
    return {**section(study, "figures"), "figure": figure, "models": scored_models(study)}
