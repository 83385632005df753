"""Figures of what tuning changes: every condition, M within its axis, losses."""

from __future__ import annotations

import numpy as np
import pandas as pd
from figure_sample import check, points, seeds

from engram.figures import tuning_figures
from engram.statistics import tuning_tables


def test_tuning_shows_every_condition_and_says_what_is_tested() -> None:
    found = {("m", "t"): seeds(4, 4), ("m", "u"): seeds(1, 0)}
    table = tuning_tables.tuning_table(found, {"t": "lora", "u": "frozen"}, 0)
    layers = tuning_tables.layers_table(found)
    drawn = tuning_figures.tuning(
        table, tuning_tables.models_table(found), tuning_tables.listeners_table(found), layers
    )
    check(
        drawn,
        "n = 7 listeners",
        "4 association, 4 shuffled and 4 generic",
        "smallest possible p 0.0143",
        "None of",
    )
    assert len(drawn.figure.axes) == 2 * 3
    first = drawn.figure.axes[0]
    mine = table[(table["tuning"] == "t") & (table["hemisphere"] == "L")]
    np.testing.assert_allclose(points(first, "tuned to associate")[:, 1], mine["difference"])
    np.testing.assert_allclose(points(first, "generic control")[:, 1], mine["difference_generic"])
    alone = {key: one for key, one in found.items() if key[1] == "u"}
    check(
        tuning_figures.tuning(
            tuning_tables.tuning_table(alone, {"u": "full"}, 0),
            tuning_tables.models_table(alone),
            tuning_tables.listeners_table(alone),
            tuning_tables.layers_table(alone),
        ),
        "No test: it takes four seeds",
    )


def test_m_beyond_the_axis_is_marked() -> None:
    found = {("m", "t"): seeds(4, 4), ("m", "u"): seeds(1, 0)}
    table = tuning_tables.tuning_table(found, {"t": "lora", "u": "frozen"}, 0)
    drawn = tuning_figures.tuning_methods(table, ["text", "t", "u"])
    check(drawn, "t (lora) and u (frozen)", "ratio of means")
    assert "arrows" not in drawn.words.caption and len(drawn.figure.axes) == 2
    np.testing.assert_allclose(
        points(drawn.figure.axes[0], "t")[:, 1],
        table.loc[(table["tuning"] == "t") & (table["hemisphere"] == "L"), "M"],
    )
    wild = table.copy()
    wild.loc[0, "M"] = 50.0
    drawn = tuning_figures.tuning_methods(wild, ["text", "t", "u"])
    check(drawn, "arrows mark 1 value beyond it")
    assert drawn.figure.axes[0].get_ylim()[1] < 5
    check(
        tuning_figures.tuning_methods(table.iloc[:0], ["t"], "set of regions"), "Nothing is shown"
    )
    table.loc[0, ["M", "M_low", "M_high"]] = np.nan  # R of the base model is exactly 0
    assert "arrows" not in tuning_figures.tuning_methods(table, ["text", "t", "u"]).words.caption
    check(
        tuning_figures.tuning_methods(table[table["tuning"] == "u"], ["u"], "set of regions"),
        "by set of regions",
        "no control tuning",
    )


def test_losses_have_a_line_for_each_seed() -> None:
    curve = [
        {
            "step": step,
            "training": np.nan if step == 0 else 5.0 - step,
            "validation": 5.0 - step / 2,
        }
        for step in range(3)
    ]
    table = pd.DataFrame(
        [
            {"model": "m", "tuning": "t", "condition": kind, "seed": k, **point}
            for kind in ("association", "generic")
            for k in (1, 2)
            for point in curve
        ]
    )
    drawn = tuning_figures.losses(table)
    check(drawn, "2 for each tuning")
    (panel,) = drawn.figure.axes
    assert (
        len(panel.get_lines()) == 2 * 2 * 2 and panel.get_ylabel() == "loss (nats per output token)"
    )
    assert "from 5.00 to 4.00" in drawn.words.alt
