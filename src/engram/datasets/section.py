"""What the sections of all kinds of datasets have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from engram.errors import EngramError
from engram.study.config.fields import Section
from engram.words.language import ENGLISH


class DatasetSection(Section):
    """The section `dataset` of a configuration.

    Each kind declares `kind`, `listeners` and `exclude` itself, where they are documented among
    its other keys.

    Attributes
    ----------
    has_frequencies : bool
        Whether its tables of words may have a column ``log_frequency``.
    is_simulated : bool
        Whether the listeners are simulated: what was planted in them is held against the scores.
    """

    has_frequencies: ClassVar[bool] = False
    is_simulated: ClassVar[bool] = False

    if TYPE_CHECKING:
        kind: str
        listeners: list[str] | None
        exclude: dict[str, str]

    def languages(self, stories: Iterable[str]) -> dict[str, str]:
        """Return the language of each story.

        It is what the kind's key `language` says, one code or one by story; English where a kind
        has no such key.
        """
        said, names = getattr(self, "language", ENGLISH), sorted(stories)
        if isinstance(said, str):
            return dict.fromkeys(names, said)
        if missing := sorted(set(names) - set(said)):
            raise EngramError(
                f"dataset.language gives no language for {missing}. Give one for each story, such "
                f"as '{missing[0]}: {ENGLISH}', or one code for all."
            )
        return {name: said[name] for name in names}

    @property
    def folder(self) -> str | None:
        """The folder of raw files that the user names; None where they are fetched or made."""
        return None

    @abstractmethod
    def description(self) -> str:
        """Return a sentence about the data for the report's methods.

        ``{who}`` stands for listeners and stories, and ``[@brennan]`` for a source of
        `engram.report.sources.SOURCES`.
        """
