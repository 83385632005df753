"""The entry of `features` of kind `acoustics`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from engram.features.section import AudioSection
from engram.study.config.fields import Once
from engram.wording import listed


class AcousticsSection(AudioSection):
    """Envelope and mel spectrogram of a story's recording."""

    kind: Literal["acoustics"]
    units: Annotated[list[Literal["envelope", "mel"]], Field(min_length=1), Once] = [
        "envelope",
        "mel",
    ]
    """`envelope`: the root mean square of the sound in each step; `mel`: the logarithm of its power
    in bands that are evenly spaced on the mel scale up to 8 kHz."""
    bands: int = Field(32, ge=2, le=256)
    """How many mel bands there are."""
    step: float = Field(0.1, ge=0.01, le=10)
    """Seconds of sound of each row; rows are resampled to TRs."""

    def width(self, units: int, layers: int) -> tuple[int, int]:
        """Return one layer, and the units."""
        return 1, ("envelope" in self.units) + self.bands * ("mel" in self.units)

    def description(self) -> str:
        """Return which of them."""
        said = {"envelope": "the envelope", "mel": f"a mel spectrogram of {self.bands} bands"}
        return f"{listed([said[unit] for unit in self.units])} of the recording"


SECTION = AcousticsSection
