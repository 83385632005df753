"""What is known of Le Petit Prince without its data (resources/littleprince).

The dataset is OpenNeuro's ds003643 (Li et al. 2022); its file list gives scans and checksums, its
README the rest.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engram.errors import EngramError
from engram.fetch.annex_keys import read_key
from engram.files import delimited

#: What listeners, tasks and folders are marked with, by language.
MARKS = {"en": "EN", "fr": "FR", "zh": "CN"}
NAMES = {"en": "English", "fr": "French", "zh": "Chinese"}
#: Sections of the audiobook; each has a scan and a clock of its own.
N_SECTIONS = 9
#: Seconds; the sidecars of the raw scans give it.
TR = 2.0
#: The space that the cleaned volumes are in: one brain, in the place of MNI space.
SPACE = "MNIColin27"
#: Seconds from the beginning of the audio to that of the first row of a cleaned scan. The README:
#: English scans began four volumes early, which are dropped; French and Chinese ones with the
#: audio.
START = {"en": 0.0, "fr": 0.0, "zh": 0.0}
#: Rows of the cleaned scan of each section, by the README.
VOLUMES = {
    "en": (282, 298, 340, 303, 265, 343, 325, 292, 368),
    "fr": (309, 326, 354, 315, 293, 378, 332, 294, 336),
    "zh": (283, 322, 322, 307, 293, 392, 364, 293, 401),
}
#: Seconds of audio of each section, by the README.
SECONDS = {
    "en": (554.7, 587.8, 671.4, 598.2, 522.2, 678.1, 642.0, 575.8, 727.1),
    "fr": (613.5, 647.0, 702.2, 624.5, 580.8, 750.4, 658.5, 583.2, 667.9),
    "zh": (564.9, 642.6, 643.7, 612.2, 584.5, 782.9, 726.6, 585.2, 801.1),
}
#: Rows that a scan may have more or less than the README says.
SLACK_TRS = 5
#: Columns of the tables of facts.
SCAN_COLUMNS = ("subject", "section", "run", "bytes", "md5")
WORDS_COLUMNS = ("path", "bytes", "md5")
_BOLD = re.compile(
    r"derivatives/sub-(?P<subject>\w+)/func/sub-(?P=subject)_task-lpp(?P<mark>EN|FR|CN)_"
    rf"run-(?P<run>\d+)_space-{SPACE}_desc-preproc_bold\.nii\.gz"
)
_WORDS = re.compile(r"annotation/(EN|FR|CN)/lpp\1_(section\d\.TextGrid|word_information\.csv)")


@dataclass(frozen=True)
class SectionScan:
    """A listener's scan of a section, with the size and the MD5 of its cleaned volume."""

    subject: str
    section: int
    run: str
    bytes: int
    md5: str

    @property
    def language(self) -> str:
        """The language that was heard, by the listener's name."""
        return next(name for name, mark in MARKS.items() if self.subject.startswith(mark))

    @property
    def path(self) -> str:
        """The cleaned volume, from the dataset's root."""
        return (
            f"derivatives/sub-{self.subject}/func/{self.scan}_space-{SPACE}_desc-preproc_bold"
            ".nii.gz"
        )

    @property
    def scan(self) -> str:
        """The scan's name, as the dataset's files begin."""
        return f"sub-{self.subject}_task-lpp{MARKS[self.language]}_run-{self.run}"

    @property
    def sidecar(self) -> str:
        """The sidecar of the raw scan's first echo, which gives the TR."""
        return f"sub-{self.subject}/func/{self.scan}_echo-1_bold.json"

    @property
    def key(self) -> str:
        """The annex key of the cleaned volume."""
        return f"MD5E-s{self.bytes}--{self.md5}.nii.gz"

    @property
    def story(self) -> str:
        """The section's name as a story."""
        return story_name(self.section)


def story_name(section: int) -> str:
    """Return the name of a section as a story: `littleprince-1` to `littleprince-9`."""
    return f"littleprince-{section}"


def section_of(story: str) -> int:
    """Return a story's section, from 1."""
    return int(story.rsplit("-", 1)[1])


def text_grid(language: str, section: int) -> str:
    """Return the path of a section's TextGrid."""
    mark = MARKS[language]
    return f"annotation/{mark}/lpp{mark}_section{section}.TextGrid"


def word_table(language: str) -> str:
    """Return the path of a language's table of words, of all sections."""
    mark = MARKS[language]
    return f"annotation/{mark}/lpp{mark}_word_information.csv"


def scans_of(keys: Mapping[str, str]) -> list[SectionScan]:
    """Return the scans of a file list: a section is the rank of a listener's run.

    Parameters
    ----------
    keys : mapping
        The annex key of each path.

    Raises
    ------
    EngramError
        If a listener has another number of cleaned runs than there are sections.
    """
    runs: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
    for path, key in keys.items():
        if match := _BOLD.fullmatch(path):
            runs[match["subject"]].append((int(match["run"]), match["run"], key))
    scans = []
    for subject, mine in sorted(runs.items()):
        if len(mine) != N_SECTIONS:
            raise EngramError(
                f"sub-{subject} has {len(mine)} cleaned runs; {N_SECTIONS} were expected, one for "
                "each section."
            )
        for section, (_, run, name) in enumerate(sorted(mine), start=1):
            found = read_key(name)
            scans.append(SectionScan(subject, section, run, found.size, found.digest))
    return scans


def words_of(keys: Mapping[str, str]) -> dict[str, str]:
    """Return the annex keys of a file list's files of words, by path."""
    return {path: key for path, key in sorted(keys.items()) if _WORDS.fullmatch(path)}


def read_scans(path: Path) -> list[SectionScan]:
    """Read the table of scans (resources/littleprince/make_facts.py makes it)."""
    return [
        SectionScan(row["subject"], int(row["section"]), row["run"], int(row["bytes"]), row["md5"])
        for row in delimited.read_rows(path, SCAN_COLUMNS)
    ]


def read_words(path: Path) -> dict[str, str]:
    """Return the annex keys of the files of words, by path."""
    return {
        row["path"]: f"MD5E-s{row['bytes']}--{row['md5']}"
        + (".csv" if row["path"].endswith(".csv") else "")
        for row in delimited.read_rows(path, WORDS_COLUMNS)
    }


def check_rows(path: Path, rows: int, expected: int, story: str, subject: str) -> None:
    """Raise `EngramError` if a scan has not as many rows as its section.

    A listener's runs are counted to find the section, so that a missing run would go unseen.
    """
    if abs(rows - expected) > SLACK_TRS:
        raise EngramError(
            f"'{path}' has {rows} volumes; the scans of {story} have {expected}. "
            "A section is the rank of a listener's run: is a run missing, or another one? "
            f"Leave the listener out (dataset: exclude: {{{subject}: reason}})."
        )
