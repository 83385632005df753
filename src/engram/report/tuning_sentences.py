"""What the report says of tuning: gains over control tunings, tests over seeds, limits.

Every sentence is built from the numbers, and says when there are none.
"""

from __future__ import annotations

import pandas as pd

from engram.report.means import target_mean
from engram.report.naming import MOST_NAMED, region
from engram.statistics import significance
from engram.statistics.yin2025.tuning_claims import MEDIAL_TEMPORAL, SUPERIOR_PARIETAL
from engram.vocabulary import TUNING_CONTROLS
from engram.wording import capitalised, count, listed, number, percent, span


def what_tuning_adds(table: pd.DataFrame | None) -> list[str]:
    """Return what tuning to associate adds over control tunings, with the test over seeds."""
    if table is None or table.empty:
        return ["What tuning adds was not measured: the study has no tunings."]
    # Of those controls that there are.
    p = table[[f"p_{kind}_corrected" for kind in TUNING_CONTROLS]].max(axis=1)
    if p.isna().all():
        return [_too_few_seeds(table), *_changes(table)]
    untested = sum(
        bool(p[part.index].isna().all())
        for _, part in table.groupby(["tuning", "model"], sort=False)
    )
    rest = [f"{count(untested, 'tuning')} had too few seeds for a test."] if untested else []
    tests = (
        f"{count(int(p.notna().sum()), 'test')} over seeds against each control, "
        "corrected over regions by the maximum statistic"
    )
    if not (p <= significance.LEVEL).any():
        first = [
            "No gain from tuning is shown: none over control tunings survives correction "
            f"(smallest corrected p {number(p.min())}, the larger of the two against controls; "
            f"{tests}).",
            _detectable(table),
        ]
    else:
        first = [_gain(table, p), f"{capitalised(tests)}."]
    return [sentence for sentence in (*first, *_changes(table), *rest) if sentence]


def is_tested(table: pd.DataFrame | None) -> bool:
    """Whether there are seeds enough for a test of what tuning adds."""
    if table is None or table.empty:
        return False
    return bool(table[[f"p_{kind}_corrected" for kind in TUNING_CONTROLS]].notna().any(axis=None))


def in_short(table: pd.DataFrame | None) -> str:
    """Return what tuning to associate adds, in a sentence without its grounds."""
    if table is None or table.empty:
        return "What tuning adds was not measured."
    p = table[[f"p_{kind}_corrected" for kind in TUNING_CONTROLS]].max(axis=1)
    if p.isna().all():
        return "What tuning adds cannot be tested: there are too few seeds."
    found = int((p <= significance.LEVEL).sum())
    if not found:
        return (
            "No gain from tuning is shown: tuning to associate does no more than control tunings "
            f"(smallest corrected p {number(p.min())})."
        )
    return (
        f"Tuning to associate does more than control tunings in {found} of "
        f"{count(int(p.notna().sum()), 'case')}."
    )


def _detectable(table: pd.DataFrame) -> str:
    """Return which M would have been found, beside what was published.

    It is nothing where no size is enough, or R is not above 0.
    """
    known = table[table["detectable_corrected"].notna() & (table["original"] > 0)]
    if known.empty:
        return ""
    shares = known["detectable_corrected"] / known["original"]
    low, high = MEDIAL_TEMPORAL
    published = (
        f"{low:g} to {high:g} % in medial temporal regions and {SUPERIOR_PARIETAL[0]:g} to "
        f"{SUPERIOR_PARIETAL[1]:g} % in superior parietal ones"
    )
    larger = 100 * shares.min() > high
    return (
        f"An M of {percent(shares.min())} to {percent(shares.max())} above control tunings, "
        "depending on region, would have been found in four of five such studies after correction "
        f"(regions taken as independent). Published are {published}"
        f"{', so that the smaller of these could not be found here' if larger else ''}."
    )


def _changes(table: pd.DataFrame) -> list[str]:
    """Return how much R changes: the range over regions, and means of few tunings."""
    combinations = list(table.groupby(["tuning", "model"], sort=False))
    n_regions = len(table[["hemisphere", "roi"]].drop_duplicates())
    changes = (
        f"R_sft − R is {span(table['difference'], signed=True)} in {count(n_regions, 'region')}."
    )
    if len(combinations) > MOST_NAMED:
        return [changes]
    means = [f"{tuning}, {model}: {_pooled(part)}" for (tuning, model), part in combinations]
    return [changes, f"Means over targets: {'; '.join(means)}."]


def _too_few_seeds(table: pd.DataFrame) -> str:
    seeds = listed([f"{span(table[f'n_{kind}'], 0)} {kind}" for kind in TUNING_CONTROLS])
    return (
        "What tuning adds cannot be tested: a test over seeds needs four of each condition, "
        f"and there are {span(table['n_seeds'], 0)} to associate, {seeds}."
    )


def _gain(table: pd.DataFrame, p: pd.Series) -> str:
    """Return where tuning to associate is above control tunings, and where most."""
    significant = table[p <= significance.LEVEL]
    best = significant.loc[significant["difference"].idxmax()]
    fallen = " R itself falls in some of these." if (significant["difference"] <= 0).any() else ""
    return (
        f"Tuning to associate beats control tunings in {len(significant)} "
        f"of {count(int(p.notna().sum()), 'case')}, most in "
        f"{region(best)} ({best['tuning']}, {best['model']}): "
        f"R_sft − R {number(best['difference'], signed=True)}, M {percent(best['M'])}, "
        f"corrected p {number(p[best.name])}.{fallen}"
    )


def _pooled(part: pd.DataFrame) -> str:
    original, difference = target_mean(part, "original"), target_mean(part, "difference")
    controls = [
        target_mean(part, f"difference_{kind}")
        for kind in TUNING_CONTROLS
        if part[f"difference_{kind}"].notna().all()
    ]
    share = (
        f", M {percent(difference / original)}"
        if original > 0
        else ", M without meaning, since R is not above 0"
    )
    return f"{number(difference, signed=True)}{share}" + (
        f", controls {span(controls, signed=True)}" if controls else ""
    )
