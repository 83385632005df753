"""The caption of the association effect F by region."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from engram.figures.captions.common import F_MEANING, Words, lines_of_points, tests_below_level
from engram.figures.shown_values import shown_controls
from engram.wording import capitalised, count, listed, span, writers

#: How control texts beside random ones are drawn, and what they are.
_CONTROLS = {
    "shuffled": "triangles: the same associations at each other's places",
    "displaced": "inverted triangles: the same associations elsewhere",
    "repeat": "squares: earlier story text at the same places",
}


def association(table: pd.DataFrame) -> Words:
    """Return the words of F by region.

    Parameters
    ----------
    table : pandas.DataFrame
        As `engram.statistics.association_tables.association_table` makes it.
    """
    n_significant = int((table["p_texts_fdr"] < 0.05).sum())
    so = (
        "The tests hold for these listeners and stories."
        if n_significant
        else "Nothing here shows that the associations do more than random texts."
    )
    caption = (
        f"Association effect by region: {F_MEANING}, at the reported layer, "
        f"fixed beforehand. n = {count(int(table['n_listeners'].max()), 'listener')}; "
        f"{count(table['text'].nunique(), 'text')}, "
        f"written by {listed(writers(table['written_by']))}. "
        f"Points: mean over listeners; {lines_of_points(table['F_low'])}; dots: single listeners, "
        "as far as the axis reaches. "
        f"Grey bars: the middle 95 % of {count(int(table['n_random'].max()), 'random text')}, "
        "which insert the same "
        "numbers of words at the same places, with content of other stories, and their mean "
        "(white). "
        f"{_controls(shown_controls(table))}"
        "Test: one-sided, over texts: the rank of F among those of the "
        f"random texts (smallest possible p {table['smallest_p'].min():.3g}). "
        f"{tests_below_level(n_significant, len(table))}"
        f"Right: mean over regions by layer, descriptive. {so}"
    )
    return Words("Association effect F by region, with its controls", caption, _alt(table))


def _alt(table: pd.DataFrame) -> str:
    said = [
        "Points with intervals by region, beside grey bars of random texts; a row "
        "for each text and model."
    ]
    for _, part in table.groupby(["text", "model"], sort=False):
        said.append(
            f"{association_title(part)}: F {span(part['F'], signed=True)}, "
            f"random texts {span(part['F_random'], signed=True)}, smallest corrected "
            f"p {part['p_texts_fdr'].min():.2g}."
        )
    return " ".join(said)


def association_title(part: pd.DataFrame) -> str:
    """Return what a row of F is about, and who wrote the text."""
    first = part.iloc[0]
    return (
        f"{first['text']} (written by: {first['written_by']}), {first['model']}, "
        f"layer {first['layer']}"
    )


def _controls(kinds: Sequence[str]) -> str:
    if not kinds:
        return ""
    return f"{capitalised('; '.join(_CONTROLS[kind] for kind in kinds))} (means over texts). "
