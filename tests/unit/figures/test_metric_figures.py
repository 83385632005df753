"""Figures of other metrics and of windows: what is drawn is what was measured, and is named."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib import colors
from matplotlib.figure import Figure

from engram.figures import metric_figures, panels, score_figures, style, time_resolved_figures

MODELS = ["one", "word-rate"]
STAR, CROSS = "p at most 0.05, corrected", "95 % of circular shifts are below"


def identified(layers: tuple[int, ...]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rank accuracy of a model at some layers and of the word rate, and its tests."""
    rows = [
        (model, "encoding", layer, name, subject, "tale", 0.6 + 0.01 * layer)
        for model in MODELS
        for layer in (layers if model == "one" else (0,))
        for name in ("all", "left")
        for subject in ("01", "02", "03")
    ]
    columns = ["model", "direction", "layer", "set", "subject", "story", "rank"]
    tests = pd.DataFrame(
        [(model, "encoding", name) for model in MODELS for name in ("all", "left")],
        columns=["model", "direction", "set"],
    ).assign(rank=0.6, low=0.55, high=0.65, null_95=0.53, ceiling=0.9)
    tests["p_corrected"] = [0.01, 0.01, 0.4, 0.4]
    return pd.DataFrame(rows, columns=columns), tests


def legend_of(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_the_legend_names_stars_crosses_and_ceilings() -> None:
    table, tests = identified((0, 1, 2, 3))
    drawn = metric_figures.decoding(table, tests, MODELS)
    assert {*MODELS, STAR, CROSS, "by the others"} == set(legend_of(drawn.figure))
    assert "Left: by layer" in drawn.words.caption
    untested = tests.assign(p_corrected=0.4, null_95=np.nan, ceiling=np.nan)
    assert set(legend_of(metric_figures.decoding(table, untested, MODELS).figure)) == set(MODELS)


def test_stars_stay_below_the_title() -> None:
    drawn = metric_figures.decoding(*identified((0, 1, 2, 3)), MODELS)
    panel = drawn.figure.axes[1]
    stars = [text for text in panel.texts if text.get_text() == "*"]
    assert len(stars) == 2
    drawn.figure.draw_without_rendering()
    tops = [star.get_window_extent().y1 for star in stars]
    assert max(tops) <= panel.bbox.y1


def test_one_measured_layer_has_no_panel_by_layer() -> None:
    drawn = metric_figures.decoding(*identified((3,)), MODELS)
    assert len(drawn.figure.axes) == 1 and "by layer" not in drawn.words.caption
    assert set(MODELS) < set(legend_of(drawn.figure))
    assert drawn.figure.get_figwidth() == pytest.approx(style.NARROW)


@pytest.mark.parametrize(("layer", "line"), [(0, True), (20, False)])
def test_one_layer_of_several_is_a_point(layer: int, line: bool) -> None:
    panel, palette = Figure().subplots(), style.Palette(["one"])
    panels.curve(panel, pd.Series([(0.3, 0.2, 0.4)], index=[layer]), "one", palette)
    (drawn,) = panel.get_lines()
    assert list(np.asarray(drawn.get_ydata(), dtype=float)) == [0.3] * (2 if line else 1)
    assert line or list(np.asarray(drawn.get_xdata(), dtype=float)) == [layer]


def windows() -> pd.DataFrame:
    rows = [
        ("tale", model, begin, begin + 60.0, 0.2, p)
        for model, p in (("one", 0.01), ("word-rate", 0.3))
        for begin in (0.0, 60.0)
    ]
    columns = ["story", "model", "begin", "end", "score", "p_corrected"]
    return pd.DataFrame(rows, columns=columns).assign(
        set="all", low=0.1, high=0.3, null_95=0.05, others=0.5, n_listeners=5, n_shifts=99
    )


def test_stars_by_window_have_the_colour_of_their_model_and_lie_below_its_points() -> None:
    drawn = time_resolved_figures.time_resolved(windows(), MODELS, MODELS)
    (panel,) = drawn.figure.axes
    stars = [text for text in panel.texts if text.get_text() == "*"]
    expected = style.Palette(MODELS).model("one")["color"].lower()
    assert [colors.to_hex(star.get_color()) for star in stars] == [expected] * 2
    drawn.figure.draw_without_rendering()
    lowest = panel.transData.transform((0, 0.1))[1]
    assert all(star.get_window_extent().y1 < lowest for star in stars)
    assert {STAR, CROSS, "the other listeners"} < set(legend_of(drawn.figure))
    alone = windows().assign(others=np.nan)
    named = legend_of(time_resolved_figures.time_resolved(alone, MODELS, MODELS).figure)
    assert "the other listeners" not in named


def test_a_region_that_a_hemisphere_lacks_is_hatched() -> None:
    rows = [
        ("01", "one", layer, side, roi, 0.1)
        for layer in (0, 1)
        for side, rois in (("L", ("IFG", "ATL")), ("R", ("ATL",)))
        for roi in rois
    ]
    columns = ["subject", "model", "layer", "hemisphere", "roi", "score"]
    table = pd.DataFrame(rows, columns=columns).assign(text="original", ceiling=0.5)
    drawn = score_figures.roi_layers(table, ["one"], None)
    left, right = drawn.figure.axes[:2]
    for panel, missing in ((left, 0), (right, 2)):
        values = panel.collections[0].get_array()
        assert values is not None and int(np.ma.getmaskarray(values).sum()) == missing
        assert panel.patch.get_hatch()
