"""R by window: which minutes of a story are predicted, from the scores on shifted BOLD."""

from __future__ import annotations

from typing import Any

from engram.study.config.study import Study
from engram.study.models import scored_models
from engram.study.plan import Plan
from engram.study.stages import chance, features
from engram.study.stages.shared import rules, section, table_paths
from engram.vocabulary import WORD_RATE


def is_wanted(study: Study, plan: Plan) -> bool:
    """Tell whether R is taken by window: there are windows, and single listeners."""
    return study.chance.window is not None and bool(chance.jobs(study, plan))


def depends_on(study: Study, plan: Plan) -> dict[str, Any]:
    """Return what the table of R by window depends on."""
    return {
        "keys": {"nulls": chance.jobs(study, plan)},
        "layer": study.reported_layer,
        "seed": study.seed,
        **rules(study),
        "study": study.study,
    }


def shown_tables(study: Study, plan: Plan) -> list[str]:
    """Return the table of R by window, for the report."""
    return table_paths("time_resolved") if is_wanted(study, plan) else []


def figure_names(study: Study, plan: Plan) -> list[str]:
    """Return the figure of R by window, where there is its table."""
    return ["time-resolved"] if is_wanted(study, plan) else []


def figure_depends_on(study: Study, plan: Plan) -> dict[str, Any]:
    """Return what the figure depends on: the models in their colours, and those that it shows."""
    models = scored_models(study)
    shown = {*features.shown_models(study), WORD_RATE}
    return {
        **section(study, "figures"),
        "models": models,
        "shown": [name for name in models if name in shown],
    }
