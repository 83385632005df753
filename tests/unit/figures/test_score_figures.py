"""Figures of brain scores: what they show is what the tables hold.

Whatever a study lacks, they are drawn of the rest.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from figure_sample import LISTENERS, MODELS, ceilings, check, curves, points, scores
from matplotlib.collections import PolyCollection
from matplotlib.text import Text
from scipy import stats

from engram.figures import score_figures, style
from engram.vocabulary import AVERAGE


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


def test_depth_sets_models_of_few_and_of_many_layers_side_by_side() -> None:
    table = scores()
    shallow = table[(table["model"] != "two") | (table["layer"] < 3)]
    drawn = score_figures.depth(shallow, ceilings(table), MODELS)
    check(drawn, "relative depth", "n = 7 listeners", "95 % confidence interval", "ceiling")
    panel = drawn.figure.axes[0]
    places = {line.get_label(): np.asarray(line.get_xdata()).tolist() for line in panel.get_lines()}
    assert places["one"] == pytest.approx([0, 1 / 3, 2 / 3, 1]) and places["two"] == [0, 0.5, 1]
    mine = table[(table["model"] == "two") & (table["hemisphere"] == "L") & (table["layer"] == 2)]
    expected = mine[mine["subject"] != AVERAGE].groupby("subject")["score"].mean().mean()
    assert curves(panel, "two")[-1] == pytest.approx(expected)


def test_two_layers_are_points_and_no_curve() -> None:
    table = scores()
    shallow = table[(table["model"] != "two") | (table["layer"] < 2)]
    panel = score_figures.layers(shallow, ceilings(table), MODELS).figure.axes[0]
    lines = {line.get_label(): line for line in panel.get_lines()}
    assert lines["two"].get_linestyle() == "None" and lines["one"].get_linestyle() == "-"
    # Models have markers of their own; a twin has its model's, empty.
    assert lines["one"].get_marker() != lines["two"].get_marker()
    assert lines["one-reinitialised"].get_marker() == lines["one"].get_marker()
    assert lines["one-reinitialised"].get_markerfacecolor() == "white"


def test_colours_of_one_sided_values_begin_at_zero() -> None:
    table = scores()
    for shift, low in ((0.2, 0.0), (0.0, None)):
        moved = table.assign(score=table["score"].where(table["layer"] != 1, -0.2) + shift)
        panels: Any = score_figures.roi_layers(moved, ["one", "two"], None).figure.axes
        limits = panels[0].collections[0].get_clim()
        assert limits[0] == pytest.approx(-limits[1] if low is None else low)


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
