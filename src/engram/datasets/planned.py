"""What a kind of dataset says of itself before its data are there: scans, files, sizes, downloads.

Planning asks this, and never which kind it is. Nothing heavy is imported, and only names of files
and small tables are looked at.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from engram.datasets.section import DatasetSection
from engram.errors import EngramError
from engram.vocabulary import scan_name
from engram.words.language import ENGLISH

#: Words a second of speech.
WORDS_A_SECOND = 2.6
#: Paths of raw files.
Files = tuple[str, ...]


@dataclass(frozen=True)
class Scan:
    """One listener in one story, with the raw files that belong to it."""

    subject: str
    story: str
    files: Files = ()


class LeftOut(NamedTuple):
    """A scan that is left out of the study, and why."""

    subject: str
    story: str
    scan: str
    reason: str


class Download(NamedTuple):
    """What must have been fetched, or made, before raw files can be read.

    Attributes
    ----------
    manifest : str
        The output of the rule that fetches or makes them, as rules write it
        (``<downloads>/alice/manifest.tsv``); the files lie in ``dataset`` beside it.
    settings : dict
        What that rule's job depends on: its parameter `config`.
    """

    manifest: str
    settings: dict[str, Any]


@dataclass(frozen=True)
class Context:
    """What a kind may ask of the study beside its own section.

    Attributes
    ----------
    seed : int
    tail : float
        Seconds of BOLD that are kept after a story's last word.
    high_pass : float or None
        Hz, below which drifts are regressed out of BOLD.
    downloads : Path
        Where downloads go.
    mirror : Path or None
        A folder with copies of public files.
    """

    seed: int
    tail: float
    high_pass: float | None
    downloads: Path
    mirror: Path | None


class PlannedDataset(ABC):
    """A dataset as it is known without its data; a kind's `plan.py` derives its own from it.

    Attributes
    ----------
    reader : str
        The folder of `engram.datasets` whose `reader.py` reads the data.
    tr : float
        Seconds.
    scans : tuple of Scan
        In use, by story and listener.
    excluded : tuple of LeftOut
    story_files : dict
        Raw files of each story's words; none where they are fetched or made.
    common_files : tuple of str
        Raw files that all scans are read with, such as a table of targets or an atlas.
    brain : {"markers", "surface"} or None
        How results can be drawn on a brain: targets have MNI coordinates,
        or are a surface's vertices.
    surface : str or None
        Name of that surface, such as fsaverage5.
    atlas : str or None
        An atlas in place of the dataset's own: files, or ``nilearn:`` and a name.
    has_destrieux : bool
        Whether regions are those of the Destrieux parcellation, which ROI sets are made of.
    is_large : bool
        Whether disk may run short: a run begins with what the study will take.
    estimates_disk : bool
        Whether what the study will take can be told, and is worth it.
    fetches_by_datalad : bool
    languages : dict
        Codes of the stories' languages (`engram.words.language`). A kind need not set it: the key
        `language` of its section counts, if it has one; else they are English.
    """

    reader: str
    tr: float
    scans: tuple[Scan, ...]
    excluded: tuple[LeftOut, ...] = ()
    story_files: Mapping[str, Files]
    common_files: Files = ()
    brain: str | None = None
    surface: str | None = None
    atlas: str | None = None
    has_destrieux: bool = False
    is_large: bool = False
    estimates_disk: bool = False
    fetches_by_datalad: bool = False
    languages: Mapping[str, str] = MappingProxyType({})

    # ------------------------------------------------------------ what jobs are told
    def language(self, story: str) -> str:
        """Return the code of a story's language."""
        return self.languages.get(story, ENGLISH)

    def words_config(self, story: str) -> dict[str, Any]:
        """Return what the reader needs for a story's words, and what these depend on."""
        return {}

    @abstractmethod
    def scans_config(self, story: str) -> dict[str, Any]:
        """Return what the reader needs for a story's scans, whichever listeners are in use."""

    def words_download(self, story: str) -> Download | None:
        """Return what must be there before a story's words can be read."""
        return None

    def scans_download(self, story: str) -> Download | None:
        """Return what must be there before a story's scans can be read."""
        return None

    def check(self) -> None:  # noqa: B027 (a kind that has nothing to look at leaves it out)
        """Look into files, once before a run, as far as that takes a moment.

        Raises
        ------
        EngramError
            If one is wrong.
        """

    def tables_here(self) -> tuple[str | None, str]:
        """Return the folder of tables that can be read in a moment, before a run.

        If they are not here, or cannot, return None and why not.
        """
        return None, "The job 'bold' reads and checks the scans first, their clock included."

    # ------------------------------------------------------------ how much there is
    @abstractmethod
    def n_targets(self) -> float:
        """Return how many targets a scan has, about."""

    @abstractmethod
    def n_rows(self, story: str) -> float:
        """Return how many rows a story's BOLD has, about."""

    @abstractmethod
    def n_words(self, story: str) -> float:
        """Return how many words a story has, about."""

    def n_repeats(self, story: str) -> int:
        """Return how often a listener heard a story, where each time is kept."""
        return 1

    def seconds(self, story: str) -> float:
        """Return how long a story is, about."""
        return self.n_rows(story) * self.tr

    def download_bytes(self) -> float:
        """Return the bytes of what is fetched, about."""
        return 0.0

    # ------------------------------------------------------------ where they come from
    @abstractmethod
    def sources(self) -> list[dict[str, str]]:
        """Return where the raw data come from, as BIDS' dataset_description.json lists it."""

    # ------------------------------------------------------------ what follows from these
    @property
    def stories(self) -> list[str]:
        """Stories, sorted."""
        return sorted(self.story_files)

    def listeners(self, story: str) -> list[str]:
        """Return the listeners of a story, sorted."""
        return sorted(scan.subject for scan in self.scans if scan.story == story)

    def scan_files(self, story: str) -> list[str]:
        """Return the raw files of a story's scans."""
        mine = (path for scan in self.scans if scan.story == story for path in scan.files)
        return [*self.common_files, *mine]


def divided(
    scans: Sequence[Scan], dataset: DatasetSection, known: Sequence[str]
) -> tuple[tuple[Scan, ...], tuple[LeftOut, ...]]:
    """Return the scans that a study uses, and those that it leaves out, by listeners.

    Parameters
    ----------
    scans : sequence of Scan
    dataset : DatasetSection
        Its `listeners` and `exclude` say which listeners are in use.
    known : sequence of str
        All listeners of the dataset, for messages.

    Raises
    ------
    EngramError
        If the section names a listener whom the dataset does not have.
    """
    check_known("dataset.listeners", dataset.listeners or [], known)
    check_known("dataset.exclude", list(dataset.exclude), known)
    chosen = [
        scan for scan in scans if dataset.listeners is None or scan.subject in dataset.listeners
    ]
    used = tuple(scan for scan in chosen if scan.subject not in dataset.exclude)
    excluded = tuple(
        LeftOut(
            scan.subject,
            scan.story,
            scan_name(scan.subject, scan.story),
            dataset.exclude[scan.subject],
        )
        for scan in chosen
        if scan.subject in dataset.exclude
    )
    return used, excluded


def check_heard(
    stories: Sequence[str], scans: Sequence[Scan], dataset: DatasetSection, known: Sequence[str]
) -> None:
    """Raise `EngramError` if a story has no listener left."""
    deserted = sorted(set(stories) - {scan.story for scan in scans})
    if deserted:
        raise EngramError(
            f"no listener is left for {', '.join(deserted)}. Known listeners: {list(known)}; "
            f"excluded: {sorted(dataset.exclude)}."
        )


def check_known(key: str, names: Sequence[str], known: Sequence[str]) -> None:
    """Raise `EngramError` if a key names what the dataset does not have."""
    unknown = sorted(set(names) - set(known))
    if unknown:
        meant = [name.removeprefix("sub-") for name in unknown]
        hint = "(Numbers that begin with 0 need quotes in YAML: '01'.)"
        if meant != unknown and set(meant) & set(known):
            hint = f"Write it without 'sub-': {', '.join(meant)}."
        raise EngramError(
            f"{key} names {unknown}, which the dataset does not have. It has: {list(known)}. {hint}"
        )
