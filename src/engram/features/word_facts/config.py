"""The entry of `features` of kind `word-facts`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from engram.features.section import FeatureSection
from engram.study.config.fields import Once
from engram.wording import listed

Fact = Literal["word-length", "sentence-length", "place-in-sentence", "place-in-story", "pause"]


class WordFactsSection(FeatureSection):
    """How long words and their sentences are, where they stand, and pauses before them.

    They are nuisance features that are scored by themselves.
    """

    kind: Literal["word-facts"]
    facts: Annotated[list[Fact], Field(min_length=1), Once] = [
        "word-length",
        "sentence-length",
        "place-in-sentence",
        "place-in-story",
        "pause",
    ]
    """Which of them; each is a unit."""

    def width(self, units: int, layers: int) -> tuple[int, int]:
        """Return one layer, and the facts."""
        return 1, len(self.facts)

    def description(self) -> str:
        """Return which facts."""
        return f"facts about words ({listed(list(self.facts))})"


SECTION = WordFactsSection
