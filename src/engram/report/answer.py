"""The answer of a study: how well models predict, what association adds, what tuning adds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engram.report.association_sentences import what_association_adds
from engram.report.naming import Tables
from engram.report.score_sentences import how_well
from engram.report.tuning_sentences import what_tuning_adds


def answer(tables: Tables, config: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the answer by its part.

    Parts are how well models predict (R), and, where the study asks for it, what association adds
    (F) and what tuning adds (M); the sentence comes first, then what it rests on.

    Parameters
    ----------
    tables : mapping
        Tables of the study by name (`scores`, and `association`, `association_unique`, `tuning`,
        `chance` and `nuisance` where the study has them).
    config : mapping
        The checked configuration, with `scored` (models in the order of the figures) and `shown`
        (those that the brain shows).
    """
    parts = {
        "How well": how_well(tables["scores"], config, tables.get("chance"), tables.get("nuisance"))
    }
    if config["associations"]:
        parts["Association"] = what_association_adds(
            tables.get("association"), tables.get("association_unique")
        )
    if config["tunings"]:
        parts["Tuning"] = what_tuning_adds(tables.get("tuning"))
    return parts
