"""How figures look and are saved: colours for any eye, the same bytes each time."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from figure_sample import MODELS, ceilings, scores
from matplotlib import colors
from matplotlib.figure import Figure
from scipy import stats

from engram.figures import panels, score_figures, style


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
    assert list(words) == ["Title", "Caption", "Alt", "Pieces"] and words["Caption"].startswith(
        "Brain score R of each layer"
    )
    assert "<text" in (tmp_path / "first" / "layers.svg").read_text()  # text stays text


def test_slides_have_larger_type_beside_the_figure() -> None:
    table, bounds = scores(), ceilings(scores())
    printed = score_figures.regions(table, bounds, MODELS, None).figure
    with style.chosen("slides"):
        shown = score_figures.regions(table, bounds, MODELS, None).figure
    assert shown.get_figwidth() == pytest.approx(printed.get_figwidth() / style.STYLES["slides"])
    sizes = [figure.axes[0].yaxis.label.get_fontsize() for figure in (printed, shown)]
    assert sizes[0] == sizes[1]
    assert style.zoom() == 1.0  # what was chosen holds for no other figure


def test_intervals_that_leave_the_axis_end_in_arrows() -> None:
    panel = Figure().subplots()
    panels.arrows(panel, np.arange(3), [-0.5, -0.1, -0.1], [0.1, 0.1, 0.9], 0.2, "red")
    above, below = (np.asarray(one.get_offsets()) for one in panel.collections)
    np.testing.assert_allclose(above, [[2, 0.2]])
    np.testing.assert_allclose(below, [[0, -0.2]])


def test_the_interval_of_a_mean_is_students() -> None:
    np.testing.assert_equal(panels.mean_interval([1.0]), (1.0, np.nan, np.nan))
    assert panels.mean_interval([1, 2, 3, np.nan])[1:] == pytest.approx(
        stats.t.interval(0.95, 2, 2, stats.sem([1, 2, 3]))
    )
