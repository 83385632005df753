"""The section `figures`: how figures are drawn."""

from __future__ import annotations

from pydantic import Field

from engram.study.config.fields import Section


class Figures(Section):
    """Figures: how they are drawn."""

    dpi: int = Field(150, ge=50, le=1200)
    """Resolution of the PNG files in dots per inch; every figure is written as SVG too."""
