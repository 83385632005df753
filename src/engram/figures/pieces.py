"""Pieces of a figure that a phone shows below each other, in type that can be read.

A figure as wide as a page, shown as wide as a phone, has type of half the size that can be read.
Its panels are not, so they are cut apart: each piece is one or two boxes of the figure, side by
side. Two, where a panel's axis has its numbers at another panel.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

#: Boxes that share more than this of the narrower one's width are in one column, and of the lower
#: one's height in one row.
_SHARED_WIDTH, _SHARED_HEIGHT = 0.25, 0.5
#: White round a piece, and what numbers reach beyond the ends of their axis, in inches.
_EDGE, _NUMBERS = 0.03, 0.06


@dataclass(frozen=True)
class Box:
    """A rectangle of a figure, in inches from its lower left corner.

    Attributes
    ----------
    left, low, right, high : float
    panels : tuple of Axes
        Those inside.
    """

    left: float
    low: float
    right: float
    high: float
    panels: tuple[Axes, ...] = ()

    @property
    def width(self) -> float:
        """Its width."""
        return self.right - self.left

    def with_(self, other: Box) -> Box:
        """Return the box around this one and another."""
        return Box(
            min(self.left, other.left),
            min(self.low, other.low),
            max(self.right, other.right),
            max(self.high, other.high),
            self.panels + other.panels,
        )

    def beside(self, other: Box) -> bool:
        """Whether two boxes are in one row."""
        shared = min(self.high, other.high) - max(self.low, other.low)
        return shared > _SHARED_HEIGHT * min(self.high - self.low, other.high - other.low)

    def above(self, other: Box) -> bool:
        """Whether two boxes are in one column."""
        shared = min(self.right, other.right) - max(self.left, other.left)
        return shared > _SHARED_WIDTH * min(self.width, other.width)


def pieces(figure: Figure, widest: float) -> list[list[list[float]]]:
    """Return the pieces of a figure, from the top, each a list of boxes from the left.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    widest : float
        Pieces are up to so wide, in inches. Of 108 mm type of 6 points is 7 pixels high where they
        are shown on 360 pixels.

    Returns
    -------
    list of list of list of float
        Left, top, width and height of each box as shares of the figure's width and height; none
        where the figure is narrow enough, or cannot be cut.
    """
    if figure.get_figwidth() <= widest:
        return []
    found = [piece for row in _rows(_boxes(figure)) for piece in _cut(row, widest)]
    if len(found) < 2:
        return []
    return [[_shares(box, figure) for box in piece] for piece in found]


def _boxes(figure: Figure) -> list[Box]:
    """Return the box of each panel with its labels, of legends and of other text."""
    renderer, inch = FigureCanvasAgg(figure).get_renderer(), figure.get_dpi()
    if (layout := figure.get_layout_engine()) is not None:
        layout.execute(figure)  # gives panels their places
    found = []
    for one in (*figure.axes, *figure.legends, *figure.texts):
        if not one.get_visible():
            continue
        # A panel in three dimensions says no size of its own.
        is_flat = not isinstance(one, Axes) or one.name != "3d"
        extent = one.get_tightbbox(renderer) if is_flat else one.get_window_extent(renderer)
        if extent is not None and extent.width > 0 and extent.height > 0:
            panels = (one,) if isinstance(one, Axes) else ()
            found.append(
                Box(extent.x0 / inch, extent.y0 / inch, extent.x1 / inch, extent.y1 / inch, panels)
            )
    return found


def _rows(boxes: Iterable[Box]) -> list[list[Box]]:
    """Return the columns of each row, rows from the top, columns from the left."""
    rows: list[tuple[Box, list[Box]]] = []
    for box in sorted(boxes, key=lambda one: one.low - one.high):
        mine = [row for row in rows if row[0].beside(box)]
        rows = [row for row in rows if row not in mine]
        around, inside = box, [box]
        for other, those in mine:
            around, inside = around.with_(other), inside + those
        rows.append((around, inside))
    rows.sort(key=lambda row: -row[0].high)
    # Panels of a row may reach a little into the next one, whose title would be cut.
    below = [row[0].high for row in rows[1:]]
    rows = [
        (replace(around, low=max(around.low, next_ + _EDGE)), inside)
        for (around, inside), next_ in zip(rows, [*below, -_EDGE], strict=True)
    ]
    return [
        [replace(one, low=around.low, high=around.high) for one in _columns(inside)]
        for around, inside in rows
    ]


def _columns(boxes: Iterable[Box]) -> list[Box]:
    """Return boxes of a row, those above each other as one, from the left."""
    columns: list[Box] = []
    for box in sorted(boxes, key=lambda one: one.left):
        mine = [one for one in columns if one.above(box)]
        columns = [one for one in columns if one not in mine]
        around = box
        for other in mine:
            around = other.with_(around)
        columns.append(around)
    return sorted(columns, key=lambda one: one.left)


def _cut(row: Sequence[Box], widest: float) -> list[list[Box]]:
    """Return the pieces of a row: as many columns in each as there is room for."""
    found: list[list[Box]] = []
    for column in row:
        last = found[-1] if found else None
        if last is not None:
            wider = [*last[:-1], last[-1].with_(column)]
            if sum(box.width for box in wider) <= widest:
                found[-1] = wider
                continue
        found.append([*_numbers(column, row[0]), column])
    return found


def _numbers(column: Box, first: Box) -> list[Box]:
    """Return the part of a row's first panel that has the numbers of a column's axis."""
    if column is first or not column.panels or not first.panels:
        return []
    mine, theirs = column.panels[0], first.panels[0]
    has_its_own = mine.yaxis.get_tick_params().get("labelleft", True)
    if has_its_own or not mine.get_shared_y_axes().joined(mine, theirs):
        return []
    inch, axis = mine.figure.dpi, theirs.get_window_extent()
    # Names below the axis may reach below its numbers, and belong to another panel.
    low, high = axis.y0 / inch - _NUMBERS, axis.y1 / inch + _NUMBERS
    return [Box(first.left, low, axis.x0 / inch - _EDGE, high)]


def _shares(box: Box, figure: Figure) -> list[float]:
    """Return left, top, width and height of a box as shares of the figure."""
    wide, high = figure.get_size_inches()
    left, right = max(0.0, box.left - _EDGE), min(wide, box.right + _EDGE)
    low, top = max(0.0, box.low - _EDGE), min(high, box.high + _EDGE)
    shares = (left / wide, 1 - top / high, (right - left) / wide, (top - low) / high)
    return [round(float(one), 4) for one in shares]
