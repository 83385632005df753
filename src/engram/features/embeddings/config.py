"""The entry of `features` of kind `embeddings`."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from engram.errors import EngramError
from engram.features.section import FeatureSection
from engram.paths import found
from engram.study.config.fields import Name, Place


class EmbeddingsSection(FeatureSection):
    """Static embeddings: a vector for each word, whatever its context."""

    takes_model: ClassVar[str] = "of"

    kind: Literal["embeddings"]
    table: Place | None = None
    """A table of vectors as GloVe, fastText and word2vec write it: a word and its numbers on each
    line, with blanks between them, after a line with their numbers or none; or word2vec's binary
    form (`.bin`)."""
    of: Name | None = None
    """Instead of a table, the name of a model of this study whose layer 0 is taken."""
    least_coverage: float = Field(0.5, ge=0, le=1)
    """Share of a story's words that the table must have; below it the table is refused."""
    deals: int = Field(0, ge=0, le=10_000)
    """How often the vectors of a table are dealt to other words, as norms are; 0: not at all."""
    bins: Literal["story", "column"] = "story"
    """The frequency by which words are binned for that, as for norms."""
    language: str = Field("en", min_length=2, max_length=20)
    """Language of the words; English ones are dealt within word classes."""

    @model_validator(mode="after")
    def _one_of_both(self) -> EmbeddingsSection:
        if (self.table is None) == (self.of is None):
            raise ValueError(
                "embeddings come from a table or from a model of the study: give 'table' or 'of'"
            )
        if self.deals and self.table is None:
            raise ValueError("deals: only the vectors of a table can be dealt")
        return self

    @property
    def n_deals(self) -> int:
        """How often vectors are dealt."""
        return self.deals

    def files(self, story: str) -> list[str]:
        """Return the table, if there is one."""
        return [] if self.table is None else [str(found(self.table))]

    def width(self, units: int, layers: int) -> tuple[int, int]:
        """Return one layer, and the units of the model or 300."""
        return 1, 300 if self.table is not None else units

    def settings(self) -> dict[str, object]:
        """Return what the vectors depend on."""
        return self.model_dump(mode="json", exclude={"deals", "bins", "language"})

    def check(self, key: str) -> None:
        """Refuse a table that is not there."""
        if self.table is not None and not found(self.table).is_file():
            raise EngramError(f"{key}.table: there is no file '{found(self.table)}'.")

    def description(self) -> str:
        """Return where vectors come from."""
        if self.table is None:
            return f"static embeddings: layer 0 of {self.of}"
        return f"static embeddings: {found(self.table).name}"


SECTION = EmbeddingsSection
