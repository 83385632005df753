"""Figures: what they show is what the tables hold, in words too.

Whatever a study lacks, they are drawn of the rest.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib import colors
from matplotlib.collections import EventCollection, PathCollection, PolyCollection
from matplotlib.text import Text
from scipy import stats

from engram.datasets.narratives.surfaces import VERTICES
from engram.figures import (
    association_figures,
    brain_figures,
    brain_measures,
    data_figures,
    maps,
    panels,
    score_figures,
    style,
    time_courses,
    tuning_figures,
)
from engram.statistics import association_tables, tuning_tables
from engram.statistics.variant_effects import Effects
from engram.vocabulary import AVERAGE

RNG = np.random.default_rng(0)
MODELS = ["one", "two", "one-reinitialised", "word-rate"]
LISTENERS = [f"{k:02d}" for k in range(1, 8)]


def scores(
    models: list[str] = MODELS,
    listeners: list[str] = LISTENERS,
    rois: dict[str, list[str]] | None = None,
    average: bool = True,
) -> pd.DataFrame:
    """Scores as `engram.statistics.score_tables` makes them: three layers, regions of 3 targets."""
    rois = rois or {"L": ["IFG", "ATL"], "R": ["ATL"]}
    rows = [
        (subject, model, layer, side, roi, RNG.uniform(-0.1, 0.4), RNG.uniform(0.3, 0.5))
        for subject in [*listeners, *([AVERAGE] if average else [])]
        for model in models
        for layer in range(1 if model == "word-rate" else 4)
        for side, names in rois.items()
        for roi in names
    ]
    columns = ["subject", "model", "layer", "hemisphere", "roi", "score", "ceiling"]
    return pd.DataFrame(rows, columns=columns).assign(
        text="original", n_targets=3, n_trs=100, group="g"
    )


def ceilings(
    table: pd.DataFrame, stories: list[str] | None = None, known: bool = True
) -> pd.DataFrame:
    """Ceilings of the same regions and listeners."""
    listeners = sorted(set(table["subject"]) - {AVERAGE})
    rows = [
        (story, subject, side, roi, kind, RNG.uniform(0.2, 0.6) if known else np.nan)
        for story in stories or ["alice"]
        for (side, roi) in table[["hemisphere", "roi"]].drop_duplicates().itertuples(index=False)
        for kind, subjects in (
            ("split_sb", [AVERAGE]),
            ("average", [AVERAGE]),
            ("loo", listeners),
            ("single", listeners),
        )
        for subject in subjects
    ]
    return pd.DataFrame(
        rows, columns=["story", "subject", "hemisphere", "roi", "kind", "ceiling"]
    ).assign(n_targets=3, n_listeners=len(listeners))


def check(drawn: style.Drawn, *words: str) -> None:
    """What holds for every figure: print's widths and type, words for everyone."""
    assert (
        drawn.figure.get_figwidth()
        in (
            pytest.approx(style.PAGE),
            pytest.approx(style.COLUMN),
            pytest.approx(0.75 * style.PAGE),
        )
        or drawn.figure.get_figwidth() < style.PAGE
    )
    drawn.figure.canvas.draw()
    shown = [
        text
        for text in drawn.figure.findobj(Text)
        if text.get_text().strip() and text.get_visible()
    ]
    assert min(float(text.get_fontsize()) for text in shown) >= style.TINY
    for text in (drawn.words.title, drawn.words.caption, drawn.words.alt):
        # The report includes captions from JSON as reStructuredText.
        assert (
            len(text) > 5
            and not set('"\\*`|') & set(text)
            and "nan" not in text.split()
            and "  " not in text
        )
    for word in words:
        assert word in drawn.words.caption, drawn.words.caption


def curves(panel: Any, label: str) -> np.ndarray:
    (line,) = [one for one in panel.get_lines() if one.get_label() == label]
    return np.asarray(line.get_ydata())


def test_layers_show_the_means_of_hemispheres_with_their_interval() -> None:
    table = scores()
    drawn = score_figures.layers(table, ceilings(table), MODELS)
    check(
        drawn,
        "n = 7 listeners, 1 story (alice)",
        "95 % confidence interval",
        "ceiling",
        "Pearson r",
    )
    panels = drawn.figure.axes
    assert [panel.get_title(loc="left") for panel in panels] == [
        f"{side} hemisphere, {who}"
        for who in ("single listeners", "average listener")
        for side in ("left", "right")
    ]
    assert (
        panels[0].get_ylabel() == "brain score R (Pearson r)"
        and panels[2].get_xlabel() == "layer (0: embeddings)"
    )
    mine = table[
        (table["model"] == "two") & (table["hemisphere"] == "L") & (table["subject"] != AVERAGE)
    ]
    by_listener = mine.groupby(["layer", "subject"])["score"].mean().unstack()
    np.testing.assert_allclose(curves(panels[0], "two"), by_listener.mean(axis=1))
    low, high = stats.t.interval(0.95, 6, by_listener.mean(axis=1), stats.sem(by_listener, axis=1))
    band: Any = (
        [one for one in panels[0].collections if isinstance(one, PolyCollection)][1]
        .get_paths()[0]
        .vertices
    )
    assert band[:, 1].min() == pytest.approx(low.min()) and band[:, 1].max() == pytest.approx(
        high.max()
    )
    assert f"highest {by_listener.mean(axis=1).max():.3f}" in drawn.words.alt


def test_layers_of_one_listener_have_neither_band_nor_ceiling() -> None:
    table = scores(listeners=["01"], average=False, rois={"B": ["all"]})
    drawn = score_figures.layers(table, ceilings(table, known=False), MODELS)
    check(
        drawn,
        "n = 1 listener,",
        "No ceiling: it takes four listeners",
        "One listener has no interval",
    )
    assert "confidence interval" not in drawn.words.caption
    (panel,) = drawn.figure.axes
    assert "ceiling" not in panel.get_legend_handles_labels()[1] and panel.get_title(
        loc="left"
    ).startswith("both hemispheres")
    bands: Any = [one for one in panel.collections if isinstance(one, PolyCollection)]
    assert all(
        np.isnan(path.vertices).any() or not len(path.vertices)
        for band in bands
        for path in band.get_paths()
    )


def points(panel: Any, label: str) -> np.ndarray:
    (found,) = [
        one
        for one in panel.collections
        if isinstance(one, PathCollection) and one.get_label() == label
    ]
    return np.asarray(found.get_offsets())


def test_regions_show_the_reported_layer() -> None:
    table = scores()
    drawn = score_figures.regions(table, ceilings(table), MODELS, None)
    check(
        drawn,
        "n = 7 listeners",
        "one 2, two 2 and one-reinitialised 2",
        "single listeners",
        "No test",
    )
    left, right = drawn.figure.axes
    assert [tick.get_text() for tick in left.get_xticklabels()] == ["ATL", "IFG"] and [
        tick.get_text() for tick in right.get_xticklabels()
    ] == ["ATL"]
    mine = table[
        (table["model"] == "one")
        & (table["layer"] == 2)
        & (table["subject"] != AVERAGE)
        & (table["hemisphere"] == "L")
    ]
    np.testing.assert_allclose(
        points(left, "one (layer 2)")[:, 1], mine.groupby("roi")["score"].mean()
    )
    assert (
        "layer 1"
        in score_figures.regions(table, ceilings(table), MODELS, 1)
        .figure.axes[0]
        .get_legend_handles_labels()[1][1]
    )


def test_names_with_dollar_signs_are_no_formulas(tmp_path: Path) -> None:
    table = scores(rois={"L": ["A$_{$", "ATL"], "R": ["ATL"]})
    regions = score_figures.regions(table, ceilings(table), MODELS, None)
    style.save(regions, str(tmp_path / "r.svg"), str(tmp_path / "r.png"), 72)
    assert "A$_{$" in (tmp_path / "r.svg").read_text()
    reliability = score_figures.reliability(ceilings(table))
    reliability.figure.canvas.draw()
    assert any(
        text.get_text().endswith("$r_{SB}$") and text.get_parse_math()
        for text in reliability.figure.findobj(Text)
    )


def test_many_regions_stand_below_each_other_on_a_page() -> None:
    rois = {side: [f"G_and_S_region-number_{k:02d}" for k in range(74)] for side in "LR"}
    table = scores(["one"], LISTENERS[:2], rois)
    drawn = score_figures.regions(table, ceilings(table), ["one"], None)
    check(drawn, "n = 2 listeners")
    above, below = (panel.get_position() for panel in drawn.figure.axes)
    assert drawn.figure.get_figwidth() == pytest.approx(style.PAGE) and above.y0 > below.y1
    room = drawn.figure.axes[1].get_position().width * drawn.figure.get_figwidth() * 72  # points
    # Upright names do not overlap.
    assert (
        74 * max(float(tick.get_fontsize()) for tick in drawn.figure.axes[1].get_xticklabels())
        < room
    )


def test_heat_map_holds_the_means() -> None:
    table = scores()
    drawn = score_figures.roi_layers(table, ["one", "two"], None)
    check(drawn, "mean over 7 listeners")
    panels: Any = [panel for panel in drawn.figure.axes if panel.get_title(loc="left")]
    assert [panel.get_title(loc="left") for panel in panels] == [
        "one, L",
        "one, R",
        "two, L",
        "two, R",
    ]
    order = [tick.get_text() for tick in panels[0].get_yticklabels()]
    mine = table[
        (table["model"] == "two") & (table["hemisphere"] == "L") & (table["subject"] != AVERAGE)
    ]
    expected = mine.groupby(["roi", "layer"])["score"].mean().unstack().loc[order]
    np.testing.assert_allclose(
        panels[2].collections[0].get_array().reshape(expected.shape), expected
    )
    assert panels[1].collections[0].get_array().mask.any()  # the right hemisphere lacks a region
    one = scores(["one"], ["01"], {"B": ["all"]}, average=False)
    alone = score_figures.roi_layers(one, ["one"], None)
    check(alone, "mean over 1 listener")
    cells: Any = alone.figure.axes[0].collections[0]
    # One row is drawn as high as one of many.
    assert cells.get_datalim(alone.figure.axes[0].transData).height == 1


def test_roi_sets_are_drawn_as_regions_or_said_to_be_none() -> None:
    table = scores()
    sets = table.rename(columns={"roi": "roi_set"})
    check(score_figures.roi_sets(sets, ceilings(table), MODELS, None), "by set of regions")
    none = score_figures.roi_sets(sets.iloc[:0], ceilings(table), MODELS, None)
    check(none, "Nothing is shown: no ROI set has a region here")


def test_reliability_sorts_listeners_and_shows_every_region() -> None:
    bounds = ceilings(scores(), ["a", "b"])
    drawn = score_figures.reliability(bounds)
    check(drawn, "7 listeners (a 7 and b 7)", "split-half")
    people, regions = drawn.figure.axes
    mine = (
        bounds[(bounds["kind"] == "loo") & (bounds["story"] == "a")]
        .groupby("subject")["ceiling"]
        .mean()
    )
    both = bounds[bounds["kind"] == "loo"].groupby("subject")["ceiling"].mean().sort_values()
    np.testing.assert_allclose(np.sort(points(people, "a")[:, 0]), np.arange(7))
    in_order = points(people, "a")[np.argsort(points(people, "a")[:, 0]), 1]
    np.testing.assert_allclose(in_order, mine[both.index])
    assert [tick.get_text() for tick in regions.get_xticklabels()] == ["ATL, L", "IFG, L", "ATL, R"]


REGIONS = [("L", "ATL", 3), ("L", "IFG", 3), ("R", "ATL", 3)]


def texts(effect: float = 0.0, random: int = 39, subjects: list[str] | None = None) -> Effects:
    """Scores of a text, the error of each random text is shared by listeners."""
    subjects = subjects or [*LISTENERS, AVERAGE]
    names = [
        "original",
        "associations",
        *(f"random-{k:02d}" for k in range(1, random + 1)),
        "shuffled-01",
    ]
    rng = np.random.default_rng(1)
    r = (
        0.1
        + 0.01 * rng.standard_normal((len(names), 1, 3))
        + 0.005 * rng.standard_normal((len(names), len(subjects), 3))
    )
    r[1] += effect
    return Effects(subjects, REGIONS, names, names[:2], 2, r, np.stack([r[:2]] * 3, axis=1))


def association(found: dict[tuple[str, str], Effects]) -> style.Drawn:
    made = association_tables.association_table(
        found, {name: "language model" for _, name in found}, 0
    )
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
        "3 of 6 tests are below 0.05",
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
    assert "a (written by: language model), m, layer 2" in rows[0].get_title(loc="left")


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
        "None of 3 tests is below 0.05",
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
        one.versions,
        one.layer,
        one.r[..., :1],
        one.r_layer[..., :1],
    )
    check(association({("m", "a"): alone}), "The one test is not below 0.05")


def seeds(number: int, controls: int, original: float = 0.1) -> Effects:
    names = [
        "base",
        *(
            f"{kind}-{k}"
            for kind, many in (
                ("association", number),
                ("shuffled", controls),
                ("generic", controls),
            )
            for k in range(1, many + 1)
        ),
    ]
    rng = np.random.default_rng(2)
    r = original + 0.01 * rng.standard_normal((len(names), 8, 3))
    versions = ["base", *(name for name in names if name.endswith("-1"))]
    return Effects(
        [*LISTENERS, AVERAGE],
        REGIONS,
        names,
        versions,
        2,
        r,
        np.stack([r[: len(versions)]] * 3, axis=1),
    )


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


def places() -> xr.Dataset:
    """Two regions of some vertices in each hemisphere."""
    n = 200
    return xr.Dataset(
        coords={
            "hemisphere": ("target", list("LLRR")),
            "roi": ("target", ["ATL", "IFG", "ATL", "IFG"]),
            "vertex_number": ("vertex", np.tile(np.arange(n), 2)),
            "vertex_hemisphere": ("vertex", np.repeat(["L", "R"], n)),
            "vertex_target": ("vertex", np.repeat(np.arange(4), n // 2)),
        }
    )


def test_regions_are_painted_whole() -> None:
    values = pd.Series({("L", "ATL"): 0.1, ("L", "IFG"): 0.2, ("R", "ATL"): 0.3})
    found = maps.region_maps(values, places(), "fsaverage5")
    assert found["L"].shape == (VERTICES["fsaverage5"],)
    np.testing.assert_allclose(found["L"][[0, 99, 100, 199]], [0.1, 0.1, 0.2, 0.2], rtol=1e-6)
    assert (
        np.isnan(found["L"][200:]).all()
        and np.isnan(found["R"][100:]).all()
        and (found["R"][:100] == np.float32(0.3)).all()
    )


@pytest.mark.slow
def test_f_is_drawn_on_the_cortex_inflated_and_flat() -> None:
    found = {("m", "a"): texts(0.1)}
    table = association_tables.association_table(found, {"a": "language model"}, 0)
    measure = brain_measures.association(table, None, places(), "fsaverage5")
    drawn = brain_figures.draw(measure, pd.DataFrame())
    check(
        drawn,
        "39 random texts",
        "inflated (lateral and medial) and flat",
        "Regions have one value each",
        "3 of 3 tests over texts are below 0.05",
    )
    assert [axes.name for axes in drawn.figure.axes] == ["3d"] * 4 + ["rectilinear"] * 3
    assert any("written by: language model" in text.get_text() for text in drawn.figure.texts)
    assert drawn.figure.axes[-1].get_xlabel() == "F minus F of random texts (Pearson r)"
    assert f"{table['F_minus_random'].max():.3f} in" in drawn.words.alt


def test_maps_are_those_of_their_files() -> None:
    """By model, layer, hemisphere and name, as `engram.figures.maps` writes them."""
    table, n = scores(), VERTICES["fsaverage5"]
    by_layer = {
        model: {
            side: {maps.layer_name(k): np.full(n, 10.0 * k + (side == "R")) for k in range(4)}
            for side in "LR"
        }
        for model in ("one", "two")
    }
    measure = brain_measures.scores(table, by_layer, ["one", "two"], None)
    assert measure.maps is not None and list(measure.maps) == ["one, layer 2", "two, layer 2"]
    assert [measure.maps["two, layer 2"][side][0] for side in "LR"] == [20.0, 21.0]
    bounds = {
        side: {"average listener": np.full(n, 0.5), "single listeners": np.full(n, 0.3)}
        for side in "LR"
    }
    kinds = brain_measures.ceilings(ceilings(table), bounds).maps
    assert kinds is not None and [values["L"][0] for values in kinds.values()] == [0.5, 0.3]
    found = {("m", "a"): texts(), ("m", "b"): texts()}
    f = association_tables.association_table(found, {"a": "x", "b": "x"}, 0)
    differences = {
        (name, "m"): {side: {maps.ASSOCIATION_DIFFERENCE: np.full(n, value)} for side in "LR"}
        for name, value in (("b", 2.0), ("a", 1.0))
    }
    drawn = brain_measures.association(f, differences, None, None)
    assert drawn.maps is not None and [values["R"][0] for values in drawn.maps.values()] == [
        1.0,
        2.0,
    ]
    assert "one value each" not in drawn.words and next(iter(drawn.maps)).startswith("a (")


LOCATED = pd.DataFrame(
    {
        "hemisphere": ["L", "L", "R"],
        "roi": ["ATL", "IFG", "ATL"],
        "x": [-40.0, np.nan, 40.0],
        "y": [-60.0, np.nan, -60.0],
        "z": [30.0, np.nan, 30.0],
    }
)


@pytest.mark.slow
def test_scores_and_ceilings_are_markers_where_there_is_no_surface() -> None:
    table = scores()
    measure = brain_measures.scores(table, {}, ["one", "two"], None)
    assert list(measure.rows) == ["one, layer 2", "two, layer 2"] and measure.maps is None
    mine = table[(table["model"] == "two") & (table["layer"] == 2) & (table["subject"] != AVERAGE)]
    pd.testing.assert_series_equal(
        measure.rows["two, layer 2"], mine.groupby(["hemisphere", "roi"])["score"].mean()
    )
    drawn = brain_figures.draw(measure, LOCATED)
    check(
        drawn, "n = 7 listeners (mean)", "glass brains", "1 region without coordinates is not shown"
    )
    bounds = brain_measures.ceilings(ceilings(table), None)
    assert (
        bounds.sequential and len(bounds.rows) == 2 and "n = 7 listeners, 1 story" in bounds.words
    )


def test_m_is_left_out_where_listeners_share_nothing() -> None:
    found = {("m", "t"): seeds(4, 4)}
    table = tuning_tables.tuning_table(found, {"t": "lora"}, 0)
    bounds = ceilings(scores())
    bounds.loc[(bounds["hemisphere"] == "L") & (bounds["roi"] == "IFG"), "ceiling"] = 0.01
    measure = brain_measures.tuning(table, bounds, places(), "fsaverage5", 0.05)
    (row,) = measure.rows.values()
    assert (
        list(row.index) == [("L", "ATL"), ("R", "ATL")]
        and "1 with a ceiling below 0.05 are left out" in measure.words
    )
    assert measure.maps is not None and np.isnan(next(iter(measure.maps.values()))["L"][150])
    unknown = brain_measures.tuning(table, ceilings(scores(), known=False), None, None, 0.05)
    assert len(next(iter(unknown.rows.values()))) == 3 and unknown.maps is None
    bounds["ceiling"] = 0.0
    # Nothing is left.
    check(brain_figures.draw(brain_measures.tuning(table, bounds, None, None, 0.05), LOCATED))


def bold(lag: int, rois: list[str], average: bool = True) -> tuple[xr.Dataset, np.ndarray]:
    """BOLD of the first region that follows words after a lag in rows, and words' onsets.

    Other regions are noise.
    """
    rng = np.random.default_rng(3)
    onsets = np.sort(rng.uniform(10, 310, 700))
    words = np.histogram(onsets, np.arange(10, 310.1, 1.5))[0].astype(float)
    values = rng.standard_normal((3, 200, len(rois)))
    values[:, :, 0] = np.roll(words, lag) + 0.1 * rng.standard_normal((3, 200))
    subjects = ["01", "02", AVERAGE if average else "03"]
    coords = {
        "subject": subjects,
        "time": 10 + 1.5 * np.arange(200),
        "roi": ("target", rois),
        "hemisphere": ("target", ["L"] * len(rois)),
    }
    return xr.Dataset(
        {"bold": (("subject", "time", "target"), values)},
        coords=coords,
        attrs={"story": "tale", "tr": 1.5},
    ), onsets


@pytest.mark.parametrize("lag", [0, 3, 6])
def test_alignment_finds_the_lag_in_auditory_cortex(lag: int) -> None:
    dataset, onsets = bold(lag, ["G_temp_sup.G_T_transv", "G_cuneus"])
    one = time_courses.course(dataset, onsets)
    assert one.auditory and (one.n_targets, one.n_listeners) == (1, 2)
    np.testing.assert_allclose(one.bold, dataset["bold"].values[2, :, 0])
    lags, r = time_courses.lagged(one)
    assert lags[np.argmax(r)] == lag * 1.5 and r.max() > 0.9
    pairs = one.words[: 200 - 4], one.bold[4:]
    assert r[list(lags).index(6.0)] == pytest.approx(np.corrcoef(*pairs)[0, 1])
    drawn = data_figures.alignment([one])
    check(
        drawn,
        f"tale {r.max():.2f} at {lag * 1.5:.1f} s",
        "2 listeners",
        "auditory cortex (Destrieux",
    )
    assert [panel.get_ylabel() for panel in drawn.figure.axes] == [
        "words in the TR",
        "BOLD (SD)",
        "r of BOLD with words in the TR",
    ]


def test_alignment_without_auditory_labels_says_so() -> None:
    dataset, onsets = bold(3, ["ATL", "IFG"], average=False)
    one = time_courses.course(dataset, onsets)
    np.testing.assert_allclose(one.bold, dataset["bold"].values.mean((0, 2)))
    check(
        data_figures.alignment([one] * 5),
        "mean over all targets, since the study has no Destrieux labels",
        "the first 3 of 5 stories",
    )
    dataset["bold"][:] = 0.0
    check(data_figures.alignment([time_courses.course(dataset, onsets)]), "No correlation")


def test_insertions_stand_where_they_were_written() -> None:
    words = pd.DataFrame(
        {"word": ["w"] * 100, "onset": 5 + np.arange(100.0), "sentence": np.arange(100) // 10}
    )
    mine = pd.DataFrame(
        {"after_word": [9, 20, 39], "text": ["x y"] * 3, "annotator": "language model"}
    )
    other = pd.DataFrame({"after_word": [50], "text": ["z"], "annotator": "manual"})
    found = {("tale", "a"): mine, ("tale", "b-manual"): other}
    table = pd.DataFrame(
        {"text": ["a", "b-manual"], "variant": "associations", "inserted_words": [6, 1]}
    )
    drawn = data_figures.insertions({"tale": words}, found, table, ["a", "b-manual", "t"])
    check(
        drawn,
        "1 story",
        "a (written by: language model): 3 insertions of 6 words, 6 inserted words for 100",
        "67 % at the end",
        "manual): 1 insertion of 1 word",
    )
    raster, gaps = drawn.figure.axes
    strokes = [
        one.get_positions() for one in raster.collections if isinstance(one, EventCollection)
    ]
    np.testing.assert_allclose(strokes[0], np.array([9, 20, 39]) / 60)
    assert [tick.get_text() for tick in raster.get_yticklabels()] == ["a", "b-manual"]
    assert len(gaps.get_lines()) == 1  # one insertion has no distance


def test_a_model_and_a_text_have_one_colour_each() -> None:
    palette = style.Palette(
        ["one", "one-reinitialised", "two", "word-rate"], ["original", "a", "b"]
    )
    assert (
        palette.model("one")["color"]
        == palette.model("one-reinitialised")["color"]
        != palette.model("two")["color"]
    )
    assert palette.model("one")["linestyle"] != palette.model("one-reinitialised")["linestyle"]
    assert palette.text("a") != palette.text("b")
    table = scores()
    by_layer = score_figures.layers(table, ceilings(table), MODELS).figure.axes[0]
    (line,) = [one for one in by_layer.get_lines() if one.get_label() == "two"]
    by_region = score_figures.regions(table, ceilings(table), MODELS, None).figure.axes[0]
    (dots,) = [one for one in by_region.collections if one.get_label() == "two (layer 2)"]
    assert (
        colors.to_hex(line.get_color())
        == colors.to_hex(dots.get_facecolor()[0])
        == palette.model("two")["color"].lower()
    )


#: How people without M, L or S cones see colours (Viénot, Brettel & Mollon 1999; Brettel et al.
#: 1997, one plane), linear RGB.
MISSING_CONES = {
    "protan": [[0.1124, 0.8876, 0.0], [0.1124, 0.8876, 0.0], [0.004, -0.004, 1.0]],
    "deutan": [[0.2928, 0.7072, 0.0], [0.2928, 0.7072, 0.0], [-0.0223, 0.0223, 1.0]],
}


def lightness_and_hue(linear: np.ndarray) -> np.ndarray:
    """Return CIE Lab of linear sRGB (D65)."""
    xyz = (
        np.clip(linear, 0, 1)
        @ np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]).T
        / [0.9505, 1, 1.089]
    )
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack(
        [116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])],
        axis=-1,
    )


def palettes() -> Iterator[tuple[str, list[str]]]:
    yield (
        "models",
        [style.Palette([f"m{k}" for k in range(4)]).model(f"m{k}")["color"] for k in range(4)],
    )
    yield (
        "texts",
        [style.Palette(texts=[f"t{k}" for k in range(6)]).text(f"t{k}") for k in range(6)],
    )
    yield "conditions", list(style.CONDITIONS.values())


@pytest.mark.parametrize(
    ("name", "palette"), list(palettes()), ids=lambda value: value if isinstance(value, str) else ""
)
@pytest.mark.parametrize("missing", ["none", *MISSING_CONES])
def test_colours_differ_for_any_eye(name: str, palette: list[str], missing: str) -> None:
    rgb = np.array([colors.to_rgb(one) for one in palette])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = lightness_and_hue(
        linear @ np.array(MISSING_CONES[missing]).T if missing in MISSING_CONES else linear
    )
    distances = {
        pair: float(np.linalg.norm(seen[pair[0]] - seen[pair[1]]))
        for pair in itertools.combinations(range(len(palette)), 2)
    }
    assert min(distances.values()) > 10, min(distances, key=distances.__getitem__)


@pytest.mark.slow
def test_files_are_the_same_each_time_and_carry_their_words(tmp_path: Path) -> None:
    table, bounds = scores(), ceilings(scores())
    for folder in ("first", "second"):
        style.save(
            score_figures.layers(table, bounds, MODELS),
            str(tmp_path / folder / "layers.svg"),
            str(tmp_path / folder / "layers.png"),
            100,
        )
    for name in ("layers.svg", "layers.png", "layers.json"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()
    words = json.loads((tmp_path / "first" / "layers.json").read_text())
    assert list(words) == ["Title", "Caption", "Alt"] and words["Caption"].startswith(
        "Brain score R of each layer"
    )
    assert "<text" in (tmp_path / "first" / "layers.svg").read_text()  # text stays text


def test_the_interval_of_a_mean_is_students() -> None:
    np.testing.assert_equal(panels.mean_interval([1.0]), (1.0, np.nan, np.nan))
    assert panels.mean_interval([1, 2, 3, np.nan])[1:] == pytest.approx(
        stats.t.interval(0.95, 2, 2, stats.sem([1, 2, 3]))
    )
