"""The entry of `features` of kind `autocorrelation`."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from engram.features.section import FeatureSection
from engram.study.config.fields import Name


class AutocorrelationSection(FeatureSection):
    """Noise that is as slow, and has as many dimensions, as a model's reported layer.

    What a model predicts because its activations change slowly, this noise predicts too.
    """

    takes_model: ClassVar[str] = "like"

    kind: Literal["autocorrelation"]
    like: Name
    """The name of the model."""
    draws: int = Field(5, ge=1, le=1000)
    """How often noise is drawn; draws have the places of layers."""

    def width(self, units: int, layers: int) -> tuple[int, int]:
        """Return a layer for each draw, and the units of the model."""
        return self.draws, units

    def description(self) -> str:
        """Return whose spectrum the noise has."""
        return (
            f"noise with the spectrum over words, and the correlations between units, of the "
            f"reported layer of {self.like}, drawn {self.draws} times (its layers are draws)"
        )


SECTION = AutocorrelationSection
