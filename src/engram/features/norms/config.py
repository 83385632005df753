"""The entry of `features` of kind `norms`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from engram.errors import EngramError
from engram.features.known_tables import KNOWN_TABLES
from engram.features.norms.columns import check_header
from engram.features.section import FeatureSection
from engram.paths import found
from engram.study.config.fields import Note, Place
from engram.vocabulary import MIRROR_VARIABLE

#: The name of a column, which may have `*` for several.
Column = Annotated[str, Field(min_length=1, max_length=200)]


class NormsSection(FeatureSection):
    """Word norms: a table with a row for each word, and columns of numbers.

    Each word of a story has the numbers of its row, minus their mean over the story's known words
    (docs/data/feature-spaces.md).
    """

    kind: Literal["norms"]
    table: Place
    """The table: its path (`.tsv`, or `.csv`), which may be one below the folder that
    ENGRAM_MIRROR names; or `lynott2020` or `binder2016`, which are fetched."""
    columns: Annotated[list[Column], Field(min_length=1, max_length=10_000)] | None = None
    """The columns of numbers, each of which is a unit; `*` in a name stands for any characters.
    null: those of a table that is fetched."""
    word: Column | None = None
    """The column of words; null: `word`, `Word`, `ENGLISH` or the like."""
    language: str = Field("en", min_length=2, max_length=20)
    """Language of the words. English words that the table has not are looked up by their
    lemma, and are dealt within word classes; those of other languages as they are written."""
    least_coverage: float = Field(0.3, ge=0, le=1)
    """Share of a story's words that the table must have; below it the table is refused."""
    deals: int = Field(39, ge=0, le=10_000)
    """How often the norms are dealt to other words, by word, within bins of frequency and word
    class: the null that a space of norms is tested against (`feature_deals.tsv`). With fewer than
    39 hardly any p can be small; 0: it is not tested so."""
    bins: Literal["story", "column"] = "story"
    """The frequency by which words are binned for that. `story`: how often they come in the
    study's stories; `column`: the column `log_frequency` of the words tables."""
    described: Note | None = None
    """What the norms are, for the report's methods; null: what is known of the table."""

    @property
    def fetched(self) -> str | None:
        """The name of a table that is fetched."""
        return self.table if self.table in KNOWN_TABLES else None

    @property
    def file(self) -> Path:
        """Where a table of the user's is; one that is nowhere else may lie below the mirror."""
        mirror, place = os.environ.get(MIRROR_VARIABLE), found(self.table)
        below = Path(mirror or ".").expanduser() / self.table
        return below if not place.exists() and mirror and below.is_file() else place

    @property
    def n_deals(self) -> int:
        """How often norms are dealt."""
        return self.deals

    def files(self, story: str) -> list[str]:
        """Return the table, if it is the user's."""
        return [] if self.fetched else [str(self.file)]

    def width(self, units: int, layers: int) -> tuple[int, int]:
        """Return one layer, and the columns."""
        return 1, 12 if self.columns is None else len(self.columns)

    def settings(self) -> dict[str, object]:
        """Return what the vectors depend on; bins and deals are for the test alone."""
        return self.model_dump(mode="json", exclude={"deals", "bins", "described"})

    def check(self, key: str) -> None:
        """Refuse a table that is neither known nor there, or whose columns are not named."""
        if self.fetched:
            return
        if not self.file.is_file():
            raise EngramError(
                f"{key}.table: there is no file '{self.file}'. Give the path of a table "
                "with a row for each word, or one that is known and fetched: "
                f"{', '.join(KNOWN_TABLES)}."
            )
        if self.columns is None:
            raise EngramError(
                f"{key}.columns: which columns of '{self.file}' are the norms? Write "
                f"columns: [...] with their names ('*' stands for any characters)."
            )
        check_header(self.file, self.word, self.columns)

    def description(self) -> str:
        """Return what the norms are."""
        known = KNOWN_TABLES.get(self.table)
        said = self.described or (known.described if known else f"the table {self.file.name}")
        return f"norms of single words: {said}"


SECTION = NormsSection
