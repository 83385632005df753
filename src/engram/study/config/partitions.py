"""The entries of `partitions`: groups of feature spaces whose explained variance is parted."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from engram.study.config.fields import Name, Section, Targets


class Partition(Section):
    """Groups of feature spaces: what each explains that no other does, and what they share."""

    groups: Annotated[
        dict[Name, Annotated[list[Name], Field(min_length=1)]], Field(min_length=2, max_length=3)
    ]
    """Two or three groups by the name they get in tables and figures, each a list of what is
    scored in this study: language models (at their reported layer), spaces of `features`, or
    word-rate. Spaces of a group weigh the same, and share a penalty."""
    targets: Targets | None = "roi"
    """`roi`: score the mean time course of each region and hemisphere; `all`: every target
    by itself, which a whole cortex makes slow; null: the study's `targets`."""

    @model_validator(mode="after")
    def _spaces_are_in_one_group(self) -> Partition:
        named = [space for spaces in self.groups.values() for space in spaces]
        if again := sorted({space for space in named if named.count(space) > 1}):
            raise ValueError(
                f"groups: {again} are named twice; what is in two groups can be in no part alone. "
                "Name each space once"
            )
        return self

    @property
    def spaces(self) -> list[str]:
        """The names of all spaces, group by group."""
        return [space for spaces in self.groups.values() for space in spaces]
