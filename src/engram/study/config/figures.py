"""The section `figures`: how figures are drawn."""

from __future__ import annotations

from pydantic import Field

from engram.study.config.fields import Section


class Figures(Section):
    """Figures."""

    dpi: int = Field(150, ge=50, le=1200)
    """Resolution of the PNG files; every figure is written as SVG too."""
    layer: int | None = Field(None, ge=0, le=10_000)
    """Layer to report where one is; the last one of models that are not as deep; null: two thirds
    of each model's depth. Never chosen by its own score."""
