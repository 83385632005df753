"""The section `dataset` of kind `alice`."""

from __future__ import annotations

from typing import Literal

from engram.datasets.section import DatasetSection
from engram.study.config.fields import Name, Reason


class AliceSection(DatasetSection):
    """Real fMRI of 28 people who heard chapter 1 of Alice in Wonderland.

    Published by Brennan et al. (2016) under CC BY 4.0.
    """

    kind: Literal["alice"]
    spheres: Literal["6mm", "10mm"] = "6mm"
    """Radius of the spheres over which the six regions were averaged."""
    listeners: list[Name] | None = None
    """The listeners to use; null: all."""
    exclude: dict[Name, Reason] = {"33": "constant in every column of the published file"}
    """Listeners to leave out, each with the reason (it is written into scans.tsv)."""

    def description(self) -> str:
        """Return a sentence for the report's methods."""
        return (
            "fMRI of {who}: chapter 1 of Alice in Wonderland [@brennan], six regions, "
            f"spheres of {self.spheres}."
        )


SECTION = AliceSection
