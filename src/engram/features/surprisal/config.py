"""The entry of `features` of kind `surprisal`."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from engram.features.section import FeatureSection
from engram.study.config.fields import Name, Once


class SurprisalSection(FeatureSection):
    """How unexpected a causal model finds each word, in the windows of its activations."""

    reads_model: ClassVar[str] = "of"

    kind: Literal["surprisal"]
    of: Name
    """The name of the model of this study that reads: a causal one, whole and trained."""
    units: Annotated[list[Literal["surprisal", "entropy"]], Field(min_length=1), Once] = [
        "surprisal",
        "entropy",
    ]
    """`surprisal`: minus the logarithm of the word's probability, the sum over its tokens;
    `entropy`: how uncertain the model is before the word's first token. Both in nats."""

    def width(self, units: int, layers: int) -> tuple[int, int]:
        """Return one layer, and the units."""
        return 1, len(self.units)

    def description(self) -> str:
        """Return what is taken from which model."""
        return f"{' and '.join(self.units)} of each word for {self.of}"


SECTION = SurprisalSection
