"""What the report says of the association effect F: gains over null texts, tests, limits.

Every sentence is built from the numbers, and says when there are none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from engram.report.naming import region
from engram.statistics import significance
from engram.statistics.text_tests import ALL, OTHERS, PRIMARY
from engram.statistics.yin2025.association_claims import PUBLISHED_MAPS, PUBLISHED_REGIONS
from engram.wording import count, null_text, number, origin, span


def what_association_adds(
    table: pd.DataFrame | None, unique: pd.DataFrame | None = None
) -> list[str]:
    """Return what texts with associations add over null texts.

    It comes with the test over texts, and what they add beyond nuisance features.
    """
    if table is None or table.empty:
        return ["What association adds was not measured: the study has no texts with associations."]
    gains, last = _gains(table), ""
    if not is_tested(table):
        first = [_too_few_texts(table)]
    elif gains:
        first = _gain_sentences(table, gains)
    else:
        first, last = _no_gain_sentences(table), _detectable(table)
    said = [*first, _texts(table), _ranges(table), last, _unique_of_texts(unique)]
    return [sentence for sentence in said if sentence]


def is_tested(table: pd.DataFrame | None) -> bool:
    """Whether there are null texts enough for a test of what associations add."""
    if table is None or table.empty:
        return False
    return bool((1 / (1 + table["n_draws"])).min() <= significance.LEVEL)


def in_short(table: pd.DataFrame | None) -> str:
    """Return what texts with associations add, in a sentence without its grounds."""
    if table is None or table.empty:
        return "What associations add was not measured."
    if not is_tested(table):
        return "What associations add cannot be tested: there are too few control texts."
    combinations = table.groupby(["text", "model"], sort=False)
    gains = [key for key, part in combinations if _gain(key, part)]
    if not gains:
        smallest = number(table["p_texts_corrected"].min())
        return (
            "No gain from associations is shown: no text does more than its control texts "
            f"(smallest corrected p {smallest})."
        )
    significant = table[table["p_texts_corrected"] <= significance.LEVEL]
    best = significant.loc[significant["F_minus_null"].idxmax()]
    which = (
        f"{best['text']}, read by {best['model']},"
        if len(gains) == 1
        else f"{len(gains)} of {combinations.ngroups} combinations of text and model,"
    )
    tested = "region" if combinations.ngroups == 1 else "test"
    return (
        f"Associations do more than control texts: {which} in "
        f"{len(significant)} of {count(len(table), tested)}, most in {region(best)} "
        f"(F {number(best['F_minus_null'])} above that of {null_text(table['null'])}s, corrected p "
        f"{number(best['p_texts_corrected'])})."
    )


def _gains(table: pd.DataFrame) -> list[str]:
    """Return the significant gain of each text and model that has one."""
    return [
        said
        for key, part in table.groupby(["text", "model"], sort=False)
        if (said := _gain(key, part))
    ]


def _too_few_texts(table: pd.DataFrame) -> str:
    draws = int(table["n_draws"].max())
    few = count(draws, null_text(table["null"]))
    return (
        f"What association adds cannot be tested: with {few} no p below "
        f"{number(1 / (1 + draws))} can be reached."
    )


def _gain_sentences(table: pd.DataFrame, gains: Sequence[str]) -> list[str]:
    """Return which F stand out from those of null texts, and how many were tested."""
    others = table.groupby(["text", "model"]).ngroups - len(gains)
    fallen = (table.loc[table["p_texts_corrected"] <= significance.LEVEL, "F"] <= 0).any()
    null = null_text(table["null"])
    claim = (
        f"Association takes less from R than {null}s do, or adds to it"
        if fallen
        else f"Association adds to R beyond {null}s of the same shape"
    )
    return [
        f"{claim}: {'; '.join(gains)}.",
        _without_primary(table),
        f"{_tests(table)}.",
        f"None in {count(others, 'other combination')} of text and model." if others else "",
    ]


def _without_primary(table: pd.DataFrame) -> str:
    """Return that the text that was named beforehand is not among the gains, if so."""
    primary = table[table["family"] == PRIMARY]
    if primary.empty or (primary["p_texts_corrected"] <= significance.LEVEL).any():
        return ""
    named = primary.iloc[0]
    return (
        f"None is in {named['text']} read by {named['model']}, which was named beforehand "
        f"(smallest corrected p {number(primary['p_texts_corrected'].min())})."
    )


def _no_gain_sentences(table: pd.DataFrame) -> list[str]:
    """Return that no F stands out from those of null texts, and how near the tests came."""
    uncorrected = int((table["p_texts"] <= significance.LEVEL).sum())
    return [
        "No gain from association is shown: after correction no F stands out from that of "
        f"{null_text(table['null'])}s of the same shape "
        f"(smallest corrected p {number(table['p_texts_corrected'].min())}; {_tests(table)}).",
        f"Uncorrected, p is at most {significance.LEVEL} in {uncorrected} of {len(table)}; "
        "chance gives one in twenty.",
    ]


def _tests(table: pd.DataFrame) -> str:
    """Return how many tests there are, and what they were corrected for."""
    first = table.iloc[0]
    if set(table["family"]) == {ALL}:
        over = "regions" + (", texts and models" if first["n_family"] > _n_regions(table) else "")
    else:
        named = table[table["family"] == PRIMARY].iloc[0]
        over = f"regions for {named['text']} read by {named['model']}, which was named beforehand"
        if OTHERS in set(table["family"]):
            over += ", and over regions, texts and models for all others"
    return f"{count(len(table), 'test')} over texts, corrected by the maximum statistic over {over}"


def _n_regions(table: pd.DataFrame) -> int:
    return len(table[["hemisphere", "roi"]].drop_duplicates())


def _texts(table: pd.DataFrame) -> str:
    return (
        f"{count(table['text'].nunique(), 'text')} with associations, "
        f"{origin(table['written_by'])}, "
        f"read by {count(table['model'].nunique(), 'model')}."
    )


def _ranges(table: pd.DataFrame) -> str:
    return (
        f"F = R_mem − R is {span(table['F'], signed=True)}, that of "
        f"{null_text(table['null'])}s {span(table['F_null'], signed=True)}."
    )


def _detectable(table: pd.DataFrame) -> str:
    """Return which F would have been found, beside what was published.

    It is nothing where there are too few texts to say.
    """
    detectable = table["detectable_corrected"].dropna()
    if detectable.empty:
        return ""
    low, high = PUBLISHED_MAPS
    maps = f"{low} to {high} on maps, up to {PUBLISHED_REGIONS} in regions"
    if detectable.min() > PUBLISHED_REGIONS:
        beside = f"More than was published ({maps}): such effects could not be found here"
    elif n_larger := int((detectable > PUBLISHED_MAPS[1]).sum()):
        beside = (
            f"In {n_larger} of {len(detectable)} this is more than the published maps show "
            f"({maps}), so that most effects of that size would have been missed"
        )
    else:
        beside = f"Of the published effects ({maps}) those above this would mostly have been found"
    return (
        f"An F of {span(detectable)} above the {null_text(table['null'])}s' mean, depending on "
        "text and region, would have been found in four of five such studies after correction; "
        f"smaller effects cannot be excluded. {beside}."
    )


def _unique_of_texts(unique: pd.DataFrame | None) -> str:
    """Return what associations predict that nuisance features and the story alone do not."""
    if unique is None or unique.empty:
        return ""
    found, few = (
        int((unique["p_texts_corrected"] <= significance.LEVEL).sum()),
        count(int(unique["n_null"].min()), null_text(unique["null"])),
    )
    smallest = number(unique["p_texts_corrected"].min())
    return (
        "Beyond nuisance features and the story alone associations predict "
        f"{span(unique['unique_minus_null'], signed=True)} more than {null_text(unique['null'])}s "
        f"do, by text and region; over {few} the corrected p is at most {significance.LEVEL} in "
        f"{found} of {len(unique)} (smallest {smallest})."
    )


def _gain(key: Any, part: pd.DataFrame) -> str:
    significant = part[part["p_texts_corrected"] <= significance.LEVEL]
    if significant.empty:
        return ""
    best = significant.loc[significant["F_minus_null"].idxmax()]
    return (
        f"{key[0]}, read by {key[1]}, in {len(significant)} of {count(len(part), 'region')} "
        f"(most in {region(best)}: F {number(best['F'], signed=True)}, "
        f"{null_text(part['null'])}s {number(best['F_null'], signed=True)}, corrected p "
        f"{number(best['p_texts_corrected'])})"
    )
