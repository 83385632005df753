"""The entry of `features` of kind `heads`."""

from __future__ import annotations

from typing import ClassVar, Literal

from engram.features.section import FeatureSection
from engram.study.config.fields import Name


class HeadsSection(FeatureSection):
    """Attention heads of a language model: the vector of each before the output projection.

    All heads of a layer are scored together, as a layer is, and each head by itself
    (`tables/heads.tsv`).
    """

    reads_model: ClassVar[str] = "of"

    kind: Literal["heads"]
    of: Name
    """The name of the model of this study whose heads are read: whole and trained."""
    layers: Literal["reported", "all"] = "reported"
    """`reported`: the heads of the reported layer, which is the space's only layer; `all`: those of
    every layer, numbered as the model's; layer 0 has no heads, and is 0."""

    @property
    def asks_for_layer(self) -> bool:
        """Whether the reported layer's heads alone are read."""
        return self.layers == "reported"

    @property
    def has_heads(self) -> bool:
        """Whether units are of attention heads: they are."""
        return True

    def width(self, units: int, layers: int) -> tuple[int, int]:
        """Return one layer, or those of the model, and its units."""
        return (1 if self.layers == "reported" else layers), units

    def description(self) -> str:
        """Return whose heads they are."""
        which = "the reported layer" if self.layers == "reported" else "each layer"
        return (
            f"attention heads of {which} of {self.of}, before the output projection, each scaled "
            "to the same variance over a story's words"
        )


SECTION = HeadsSection
