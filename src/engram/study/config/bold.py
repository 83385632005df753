"""The section `bold`: cleaning of BOLD and choice of targets."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from engram.study.config.fields import Section


class Bold(Section):
    """BOLD: cleaning and choice of targets."""

    confounds: bool = True
    """Regress out the confounds that come with a scan, where there are any."""
    high_pass: float | None = Field(1 / 128, gt=0, le=10)
    """Cosine drift regressors below this frequency in Hz; null where drifts are removed already."""
    targets: Literal["all", "roi"] = "all"
    """`all`: every target by itself; `roi`: the mean time course of each region and hemisphere."""
    average: bool = True
    """Add the average listener of each story as one more listener (needs two listeners)."""
