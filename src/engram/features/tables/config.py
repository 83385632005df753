"""The entry of `features` of kind `table`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from engram.errors import EngramError
from engram.features.section import STORY, FeatureSection, StoryPath, check_own_files
from engram.paths import found


class TableSection(FeatureSection):
    """Numbers of the user's for each word of a story, or for times, from a file.

    Any modality can be so: a vision-language model's states, acoustics, codes by hand
    (docs/data/feature-spaces.md).
    """

    kind: Literal["table"]
    path: StoryPath
    """The file of a story, `{story}` in the place of its name: a table (`.tsv`, `.csv`) with a
    column for each unit, or an array (`.npy`: rows x units, or layers x rows x units)."""
    rows: Literal["words", "times"] = "words"
    """`words`: a row for each word of the story, in its order; `times`: a row for each time, with
    a column `time` in seconds on the clock of the words, which begins a sample."""
    columns: Annotated[list[str], Field(min_length=1, max_length=100_000)] | None = None
    """Which columns are units; `*` stands for any characters. null: all but `time` and `word`."""
    step: float | None = Field(None, gt=0, le=30)
    """Seconds from one row of an array of times to the next; the first is at 0."""
    centre: bool = False
    """Take the mean over the story off each unit. The words of a TR are summed: a unit that is
    never below 0 carries the word rate unless it is centred."""
    units: int = Field(100, ge=1, le=1_000_000)
    """How many units there are, about, for the estimate of memory."""
    described: str | None = Field(None, min_length=1, max_length=500)
    """What the numbers are, for the report's methods; null: the file's name."""

    @model_validator(mode="after")
    def _arrays_have_steps(self) -> TableSection:
        is_array_of_times = self.rows == "times" and self.path.endswith(".npy")
        if is_array_of_times != (self.step is not None):
            raise ValueError(
                "step: the seconds between the rows of an array (.npy) of times, which needs it; "
                "other files have none"
            )
        return self

    @property
    def has_times(self) -> bool:
        """Whether rows are of times."""
        return self.rows == "times"

    def files(self, story: str) -> list[str]:
        """Return the file of a story."""
        return [str(found(self.path.replace(STORY, story)))]

    def width(self, units: int, layers: int) -> tuple[int, int]:
        """Return one layer, and as many units as the user says."""
        named = [] if self.columns is None else self.columns
        return 1, self.units if any("*" in one for one in named) else len(named) or self.units

    def settings(self) -> dict[str, object]:
        """Return what the vectors depend on; the path is that of the story's file."""
        return self.model_dump(mode="json", exclude={"path", "units", "described"})

    def check_stories(self, key: str, stories: Sequence[str]) -> None:
        """Refuse stories without a file, or without one of their own."""
        check_own_files(f"{key}.path", self.path, stories)
        for story in stories:
            (file,) = self.files(story)
            if not Path(file).is_file():
                raise EngramError(
                    f"{key}.path: there is no file '{file}' for the story {story}. '{STORY}' "
                    "stands for a story's name."
                )

    def description(self) -> str:
        """Return what the numbers are."""
        return self.described or f"the table {Path(self.path).name}"


SECTION = TableSection
