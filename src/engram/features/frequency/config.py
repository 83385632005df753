"""The entry of `features` of kind `frequency`."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal

from pydantic import Field

from engram.errors import EngramError
from engram.features.section import FeatureSection


class FrequencySection(FeatureSection):
    """How frequent each word is, on a logarithmic scale."""

    kind: Literal["frequency"]
    source: Literal["wordfreq", "column"] = "wordfreq"
    """`wordfreq`: the library of this name (`pip install engram[frequency]`), which knows about 40
    languages as they were until 2021; for Chinese and Japanese it has extras of its own. `column`:
    the column `log_frequency` of a folder of tables."""
    language: str | None = Field(None, min_length=2, max_length=20)
    """Language of the words, as wordfreq calls it; null: the story's."""
    least_coverage: float = Field(0.5, ge=0, le=1)
    """Share of a story's words whose frequency must be known."""

    @property
    def needs_frequencies(self) -> bool:
        """Whether words need a frequency of their own (column `log_frequency`)."""
        return self.source == "column"

    def check(self, key: str) -> None:
        """Refuse to ask a library that is not there."""
        if self.source == "wordfreq" and find_spec("wordfreq") is None:
            raise EngramError(
                f"{key}: the library wordfreq is not installed. Install it (pip install wordfreq; "
                "it has 57 MB), or write 'source: column' where the words tables have a column "
                "log_frequency."
            )

    def description(self) -> str:
        """Return where frequencies come from."""
        if self.source == "column":
            return "the logarithm of words' frequency, as the dataset gives it"
        return "the Zipf frequency of words by wordfreq"


SECTION = FrequencySection
