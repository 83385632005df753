"""What is known of LeBel et al. (2023) without its data (resources/lebel).

The dataset is OpenNeuro's ds003020. A response file holds numbers of eight bytes and hardly
anything else, so that its size says how many voxels a listener has.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engram.errors import EngramError
from engram.fetch.annex_keys import read_key
from engram.files import delimited

#: Seconds; the sidecars of the raw scans give it.
TR = 2.0
#: TRs of a scan that its response file leaves out: the first ten and the last ten.
LEFT_OUT = 20
#: Seconds from the beginning of the audio to that of a response file's first row. The audio began
#: 10 s after the scan (the authors' code: github.com/HuthLab/deep-fMRI-dataset), and the first ten
#: TRs of the scan are left out.
START = 10.0
#: The story that each listener heard five or ten times.
REPEATED = "wheretheressmoke"
#: Lengths of all scans, in TRs, by story.
LENGTHS = "derivative/respdict.json"
RESPONSE_COLUMNS = ("subject", "story", "voxels", "repeats", "bytes", "md5")
WORDS_COLUMNS = ("story", "trs", "bytes", "md5")
#: Bytes of a number, and those of an HDF5 file beside its numbers: with one array, and at most.
_NUMBER, _HEADER, _MOST_HEADER = 8, 2048, 8192
_RESPONSE = re.compile(r"derivative/preprocessed_data/(?P<subject>\w+)/(?P<story>\w+)\.hf5")
_WORDS = re.compile(r"derivative/TextGrids/(?P<story>\w+)\.TextGrid")


@dataclass(frozen=True)
class Response:
    """A listener's responses to a story.

    Attributes
    ----------
    subject, story : str
    voxels : int
    repeats : int
        How often the listener heard the story.
    bytes : int
    md5 : str
        Size and checksum of the file.
    """

    subject: str
    story: str
    voxels: int
    repeats: int
    bytes: int
    md5: str

    @property
    def path(self) -> str:
        """The file, from the dataset's root."""
        return f"derivative/preprocessed_data/{self.subject}/{self.story}.hf5"

    @property
    def key(self) -> str:
        """Its annex key."""
        return f"MD5E-s{self.bytes}--{self.md5}.hf5"


@dataclass(frozen=True)
class Telling:
    """A story: the TRs of its scans, and the size and checksum of its TextGrid."""

    story: str
    trs: int
    bytes: int
    md5: str

    @property
    def rows(self) -> int:
        """Rows of its response files."""
        return self.trs - LEFT_OUT

    @property
    def path(self) -> str:
        """The TextGrid, from the dataset's root."""
        return f"derivative/TextGrids/{self.story}.TextGrid"

    @property
    def key(self) -> str:
        """The annex key of the TextGrid."""
        return f"MD5E-s{self.bytes}--{self.md5}"


def tellings_of(keys: Mapping[str, str], lengths: Mapping[str, int]) -> list[Telling]:
    """Return the stories of a file list, by the annex key of each path and the scans' lengths."""
    found = []
    for path, name in sorted(keys.items()):
        if match := _WORDS.fullmatch(path):
            key = read_key(name)
            found.append(Telling(match["story"], lengths[match["story"]], key.size, key.digest))
    return found


def responses_of(keys: Mapping[str, str], tellings: Sequence[Telling]) -> list[Response]:
    """Return the response files of a file list, with the voxels and repeats that their sizes give.

    Raises
    ------
    EngramError
        If the size of a file is not that of a listener's voxels in the story's rows.
    """
    rows = {telling.story: telling.rows for telling in tellings}
    files: dict[str, dict[str, str]] = defaultdict(dict)
    for path, name in keys.items():
        if match := _RESPONSE.fullmatch(path):
            files[match["subject"]][match["story"]] = name
    found = []
    for subject, mine in sorted(files.items()):
        counted = Counter(
            (read_key(name).size - _HEADER) / (_NUMBER * rows[story])
            for story, name in mine.items()
        )
        voxels = int(counted.most_common(1)[0][0])
        for story, name in sorted(mine.items()):
            key = read_key(name)
            arrays, more = divmod(key.size - _HEADER, _NUMBER * rows[story] * voxels)
            if arrays < 1 or arrays == 2 or more > _MOST_HEADER:
                raise EngramError(
                    f"{subject}, {story}: {key.size} bytes are not those of {rows[story]} rows of "
                    f"{voxels} voxels, as in the listener's other files."
                )
            # Beside the mean of a repeated story there is each repeat.
            repeats = arrays - 1 if arrays > 1 else 1
            found.append(Response(subject, story, voxels, repeats, key.size, key.digest))
    return found


def read_responses(path: Path) -> list[Response]:
    """Read the table of response files (resources/lebel/make_facts.py makes it)."""
    return [
        Response(
            row["subject"],
            row["story"],
            int(row["voxels"]),
            int(row["repeats"]),
            int(row["bytes"]),
            row["md5"],
        )
        for row in delimited.read_rows(path, RESPONSE_COLUMNS)
    ]


def read_tellings(path: Path) -> dict[str, Telling]:
    """Read the table of stories, by name."""
    return {
        row["story"]: Telling(row["story"], int(row["trs"]), int(row["bytes"]), row["md5"])
        for row in delimited.read_rows(path, WORDS_COLUMNS)
    }
