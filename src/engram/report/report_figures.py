"""Figures of the report: images in the page, with the words of their sidecars."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engram.files import storage
from engram.report.embedding import data_uri

#: An SVG of so many bytes or fewer is shown even if the PNG is smaller, for its sharp lines.
_LARGE = 200_000
#: Where a sentence of a caption ends; the page folds what comes after so many letters.
_SENTENCE, _FEWEST_LETTERS = re.compile(r"\. (?=[A-Z])"), 50
#: Pixels of the page for each point of a figure, so that type of 7 points is legible.
_SCALE = 1.9


@dataclass(frozen=True)
class FigureFile:
    """A figure as an image of the page, with the words of its sidecar."""

    name: str
    uri: str
    width: float
    title: str
    caption: str
    alt: str
    suffix: str
    #: Height of the image as a share of its width, and its pieces (`engram.figures.pieces`).
    ratio: float = 1.0
    pieces: Sequence[Sequence[Sequence[float]]] = ()

    @property
    def opening(self) -> str:
        """The caption's first sentences: what is shown."""
        return self.caption[: self._end]

    @property
    def details(self) -> str:
        """The rest of the caption: sample, intervals, tests."""
        return self.caption[self._end :].strip()

    @property
    def _end(self) -> int:
        """Where the caption's first sentences end."""
        ends = [found.start() + 1 for found in _SENTENCE.finditer(self.caption)]
        return next((end for end in ends if end >= _FEWEST_LETTERS), len(self.caption))


def _points(vector: bytes, side: bytes) -> float:
    """Return the width or height of an SVG in points; that of a page where it has none."""
    found = re.search(rb"<svg[^>]*?\s" + side + rb'="([\d.]+)pt"', vector)
    return float(found[1]) if found else 500.0


def read_figures(svgs: Sequence[str | Path], pngs: Sequence[str | Path]) -> list[FigureFile]:
    """Return figures as images: SVG, or PNG where that is much smaller, as of surfaces.

    Titles, captions and alternative texts are those of their sidecars; where there are none,
    the name stands for title and text.
    """
    figures = []
    for svg, png in zip(map(Path, svgs), map(Path, pngs), strict=True):
        about = storage.read_json(storage.sidecar(svg))
        title = about.get("Title") or svg.stem
        vector, pixels = svg.read_bytes(), png.read_bytes()
        drawn = len(vector) <= max(len(pixels), _LARGE)
        uri = data_uri("image/svg+xml", vector) if drawn else data_uri("image/png", pixels)
        points, high = (_points(vector, side) for side in (b"width", b"height"))
        caption, alt = about.get("Caption", ""), about.get("Alt") or title
        figures.append(
            FigureFile(
                svg.stem,
                uri,
                round(points * _SCALE),
                title,
                caption,
                alt,
                "svg" if drawn else "png",
                round(high / points, 4),
                about.get("Pieces", []),
            )
        )
    return figures
