"""Captions of figures of the brain: R, ceilings, F and M on the cortex or as markers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from engram.figures.captions.common import F_MEANING, M_MEANING, SCORE, Words
from engram.figures.shown_values import Measure
from engram.vocabulary import AVERAGE
from engram.wording import count, null_text, number, percent

_MESH = (
    "drawn on fsaverage5, inflated (lateral and medial) and flat; grey: "
    "curvature, where no target is"
)


def scores(shown: pd.DataFrame) -> str:
    """Return what R is of, with scores of single listeners at the reported layers."""
    return (
        f"Brain score R on the brain. {SCORE}. n = "
        f"{count(shown['subject'].nunique(), 'listener')} (mean). Layers are fixed beforehand. "
        "No threshold, no test."
    )


def ceilings(table: pd.DataFrame) -> str:
    """Return what the ceilings are of, with `engram.statistics.score_tables`'s table of them."""
    known = table[table["ceiling"].notna()]
    n_listeners = known.loc[known["subject"] != AVERAGE, "subject"].nunique()
    return (
        "Ceiling: what a perfect model would reach. Average listener: square root "
        "of the split-half reliability; single listeners: inter-subject correlation over "
        "the square root of the others' reliability. Inter-subject correlation: each listener's "
        "BOLD with the mean of the others', on the rows and in the blocks of R. n = "
        f"{count(n_listeners, 'listener')}, "
        f"{count(known['story'].nunique(), 'story')} (means). No test."
    )


def association(table: pd.DataFrame, by_target: bool) -> str:
    """Return what F is of; without values by target, regions have one each.

    The table is that of `engram.statistics.association_tables.association_table`.
    """
    survive, null = int((table["p_texts_corrected"] <= 0.05).sum()), null_text(table["null"])
    return (
        f"Association effect minus that of {null}s: {F_MEANING}. "
        f"n = {count(int(table['n_listeners'].max()), 'listener')} (mean), "
        f"{count(int(table['n_null'].max()), null)} for each text. "
        f"{'' if by_target else 'Regions have one value each. '}Not thresholded; by region, "
        f"{survive or 'none'} of {len(table)} tests over texts {'has' if survive < 2 else 'have'} "
        "p at most 0.05, corrected by the maximum statistic (tables/association.tsv)."
    )


def tuning(table: pd.DataFrame, shown: pd.DataFrame, floor: float) -> str:
    """Return what M is of, and how many regions are left out.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `engram.statistics.tuning_tables.tuning_table`.
    shown : pandas.DataFrame
        Its rows whose ceiling is not below `floor`.
    floor : float
    """
    n_low = _n_regions(table) - _n_regions(shown)
    null = shown["null_sd"].median()
    control_tunings = (
        f" Over control tunings the standard deviation of M is {100 * null:.0f} % "
        "(median over regions)."
        if np.isfinite(null)
        else ""
    )
    return (
        f"Tuning effect: {M_MEANING}. n = "
        f"{count(int(table['n_listeners'].max()), 'listener')}, "
        f"{count(int(table['n_seeds'].max()), 'seed')} (means). Regions have one value each"
        f"{f'; {n_low} with a ceiling below {floor:g} are left out' if n_low else ''}. "
        f"M means little where R of the base model is near 0. Not thresholded.{control_tunings}"
    )


def _n_regions(table: pd.DataFrame) -> int:
    return len(table[["hemisphere", "roi"]].drop_duplicates())


def drawn(measure: Measure, n_unlocated: int) -> Words:
    """Return the words of a measure as it is drawn.

    Parameters
    ----------
    measure : Measure
    n_unlocated : int
        Regions that are not drawn, because they have no coordinates.
    """
    how = (
        f"Maps, {_MESH}"
        if measure.maps
        else "Markers at the mean MNI coordinates of regions, on glass brains (left, above, right)"
    )
    missing = (
        f" {count(n_unlocated, 'region')} without coordinates "
        f"{'is' if n_unlocated == 1 else 'are'} not shown."
        if n_unlocated
        else ""
    )
    return Words(
        measure.title, f"{measure.words} {how}. {_colours(measure)}{missing}", _alt(measure)
    )


def _colours(measure: Measure) -> str:
    """Return a sentence on where colours end."""
    end = (
        f"{100 * measure.bound:.0f} %"
        if measure.bound
        else f"the 99.5th percentile of the {'values' if measure.sequential else 'absolute values'}"
    )
    which = "All rows share colours, which" if len(measure.rows) > 1 else "Colours"
    return f"{which} end at {end}."


def _alt(measure: Measure) -> str:
    kind = "Cortical maps" if measure.maps else "Glass brains with markers"
    said = [f"{kind}, {count(len(measure.rows), 'row')}."]
    for title, values in measure.rows.items():
        known = values.dropna()
        if len(known):
            low, high = known.idxmin(), known.idxmax()
            said.append(
                f"{title}: from {_value(known.min(), measure)} in {low[1]} ({low[0]}) to "
                f"{_value(known.max(), measure)} in {high[1]} ({high[0]})."
            )
    return " ".join(said)


def _value(value: float, measure: Measure) -> str:
    return percent(value) if measure.percent else number(value)
