"""The section `figures`: how figures are drawn."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from engram.study.config.fields import Section


class Figures(Section):
    """Figures: how they are drawn."""

    style: Literal["paper", "slides"] = "paper"
    """How large type is: `paper`, 6 to 7 points in a figure as wide as one column (85 mm) or two
    (180 mm) of a journal; `slides`, half as large again beside it, for a wall."""
    dpi: int = Field(150, ge=50, le=1200)
    """Resolution of the PNG files in dots per inch; every figure is written as SVG too."""
