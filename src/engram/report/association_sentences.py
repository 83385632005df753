"""What the report says of the association effect F: gains over random texts, tests, limits.

Every sentence is built from the numbers, and says when there are none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from engram.report.naming import region
from engram.statistics import significance
from engram.wording import count, listed, number, span, writers


def what_association_adds(
    table: pd.DataFrame | None, unique: pd.DataFrame | None = None
) -> list[str]:
    """Return what texts with associations add over random ones.

    It comes with the test over texts, and what they add beyond nuisance features.
    """
    if table is None or table.empty:
        return ["What association adds was not measured: the study has no texts with associations."]
    gains, last = _gains(table), ""
    if table["smallest_p"].min() >= significance.LEVEL:
        first = [_too_few_texts(table)]
    elif gains:
        first = _gain_sentences(table, gains)
    else:
        first, last = _no_gain_sentences(table), _detectable(table)
    said = [*first, _texts(table), _ranges(table), last, _unique_of_texts(unique)]
    return [sentence for sentence in said if sentence]


def _gains(table: pd.DataFrame) -> list[str]:
    """Return the significant gain of each text and model that has one."""
    return [
        said
        for key, part in table.groupby(["text", "model"], sort=False)
        if (said := _gain(key, part))
    ]


def _too_few_texts(table: pd.DataFrame) -> str:
    few = count(int(table["n_random"].max()), "random text")
    return (
        f"What association adds cannot be tested: with {few} no p below "
        f"{number(table['smallest_p'].min())} can be reached."
    )


def _gain_sentences(table: pd.DataFrame, gains: Sequence[str]) -> list[str]:
    """Return which F stand out from those of random texts, and how many were tested."""
    others = table.groupby(["text", "model"]).ngroups - len(gains)
    fallen = (table.loc[table["p_texts_fdr"] < significance.LEVEL, "F"] <= 0).any()
    claim = (
        "Association takes less from R than random texts do, or adds to it"
        if fallen
        else "Association adds to R beyond random texts of the same shape"
    )
    return [
        f"{claim}: {'; '.join(gains)}.",
        f"{_tests(table)}.",
        f"None in {count(others, 'other combination')} of text and model." if others else "",
    ]


def _no_gain_sentences(table: pd.DataFrame) -> list[str]:
    """Return that no F stands out from those of random texts, and how near the tests came."""
    uncorrected = int((table["p_texts"] <= significance.LEVEL).sum())
    return [
        "No gain from association is shown: after correction no F stands out from that of "
        "random texts of the same shape "
        f"(smallest corrected p {number(table['p_texts_fdr'].min())}; {_tests(table)}).",
        f"Uncorrected, p is at most {significance.LEVEL} in {uncorrected} of {len(table)}; "
        "chance gives one in twenty.",
        _needs_many(table),
    ]


def _tests(table: pd.DataFrame) -> str:
    return (
        f"{count(len(table), 'test')} over texts, corrected over the regions of each text and model"
    )


def _texts(table: pd.DataFrame) -> str:
    authors = listed(writers(table["written_by"]))
    return (
        f"{count(table['text'].nunique(), 'text')} with associations, written by {authors}, "
        f"read by {count(table['model'].nunique(), 'model')}."
    )


def _ranges(table: pd.DataFrame) -> str:
    return (
        f"F = R_mem − R is {span(table['F'], signed=True)}, that of random "
        f"texts {span(table['F_random'], signed=True)}."
    )


def _detectable(table: pd.DataFrame) -> str:
    """Return which F would have been found; nothing where there are too few texts to say."""
    if table["detectable"].isna().all():
        return ""
    return (
        f"An F of {span(table['detectable'])} above the random texts' mean, depending on text "
        "and region, would have been found in four of five such studies before correction; "
        "smaller effects cannot be excluded."
    )


def _unique_of_texts(unique: pd.DataFrame | None) -> str:
    """Return what associations predict that nuisance features and the story alone do not."""
    if unique is None or unique.empty:
        return ""
    found, few = (
        int((unique["p_texts_fdr"] < significance.LEVEL).sum()),
        count(int(unique["n_random"].min()), "random text"),
    )
    smallest = number(unique["p_texts_fdr"].min())
    return (
        "Beyond nuisance features and the story alone associations predict "
        f"{span(unique['unique_minus_random'], signed=True)} more than random texts do, "
        f"by text and region; over {few} the corrected p is below {significance.LEVEL} in {found} "
        f"of {len(unique)} (smallest {smallest})."
    )


def _needs_many(table: pd.DataFrame) -> str:
    """Return how many regions must stand out at once to survive correction.

    It is for too few random texts for one alone to survive it.
    """
    needed = max(
        math.ceil(part["smallest_p"].iloc[0] * len(part) / significance.LEVEL - 1e-9)
        for _, part in table.groupby(["text", "model"])
    )
    if needed <= 1:
        return ""
    few = count(int(table["n_random"].min()), "random text")
    return (
        f"With {few} no p is below {number(table['smallest_p'].max())}, and {needed} regions "
        "would have to reach that at once for any to survive correction."
    )


def _gain(key: Any, part: pd.DataFrame) -> str:
    significant = part[part["p_texts_fdr"] < significance.LEVEL]
    if significant.empty:
        return ""
    best = significant.loc[significant["F_minus_random"].idxmax()]
    return (
        f"{key[0]}, read by {key[1]}, in {len(significant)} of {count(len(part), 'region')} "
        f"(most in {region(best)}: F {number(best['F'], signed=True)}, random "
        f"{number(best['F_random'], signed=True)}, corrected p {number(best['p_texts_fdr'])})"
    )
