"""What the sections of all kinds of feature spaces have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import AfterValidator, Field

from engram.errors import EngramError
from engram.paths import found
from engram.study.config.fields import Address, Section

#: Stands for a story's name in the path of its file.
STORY = "{story}"


def _check_pattern(value: str) -> str:
    if strange := sorted(set(value.replace(STORY, "")) & set("{}<>")):
        raise ValueError(f"the path has '{' '.join(strange)}'; '{STORY}' alone may stand in it")
    return value


def check_own_files(key: str, pattern: str, stories: Sequence[str]) -> None:
    """Raise `EngramError` if several stories would have the same file.

    Parameters
    ----------
    key : str
        Where the path stands in the configuration, for the message.
    pattern : str
    stories : sequence of str
        Of the study.
    """
    if STORY not in pattern and len(stories) > 1:
        raise EngramError(
            f"{key}: '{pattern}' is one file for {len(stories)} stories. Write '{STORY}' in the "
            f"place of a story's name, such as files/{STORY}{Path(pattern).suffix}."
        )


#: The path of a file for each story.
StoryPath = Annotated[Address, AfterValidator(_check_pattern)]


class FeatureSection(Section):
    """An entry of `features`: something that is laid over a story, such as word norms.

    Each kind declares `kind` itself, and documents its keys.

    Attributes
    ----------
    reads_model, takes_model : str
        Name of the key whose value is the model of the study that is read (`reads_model`), or whose
        activations of the story are taken (`takes_model`); empty: there is none.
    """

    reads_model: ClassVar[str] = ""
    takes_model: ClassVar[str] = ""

    if TYPE_CHECKING:
        kind: str

    @property
    def model(self) -> str | None:
        """The model of the study that this space is made from; None: it needs none."""
        key = self.reads_model or self.takes_model
        found: str | None = getattr(self, key) if key else None
        return found

    @property
    def asks_for_layer(self) -> bool:
        """Whether the space is made from the model's reported layer."""
        return bool(self.takes_model)

    @property
    def has_heads(self) -> bool:
        """Whether units are of attention heads, each of which is scored by itself too."""
        return False

    @property
    def needs_frequencies(self) -> bool:
        """Whether words need a frequency of their own (column `log_frequency`)."""
        return False

    @property
    def has_times(self) -> bool:
        """Whether rows are of times of their own, and not of the story's words."""
        return False

    @property
    def spaces(self) -> list[str]:
        """What else is scored in the study and taken for this space; it is made from all of it."""
        return []

    @property
    def fetched(self) -> str | None:
        """The table that is fetched by its name (`engram.features.known_tables`); None: none is."""
        return None

    @property
    def folders(self) -> list[str]:
        """Folders of models of the user's that a job reads, which are no models of the study."""
        return []

    @property
    def n_deals(self) -> int:
        """How often the values of words are dealt to other words, for a null of this space."""
        return 0

    def files(self, story: str) -> list[str]:
        """Return the files of the user's that a job for a story reads."""
        return []

    def width(self, units: int, layers: int) -> tuple[int, int]:
        """Return how many layers and units there are, about.

        Parameters
        ----------
        units, layers : int
            Those of the model that the space is made from; 1 and 1 without one.
        """
        return 1, 1

    def settings(self) -> dict[str, Any]:
        """Return what the vectors of a story depend on, beside its words: plain values.

        What a table of results alone goes by is left out, so that it reads no story anew.
        """
        return self.model_dump(mode="json", exclude={"deals"})

    def check(self, key: str) -> None:
        """Raise `EngramError` if something that the section names is not there.

        Parameters
        ----------
        key : str
            Where it stands in the configuration, for the message.
        """

    def check_stories(self, key: str, stories: Sequence[str]) -> None:
        """Raise `EngramError` if something of the study's stories is not there."""

    @abstractmethod
    def description(self) -> str:
        """Return what the space is, for the report's methods: a phrase without a full stop."""


class AudioSection(FeatureSection):
    """A space that is made from the recording of a story."""

    audio: StoryPath
    """The recording of a story as a WAV file (PCM or floats), `{story}` in the place of its name;
    channels are averaged."""
    start: float = Field(0.0, ge=-3600, le=3600)
    """When the recording begins, in seconds on the clock of the words."""

    @property
    def has_times(self) -> bool:
        """Whether rows are of times: those of a recording are."""
        return True

    def files(self, story: str) -> list[str]:
        """Return the recording of a story."""
        return [str(found(self.audio.replace(STORY, story)))]

    def check_stories(self, key: str, stories: Sequence[str]) -> None:
        """Refuse stories without a recording, or without one of their own that is a WAV file."""
        check_own_files(f"{key}.audio", self.audio, stories)
        for story in stories:
            (file,) = self.files(story)
            if not Path(file).is_file():
                raise EngramError(
                    f"{key}.audio: there is no file '{file}' for the story {story}. '{STORY}' "
                    "stands for a story's name."
                )
            if not _is_wav(Path(file)):
                raise EngramError(
                    f"{key}.audio: '{file}' is no WAV file, whatever its name. Convert the "
                    "recording to PCM, such as by 'ffmpeg -i recording.mp3 -ac 1 -ar 16000 "
                    "recording.wav'."
                )


def _is_wav(path: Path) -> bool:
    """Tell whether a file begins as WAV files do."""
    with path.open("rb") as stream:
        begin = stream.read(12)
    return begin[:4] in (b"RIFF", b"RIFX", b"RF64") and begin[8:] == b"WAVE"
