"""The figure of F: beside the range of random texts, and worded with care."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from figure_sample import REGIONS, check, points, texts

from engram.figures import association_figures, style
from engram.statistics import association_tables
from engram.statistics.variant_effects import Effects


def association(
    found: dict[tuple[str, str], Effects], written_by: str = "language model"
) -> style.Drawn:
    made = association_tables.association_table(found, {name: written_by for _, name in found}, 0)
    return association_figures.association(
        made,
        association_tables.controls_table(found),
        association_tables.listeners_table(found),
        association_tables.layers_table(found),
        [name for _, name in found],
    )


@pytest.mark.slow
def test_association_stands_beside_the_range_of_random_texts() -> None:
    found = {("m", "a"): texts(0.1), ("m", "b"): texts()}
    drawn = association(found)
    check(
        drawn,
        "n = 7 listeners",
        "39 random texts",
        "language model",
        "3 of 6 tests have p at most 0.05",
        "over texts",
        "bootstrap",
    )
    rows = [panel for panel in drawn.figure.axes if panel.get_ylabel() == "F (Pearson r)"]
    assert len(drawn.figure.axes) == 2 * 3 and len(rows) == 2
    table = association_tables.controls_table(found)
    random = table[
        (table["text"] == "a")
        & (table["hemisphere"] == "L")
        & table["variant"].str.startswith("random")
    ].groupby("roi")["F"]
    bars: Any = rows[0].patches[:2]
    np.testing.assert_allclose(
        [bar.get_height() for bar in bars], random.quantile(0.975) - random.quantile(0.025)
    )
    np.testing.assert_allclose([bar.get_y() for bar in bars], random.quantile(0.025))
    stars = [[text.get_text() for text in panel.texts].count("*") for panel in drawn.figure.axes]
    assert sum(stars) == 3
    title = rows[0].get_title(loc="left").replace("\n", " ")
    assert "a (written by a language model), m, layer 2" in title


def test_the_legend_names_what_any_row_shows() -> None:
    """The first row's null texts are random ones; below are dealt ones, and texts of other cues."""
    one = texts()
    names = [name.replace("random", "dealt").replace("shuffled", "cues") for name in one.variants]
    drawn = association({("m", "a"): one, ("m", "norms"): replace(one, variants=names)})
    shown = [text.get_text() for text in drawn.figure.legends[0].get_texts()]
    assert {"random or dealt texts (95 % of them, mean)", "cues", "shuffled"} <= set(shown)
    alone = association({("m", "norms"): replace(one, variants=names)})
    shown = [text.get_text() for text in alone.figure.legends[0].get_texts()]
    assert "dealt texts (95 % of them, mean)" in shown and "shuffled" not in shown


def test_a_long_title_stays_above_the_panels_of_its_regions() -> None:
    model = "a-model-with-a-long-name-4bit"
    drawn = association({(model, "word-by-a-model"): texts()}, f"language model: {model}")
    drawn.figure.draw_without_rendering()
    title: Any = drawn.figure.axes[0]._left_title  # type: ignore[attr-defined]
    curves: Any = drawn.figure.axes[-1]
    assert "layer 2\nleft hemisphere" in title.get_text()
    assert title.get_window_extent().x1 < curves.get_tightbbox().x0


def test_dots_of_listeners_do_not_stretch_the_axis() -> None:
    found = {("m", "a"): texts()}
    table, controls, listeners = (
        association_tables.association_table(found, {"a": "manual"}, 0),
        association_tables.controls_table(found),
        association_tables.listeners_table(found),
    )
    listeners.loc[0, "F"] = 5.0
    drawn = association_figures.association(
        table, controls, listeners, association_tables.layers_table(found), ["a"]
    )
    low, high = drawn.figure.axes[0].get_ylim()
    assert high < 0.2 and low < table["F_low"].min() and table["F_high"].max() < high
    check(drawn, "as far as the axis reaches")


def test_association_of_nothing_is_worded_with_care() -> None:
    check(
        association({("m", "a"): texts()}),
        "None of 3 tests has p at most 0.05",
        "Nothing here shows that the associations do more than random texts",
    )
    check(
        association({("m", "a"): texts(random=1, subjects=["01"])}),
        "n = 1 listener;",
        "1 random text,",
        "no interval: too few listeners",
    )
    one = texts(random=3)
    alone = Effects(
        one.subjects,
        REGIONS[:1],
        one.variants,
        one.layer_variants,
        one.layer,
        one.r[..., :1],
        one.r_layer[..., :1],
    )
    check(association({("m", "a"): alone}), "The one test has p above 0.05")


def test_each_text_stands_beside_its_null_texts() -> None:
    found = {("m", "a"): texts(0.1), ("m", "b"): texts()}
    table = association_tables.association_table(found, dict.fromkeys("ab", "language model"), 0)
    controls = association_tables.controls_table(found)
    drawn = association_figures.association_texts(table, controls, ["a", "b"])
    check(drawn, "39 random texts", "n = 7 listeners", "3 of 6 tests have p at most 0.05")
    (panel,) = drawn.figure.axes
    assert [tick.get_text() for tick in panel.get_yticklabels()] == ["a,\nm", "b,\nm"]
    null = controls[(controls["text"] == "a") & controls["variant"].str.startswith("random")]
    means = null.groupby("variant")["F"].mean()  # regions have three targets each
    low, high = means.quantile([0.025, 0.975]) - means.mean()
    bar: Any = panel.patches[0]
    assert (bar.get_x(), bar.get_width()) == pytest.approx((low, high - low))
    expected = table[table["text"] == "a"]["F_minus_null"].mean()
    assert points(panel, "mean over targets")[0, 0] == pytest.approx(expected)
    # The long strokes are those regions that survive correction, and no others.
    found = table[(table["text"] == "a") & (table["p_texts_corrected"] <= 0.05)]
    long = points(panel, "regions, p at most 0.05, corrected")[:, 0]
    np.testing.assert_allclose(sorted(long), sorted(found["F_minus_null"]))
    assert len(long) == 3
