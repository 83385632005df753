"""The section `dataset` of kind `table`."""

from __future__ import annotations

from typing import ClassVar, Literal

from engram.datasets.section import DatasetSection
from engram.datasets.word_files import WordFiles
from engram.study.config.fields import Language, Name, Place, Reason, RepetitionTime, Seconds


class TableSection(DatasetSection):
    """Your own folder of tables: words, BOLD and targets (docs/data/tables.md)."""

    has_frequencies: ClassVar[bool] = True

    kind: Literal["table"]
    path: Place
    """The folder with the tables; relative paths start at the working directory."""
    tr: RepetitionTime
    """Repetition time in seconds: the time from one row of a time course to the next."""
    start: Seconds | dict[str, Seconds] = 0.0
    """Time of the first row on the story's clock, in seconds: one number, or one for each story."""
    words: WordFiles | None = None
    """Files of word timings (docs/data/word-timings.md): a path with `{story}` in it, or for each
    story a file or a list of files; null: `story-<story>_words` with `.tsv`, `.TextGrid`, `.json`
    or `.ctm`."""
    language: Language | dict[Name, Language] = "en"
    """Language of the stories, as a BCP-47 code such as en, fr or zh: one code, or one for each
    story. It says which words have a space between them in what models read."""
    stories: list[Name] | None = None
    """The stories to use; null: every story in the folder."""
    listeners: list[Name] | None = None
    """The listeners to use; null: every listener in the folder."""
    exclude: dict[Name, Reason] = {}
    """Listeners to leave out, each with the reason (it is written into scans.tsv)."""

    @property
    def folder(self) -> str:
        """The folder of tables."""
        return self.path

    def description(self) -> str:
        """Return a sentence for the report's methods."""
        return f"The user's own tables: {{who}}, TR {self.tr:g} s."


SECTION = TableSection
