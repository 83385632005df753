"""The section `bold`: which rows and targets of BOLD are kept, and how they are cleaned."""

from __future__ import annotations

from pydantic import Field

from engram.study.config.fields import Section, Targets


class Bold(Section):
    """BOLD: which rows and targets are kept, and how they are cleaned."""

    confounds: bool = True
    """Regress out the confounds that come with a scan, where there are any."""
    high_pass: float | None = Field(1 / 128, gt=0, le=10)
    """Regress out cosine drifts below this frequency in Hz; null: leave drifts in, as for data
    from which they are removed already."""
    trim: int = Field(0, ge=0, le=100_000)
    """Rows (TRs) that are dropped from the start of each scan."""
    tail: float = Field(8.0, ge=0, le=3600)
    """Seconds that are kept after the last word's offset, for the response to die away."""
    targets: Targets | None = None
    """`roi`: keep only the mean time course of each region and hemisphere, which all later stages
    then score; `all`: keep every target (vertex, voxel or parcel); null: the study's `targets`."""
    average: bool = True
    """Add the average listener of each story as one more listener (needs two listeners)."""
