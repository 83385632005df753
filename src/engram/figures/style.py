"""How figures look, and how they are saved: sizes, type, colours, files.

Figures are as wide as a journal's column (85 mm) or page (180 mm), with type of 6 to 7 points
at that size; those for slides have larger type (`chosen`). Colours of models are Okabe and Ito's
(2008, jfly.uni-koeln.de/color), those of texts
and tunings Paul Tol's muted ones (SRON/EPS/TN/09-002):
both are distinct with any colour vision. A model, text or tuning has the same colour
in every figure of a study.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import matplotlib
from matplotlib.figure import Figure

from engram.figures.captions.common import Words
from engram.figures.pieces import pieces
from engram.files import storage
from engram.vocabulary import ASSOCIATION, ORIGINAL, REINITIALISED_SUFFIX, WORD_RATE

matplotlib.use("Agg")

MM = 1 / 25.4
#: Widths in inches: a column and a page in print.
COLUMN, PAGE = 85 * MM, 180 * MM
#: Width of a single panel with long names or several points: type is legible on a phone too.
NARROW = 108 * MM
#: Sizes of type in points.
SMALL, TINY = 6, 5
GREY, LIGHT, INK = "#777777", "#D9D9D9", "#222222"
#: Colours of models, then of texts and tunings, in the order of the configuration.
MODELS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_TEXTS = ("#332288", "#CC6677", "#44AA99", "#882255", "#999933", "#117733")
#: Lines of models, where there are more than colours.
LINES = ("-", "-.", (0, (5, 1)), (0, (3, 1, 1, 1, 1, 1)))
#: Markers of models, with their colours.
MARKERS = ("o", "s", "^", "D", "v", "P")
#: Colours of what a model was tuned on.
CONDITIONS = {ASSOCIATION: _TEXTS[0], "shuffled": "#E69F00", "generic": GREY}
#: Markers of control texts.
CONTROLS = {"shuffled": "^", "displaced": "v", "repeat": "s", "passage": "D", "cues": "p"}
#: Colour maps of values on either side of 0, and of values from 0 on.
DIVERGING, SEQUENTIAL = "RdBu_r", "viridis"
#: How large type and lines are beside a figure's width, by style; in print they are 1.
STYLES = {"paper": 1.0, "slides": 1.5}
_ZOOM: ContextVar[float] = ContextVar("zoom", default=1.0)
RC: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Arial", "Helvetica"],
    "font.size": 7,
    "axes.titlesize": 7,
    "axes.labelsize": 7,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "legend.fontsize": SMALL,
    "figure.titlesize": 7,
    "axes.linewidth": 0.5,
    "axes.edgecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
    "xtick.major.size": 2,
    "ytick.major.size": 2,
    "lines.linewidth": 1.0,
    "lines.markersize": 2.5,
    # Names of regions may hold dollar signs, which would begin a formula.
    "text.parse_math": False,
    "legend.frameon": False,
    "legend.handlelength": 2.2,
    "svg.fonttype": "none",
    "svg.hashsalt": "engram",
    "figure.constrained_layout.use": True,
}
#: Resolution of images inside SVG files.
_EMBEDDED_DPI = 300
P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Drawn:
    """A figure with its words."""

    figure: Figure
    words: Words


def styled(draw: Callable[P, T]) -> Callable[P, T]:
    """Let a function draw in this style."""

    @wraps(draw)
    def drawn(*arguments: P.args, **options: P.kwargs) -> T:
        with matplotlib.rc_context(RC):
            return draw(*arguments, **options)

    return drawn


@contextmanager
def chosen(name: str) -> Iterator[None]:
    """Draw figures in a style: `paper`, or `slides` with larger type and lines.

    Parameters
    ----------
    name : {"paper", "slides"}
    """
    token = _ZOOM.set(STYLES[name])
    try:
        yield
    finally:
        _ZOOM.reset(token)


def zoom() -> float:
    """Return how large type is beside a figure's width; in print it is 1."""
    return _ZOOM.get()


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of a size in print, in inches.

    For slides it is smaller, and its type is not: shown as large as the other, its type is larger.
    """
    return Figure(figsize=(width / zoom(), height / zoom() ** 0.5))


def save(drawn: Drawn, svg: str, png: str, dpi: int) -> None:
    """Write a figure as SVG and PNG, the same bytes each time.

    Its words, and the pieces in which a phone shows it, go into their sidecar.
    """
    words = drawn.words
    # Most figures have constrained layout already, and figures of the brain must get none.
    with matplotlib.rc_context({**RC, "figure.constrained_layout.use": False}):
        with storage.atomic(svg) as path:
            drawn.figure.savefig(
                path,
                metadata={"Date": None, "Title": words.title, "Description": words.alt},
                dpi=_EMBEDDED_DPI,
            )
        with storage.atomic(png) as path:
            drawn.figure.savefig(path, dpi=dpi, metadata={"Description": words.alt})
        about = {"Title": words.title, "Caption": words.caption, "Alt": words.alt}
        storage.write_json(storage.sidecar(svg), {**about, "Pieces": pieces(drawn.figure, NARROW)})


class Palette:
    """Colours of a study.

    Parameters
    ----------
    models, texts : sequence of str
        All models of the study, and all its texts and tunings, in the order of the configuration.
    """

    def __init__(self, models: Sequence[str] = (), texts: Sequence[str] = ()) -> None:
        self._models = [
            name for name in models if name != WORD_RATE and not name.endswith(REINITIALISED_SUFFIX)
        ]
        self._texts = [name for name in texts if name != ORIGINAL]

    def model(self, name: str) -> dict[str, Any]:
        """Return colour and line style of a model.

        Re-initialised twins have their model's colour, dotted; the word rate is grey, dashed.
        Beyond six models colours come again, with other lines.
        """
        if name == WORD_RATE:
            return {"color": GREY, "linestyle": "--"}
        round_, colour = divmod(
            self._models.index(name.removesuffix(REINITIALISED_SUFFIX)), len(MODELS)
        )
        return {
            "color": MODELS[colour],
            "linestyle": ":" if name.endswith(REINITIALISED_SUFFIX) else LINES[round_ % len(LINES)],
        }

    def marker(self, name: str) -> dict[str, Any]:
        """Return marker and filling of a model's points, for `scatter`.

        Re-initialised twins have their model's marker, empty; the word rate has a cross.
        """
        colour = self.model(name)["color"]
        if name == WORD_RATE:
            return {"marker": "X", "facecolor": colour, "edgecolor": colour}
        twin = name.endswith(REINITIALISED_SUFFIX)
        number = self._models.index(name.removesuffix(REINITIALISED_SUFFIX))
        return {
            "marker": MARKERS[number % len(MARKERS)],
            "facecolor": "white" if twin else colour,
            "edgecolor": colour,
        }

    def text(self, name: str) -> str:
        """Return the colour of a text or a tuning."""
        return _TEXTS[self._texts.index(name) % len(_TEXTS)]


def nothing(title: str, why: str, caption: str = "") -> Drawn:
    """Return a figure that says why there is nothing to show."""
    figure = new_figure(COLUMN, 20 * MM)
    figure.text(0.5, 0.5, why, ha="center")
    words = Words(title, f"{caption} Nothing is shown: {why}.".strip(), f"An empty figure: {why}.")
    return Drawn(figure, words)
