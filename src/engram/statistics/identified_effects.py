"""What associations, and tunings, change in identification: F and M of rank accuracy, by set.

Controls, nulls and corrections are those of F and M of R: effects have the same form, with sets of
targets in the place of regions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from engram.statistics import association_tables, text_tests, tuning_tables
from engram.statistics.text_tests import Found, Primary
from engram.statistics.variant_effects import Effects

#: Rank accuracy by chance.
CHANCE = 0.5
_SET = {"set": "Set of targets: 'all', 'left', 'right', or an ROI set.", "n_targets": "In it."}
_PLACE = ("hemisphere", "roi", "n_targets")
_NULL_95 = {"null_95": "95th percentile of the null texts' F."}
#: Columns of M that are a share of R: of rank accuracy it is a share of what is above chance.
_OF_RANK = {
    "original": "Rank accuracy of {what}, mean over listeners; chance 0.5.",
    "F": "Rank accuracy with associations minus that, mean over listeners.",
    "difference": "Rank accuracy of the tuned model minus that, mean over seeds and listeners.",
    "M": (
        "Difference over the base model's rank accuracy above chance, a ratio of means over "
        "listeners; not to be read where that is near 0.5."
    ),
}


def _described(said: Mapping[str, str], what: str, left_out: tuple[str, ...]) -> dict[str, str]:
    """Return the columns of a table of R as they are of rank accuracy."""
    found: dict[str, str] = {}
    for name, text in said.items():
        if name == "n_targets":
            found |= _SET
        elif name not in (*_PLACE, *left_out):
            found[name] = _OF_RANK.get(name, text).format(what=what)
    return found


ASSOCIATION = (
    "Association effects by identification: rank accuracy of segments, told by BOLD predicted from "
    "the story with associations, minus that from the story alone, at each model's reported layer, "
    "by set of targets. Control texts, tests over texts and corrections are those of F of R "
    "(tables/association.tsv), with sets of targets in the place of regions."
)
ASSOCIATION_COLUMNS = {
    **_described(association_tables.ASSOCIATION_COLUMNS, "the story alone", ("written_by",)),
    **_NULL_95,
}
TUNING = (
    "Tuning effects by identification: rank accuracy of segments, told by BOLD predicted from the "
    "tuned model, minus that from the base model, at each model's reported layer, by set of "
    "targets. Control tunings, tests over seeds and corrections are those of M of R "
    "(tables/tuning.tsv), with sets of targets in the place of regions."
)
TUNING_COLUMNS = _described(tuning_tables.TUNING_COLUMNS, "the base model", ())


def association_table(found: Found, seed: int, primary: Primary = None) -> pd.DataFrame:
    """Return F of rank accuracy by set of targets (the columns of `ASSOCIATION_COLUMNS`).

    Parameters
    ----------
    found : mapping
        By model and text, from files of `engram.decoding.variants.identify_variants`.
    seed : int
        Of the bootstrap.
    primary : mapping or None
        The text and the model that were named beforehand.
    """
    nobody = {text: "" for _, text in found}
    table = association_tables.association_table(found, nobody, seed, primary)
    ends = [np.percentile(text_tests.null_draws(one), 95, axis=0) for one in found.values()]
    table["null_95"] = np.concatenate(ends)
    return table.rename(columns={"roi": "set"})[list(ASSOCIATION_COLUMNS)]


def tuning_table(found: Found, methods: Mapping[str, str], seed: int) -> pd.DataFrame:
    """Return M of rank accuracy by set of targets (the columns of `TUNING_COLUMNS`).

    Parameters
    ----------
    found : mapping
        By base model and tuning.
    methods : mapping
        By tuning.
    seed : int
        Of the bootstrap.
    """
    above = {key: _above_chance(one) for key, one in found.items()}
    table = tuning_tables.tuning_table(above, methods, seed)
    table["original"] = table["original"] + CHANCE
    return table.rename(columns={"roi": "set"})[list(TUNING_COLUMNS)]


def _above_chance(one: Effects) -> Effects:
    """Return effects of rank accuracy above chance, of which M is a share."""
    by_story = {story: values - CHANCE for story, values in one.r_stimulus.items()}
    return replace(one, r=one.r - CHANCE, r_layer=one.r_layer - CHANCE, r_stimulus=by_story)
