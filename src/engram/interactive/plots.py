"""Figures of `engram.figures` in a notebook."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Resolution in a notebook.
_DPI = 150


@dataclass(frozen=True, repr=False)
class Plot:
    """A figure with its words; notebooks show it.

    Attributes
    ----------
    figure : matplotlib.figure.Figure
    title, caption, alt : str
        Its title, what it shows, and a description for those who do not see it.
    """

    figure: Any
    title: str
    caption: str
    alt: str

    def save(self, path: str | Path, dpi: int = 300) -> None:
        """Write the figure as a file; its suffix says in which format (.svg, .png, .pdf).

        Parameters
        ----------
        path : path
        dpi : int
            Of images.
        """
        from engram.figures.style import RC

        _in_style({**RC, "figure.constrained_layout.use": False}, self.figure, Path(path), dpi)

    def _repr_png_(self) -> bytes:
        stream = io.BytesIO()
        self.figure.savefig(stream, format="png", dpi=_DPI)
        return stream.getvalue()

    def __repr__(self) -> str:
        return f"<Plot: {self.title}>"


def _in_style(style: dict[str, Any], figure: Any, path: Path, dpi: int) -> None:
    import matplotlib

    with matplotlib.rc_context(style):
        figure.savefig(path, dpi=dpi)


def drawn(name: str, *arguments: Any, **options: Any) -> Plot:
    """Return a figure of scores, by the function of `engram.figures.score_figures` that draws it.

    Parameters
    ----------
    name : str
        The function's.
    *arguments, **options
        Its own.
    """
    made = getattr(family("score_figures"), name)(*arguments, **options)
    return of_drawn(made)


def of_drawn(made: Any) -> Plot:
    """Return a drawn figure (`engram.figures.style.Drawn`) as a plot."""
    words = made.words
    return Plot(made.figure, words.title, words.caption, words.alt)


def family(name: str) -> Any:
    """Return a module of figures; the backend of matplotlib stays what it was."""
    import matplotlib

    before = matplotlib.get_backend(auto_select=False)
    from engram.figures import (
        association_figures,
        brain_figures,
        brain_measures,
        checkpoint_figures,
        data_figures,
        head_figures,
        identified_figures,
        maps,
        metric_figures,
        partition_figures,
        score_figures,
        style,
        time_courses,
        time_resolved_figures,
        tuning_figures,
    )

    if before is not None and before != matplotlib.get_backend(auto_select=False):
        matplotlib.use(before)
    return {
        "association_figures": association_figures,
        "brain_figures": brain_figures,
        "brain_measures": brain_measures,
        "checkpoint_figures": checkpoint_figures,
        "data_figures": data_figures,
        "head_figures": head_figures,
        "identified_figures": identified_figures,
        "maps": maps,
        "metric_figures": metric_figures,
        "partition_figures": partition_figures,
        "score_figures": score_figures,
        "style": style,
        "time_courses": time_courses,
        "time_resolved_figures": time_resolved_figures,
        "tuning_figures": tuning_figures,
    }[name]
