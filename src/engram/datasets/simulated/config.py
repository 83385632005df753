"""The section `dataset` of kind `simulated`."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from engram.datasets.narratives.config import NarrativesForm, where
from engram.study.config.fields import Name


class SimulatedSection(NarrativesForm):
    """A small Narratives, made on the spot, with known answers (docs/data/simulated.md).

    Simulated listeners hear the project's own stories.
    """

    is_simulated: ClassVar[bool] = True

    kind: Literal["simulated"]
    stories: list[Name] = Field(["lighthouse", "market"], min_length=1)
    """Names of texts in resources/texts/stories."""
    words: int | None = Field(None, ge=50, le=100_000)
    """Words of each story, from its beginning; null: all."""
    n_listeners: int = Field(12, ge=1, le=999)
    """How many people are simulated."""
    space: Literal["fsaverage5", "fsaverage6"] = "fsaverage5"
    """The surface that the BOLD is on."""

    def description(self) -> str:
        """Return a sentence for the report's methods."""
        return (
            f"A small simulated dataset in the form of Narratives: {{who}}, {where(self.space)}. "
            "BOLD was made of a small language model that is none of those scored here, of the "
            "same tuned to associate, of associations, the rate of words, responses that nothing "
            "predicts, and noise. Nothing in it was measured in people."
        )


SECTION = SimulatedSection
