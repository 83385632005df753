"""Pieces of figures: all of a figure, cut between panels, in type that a phone can show."""

from __future__ import annotations

import numpy as np
import pytest
from figure_sample import MODELS, ceilings, scores
from matplotlib.figure import Figure

from engram.figures import pieces, score_figures, style

#: Pixels that a phone of 400 has for a figure, and pixels of its smallest type.
PHONE, LEGIBLE = 346, 6.5


def type_on_a_phone(figure: Figure, piece: list[list[float]]) -> float:
    """Return how high type of 6 points is where a piece is as wide as a phone."""
    wide = sum(box[2] for box in piece) * figure.get_figwidth() * 72
    return style.SMALL * PHONE / wide


def test_panels_stand_below_each_other_in_type_that_can_be_read() -> None:
    table = scores()
    figure = score_figures.layers(table, ceilings(table), MODELS).figure
    assert type_on_a_phone(figure, [[0, 0, 1, 1]]) < 5
    found = pieces.pieces(figure, style.NARROW)
    assert len(found) == 5  # four panels and the legend
    assert all(type_on_a_phone(figure, one) > LEGIBLE for one in found)
    # From the top, left before right; those on the right have the numbers of those on the left.
    tops = [piece[-1][1] for piece in found]
    assert tops == sorted(tops) and [len(one) for one in found] == [1, 2, 1, 2, 1]
    for (left,), (numbers, right) in (found[:2], found[2:4]):
        assert numbers[0] == left[0] and numbers[2] < 0.2 * left[2]
        assert left[0] + left[2] < right[0] + 0.02
        assert right[1] <= numbers[1] and numbers[3] < right[3]


def test_nothing_is_left_out() -> None:
    table = scores(rois={"L": [f"region {k}" for k in range(9)], "R": ["ATL", "IFG"]})
    figure = score_figures.regions(table, ceilings(table), MODELS, None).figure
    boxes = np.array([box for piece in pieces.pieces(figure, style.NARROW) for box in piece])
    assert len(boxes) > 2 and (boxes >= 0).all()
    assert (boxes[:, :2] + boxes[:, 2:] <= 1.0001).all()
    figure.draw_without_rendering()
    wide, high = figure.get_size_inches() * figure.dpi
    for panel in figure.axes:
        area = panel.get_window_extent()
        left, low, right, top = area.x0 / wide, area.y0 / high, area.x1 / wide, area.y1 / high
        assert any(
            x <= left and right <= x + w and y <= 1 - top and 1 - low <= y + h
            for x, y, w, h in boxes
        )


def test_a_row_ends_where_the_title_of_the_next_begins() -> None:
    figure = Figure(figsize=(style.PAGE, 4))
    for row, low in enumerate((0.5, 0.0)):
        for column in range(3):
            # Those of the first row reach a little into the second, as hemispheres do.
            below = 0.02 * (1 - row)
            axes = figure.add_axes((column / 3, low - below, 0.3, 0.485 + below))
            axes.set(xticks=[], yticks=[])
        figure.text(0.0, low + 0.49, "a title", va="top")
    found = pieces.pieces(figure, style.NARROW)
    assert len(found) == 6
    ends = [piece[0][1] + piece[0][3] for piece in found]
    assert max(ends[:3]) <= 1 - 0.49 + 0.001 < ends[3]


@pytest.mark.parametrize("width", [style.COLUMN, style.NARROW])
def test_narrow_figures_stay_whole(width: float) -> None:
    figure = Figure(figsize=(width, 3))
    figure.subplots(1, 2)
    assert pieces.pieces(figure, style.NARROW) == []


def test_a_single_panel_stays_whole() -> None:
    figure = Figure(figsize=(style.PAGE, 3))
    figure.subplots()
    assert pieces.pieces(figure, style.NARROW) == []
