"""The entry of `features` of kind `together`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from engram.features.section import FeatureSection
from engram.study.config.fields import Name
from engram.wording import listed


class TogetherSection(FeatureSection):
    """Several spaces side by side, with one penalty for all of their units."""

    kind: Literal["together"]
    of: Annotated[list[Name], Field(min_length=2, max_length=1000)]
    """What stands side by side, by name: spaces of `features`, language models (at their reported
    layer), or word-rate. If word-rate is among them, all vectors of a TR's words are summed."""

    @field_validator("of")
    @classmethod
    def _once(cls, value: list[str]) -> list[str]:
        if again := sorted({name for name in value if value.count(name) > 1}):
            raise ValueError(f"{again} are named twice")
        return value

    @property
    def spaces(self) -> list[str]:
        """The names of what stands side by side."""
        return self.of

    @property
    def asks_for_layer(self) -> bool:
        """Whether it depends on the reported layer: models are taken there."""
        return True

    def description(self) -> str:
        """Return what stands side by side."""
        return f"{listed(self.of)} side by side"


SECTION = TogetherSection
