"""The caption of the association effect F by region."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from engram.figures.captions.common import F_MEANING, Words, lines_of_points, tests_below_level
from engram.figures.shown_values import shown_controls, target_mean
from engram.vocabulary import DEALT, NORMS, RANDOM
from engram.wording import capitalised, count, listed, null_text, number, origin, span

#: How control texts beside random ones are drawn, and what they are.
_CONTROLS = {
    "shuffled": "triangles: the same associations at each other's places",
    "displaced": "inverted triangles: the same associations elsewhere",
    "repeat": "squares: earlier story text at the same places",
    "passage": "diamonds: what was just heard, in another order",
    "cues": "pentagons: responses to other cues, not in the story",
}


def association(table: pd.DataFrame) -> Words:
    """Return the words of F by region.

    Parameters
    ----------
    table : pandas.DataFrame
        As `engram.statistics.association_tables.association_table` makes it.
    """
    n_significant = int((table["p_texts_corrected"] <= 0.05).sum())
    null = null_text(table["null"])
    so = (
        "The tests hold for these listeners and stories."
        if n_significant
        else f"Nothing here shows that the associations do more than {null}s."
    )
    caption = (
        f"Association effect by region: {F_MEANING}, at the reported layer, "
        f"fixed beforehand. n = {count(int(table['n_listeners'].max()), 'listener')}; "
        f"{count(table['text'].nunique(), 'text')}, "
        f"{origin(table['written_by'])}. "
        f"Points: mean over listeners; {lines_of_points(table['F_low'])}; dots: single listeners, "
        "as far as the axis reaches. "
        f"Grey bars: the middle 95 % of {count(int(table['n_null'].max()), null)}, {_null(table)}, "
        "and their mean (white). "
        f"{_controls(shown_controls(table))}"
        f"Test: one-sided, over texts: the rank of F among those of the {null}s "
        f"(smallest possible p {table['smallest_p'].min():.3g}), {_family(table)}. "
        f"{tests_below_level(n_significant, len(table))}"
        f"Right: mean over regions by layer, descriptive. {so}"
    )
    return Words("Association effect F by region, with its controls", caption, _alt(table))


def association_texts(table: pd.DataFrame) -> Words:
    """Return the words of F minus that of null texts, a row for each text and model.

    Parameters
    ----------
    table : pandas.DataFrame
        As in `association`.
    """
    null = null_text(table["null"])
    n_significant = int((table["p_texts_corrected"] <= 0.05).sum())
    caption = (
        "How much more each text with associations does than its control texts: a text whose point "
        f"lies within its grey bar does no more than they do. {F_MEANING}; shown is F minus the "
        f"mean F of {count(int(table['n_null'].max()), null)}, at the reported layer, fixed "
        f"beforehand. n = {count(int(table['n_listeners'].max()), 'listener')}. Points: mean over "
        f"targets; strokes: regions. Grey bars: the middle 95 % of {null}s' means over targets, "
        f"{_null(table)}. Long strokes: "
        "regions that survive correction. "
        f"{tests_below_level(n_significant, len(table))}"
    ).strip()
    said = [f"A row for each text and model; points beside grey bars of {null}s."]
    for (text, model), part in table.groupby(["text", "model"], sort=False):
        mean = number(target_mean(part, "F_minus_null"), signed=True)
        smallest = f"{part['p_texts_corrected'].min():.2g}"
        said.append(f"{text}, {model}: {mean}, smallest corrected p {smallest}.")
    return Words(f"Association effect of each text, beside {null}s", caption, " ".join(said))


def _alt(table: pd.DataFrame) -> str:
    said = [
        f"Points with intervals by region, beside grey bars of {null_text(table['null'])}s; a row "
        "for each text and model."
    ]
    for _, part in table.groupby(["text", "model"], sort=False):
        said.append(
            f"{association_title(part)}: F {span(part['F'], signed=True)}, "
            f"{null_text(part['null'])}s {span(part['F_null'], signed=True)}, smallest corrected "
            f"p {part['p_texts_corrected'].min():.2g}."
        )
    return " ".join(said)


def association_title(part: pd.DataFrame) -> str:
    """Return what a row of F is about, and who wrote the text."""
    first = part.iloc[0]
    return (
        f"{first['text']} ({_origin(first['written_by'])}), {first['model']}, "
        f"layer {first['layer']}"
    )


def _origin(written_by: str) -> str:
    """Return the same as a title has it."""
    if written_by.startswith(NORMS):
        return written_by.split(" (")[0]
    return origin([written_by])


def _null(table: pd.DataFrame) -> str:
    """Return what null texts are."""
    said = {
        RANDOM: "which insert the same numbers of words at the same places, with content of other "
        "stories",
        DEALT: "which have this text's own words, dealt anew among the places",
    }
    return "; or ".join(said[kind] for kind in table["null"].unique())


def _family(table: pd.DataFrame) -> str:
    """Return for what tests are corrected together."""
    sizes = table.groupby("family", sort=False)["n_family"].first()
    said = {
        "primary": "regions of the text and model named beforehand",
        "others": "all others together",
        "all": "regions, texts and models together",
    }
    named = [f"{said[family]} ({count(int(n), 'test')})" for family, n in sizes.items()]
    return f"held against the largest of its family: {listed(named)}"


def _controls(kinds: Sequence[str]) -> str:
    if not kinds:
        return ""
    return f"{capitalised('; '.join(_CONTROLS[kind] for kind in kinds))} (means over texts). "
