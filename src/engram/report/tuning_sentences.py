"""What the report says of tuning: gains over control tunings, tests over seeds, limits.

Every sentence is built from the numbers, and says when there are none.
"""

from __future__ import annotations

import pandas as pd

from engram.report.means import target_mean
from engram.report.naming import MOST_NAMED, region
from engram.statistics import significance
from engram.vocabulary import TUNING_CONTROLS
from engram.wording import capitalised, count, number, percent, span


def what_tuning_adds(table: pd.DataFrame | None) -> list[str]:
    """Return what tuning to associate adds over control tunings, with the test over seeds."""
    if table is None or table.empty:
        return ["What tuning adds was not measured: the study has no tunings."]
    combinations = list(table.groupby(["tuning", "model"], sort=False))
    n_regions = len(table[["hemisphere", "roi"]].drop_duplicates())
    changes = (
        f"R_sft − R is {span(table['difference'], signed=True)} in {count(n_regions, 'region')}."
    )
    means = (
        "Means over targets: "
        f"{'; '.join(f'{tuning}, {model}: {_pooled(part)}' for (tuning, model), part in combinations)}."  # noqa: E501
    )
    details = [changes, means] if len(combinations) <= MOST_NAMED else [changes]
    # Of those controls that there are.
    worst = table[[f"p_{kind}_fdr" for kind in TUNING_CONTROLS]].max(axis=1)
    if worst.isna().all():
        seeds = " and ".join(f"{span(table[f'n_{kind}'], 0)} {kind}" for kind in TUNING_CONTROLS)
        first = (
            "What tuning adds cannot be tested: a test over seeds needs four of each condition, "
            f"and there are {span(table['n_seeds'], 0)} to associate, {seeds}."
        )
        return [first, *details]
    untested = sum(bool(worst[part.index].isna().all()) for _, part in combinations)
    rest = [f"{count(untested, 'tuning')} had too few seeds for a test."] if untested else []
    tests = (
        f"{count(int(worst.notna().sum()), 'test')} over seeds against each control, "
        "corrected over regions"
    )
    significant = table[worst < significance.LEVEL]
    if significant.empty:
        first = (
            "No gain from tuning is shown: none over control tunings survives correction "
            f"(smallest corrected p {number(worst.min())}, the larger of both "
        )
        return [f"{first}controls'; {tests}).", *details, *rest]
    best = significant.loc[significant["difference"].idxmax()]
    most = f"{region(best)} ({best['tuning']}, {best['model']})"
    fallen = " R itself falls in some of these." if (significant["difference"] <= 0).any() else ""
    first = (
        f"Tuning to associate beats control tunings in {len(significant)} "
        f"of {count(int(worst.notna().sum()), 'case')}, by the most in {most}: "
        f"R_sft − R {number(best['difference'], signed=True)}, M {percent(best['M'])}, "
        f"corrected p {number(worst[best.name])}.{fallen}"
    )
    return [first, f"{capitalised(tests)}.", *details, *rest]


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
