"""What is known of LeBel et al. (2023) before it is fetched."""

from __future__ import annotations

from math import ceil
from typing import Any

from engram.datasets.bids.headers import check_fetched
from engram.datasets.given_folder import check_there, dataset_folder, inside
from engram.datasets.lebel.config import BUCKET, SOURCE, LebelSection
from engram.datasets.lebel.facts import (
    LEFT_OUT,
    START,
    TR,
    Response,
    read_responses,
    read_tellings,
)
from engram.datasets.planned import (
    WORDS_A_SECOND,
    Context,
    Download,
    PlannedDataset,
    Scan,
    check_known,
)
from engram.datasets.repository import S3, Repository
from engram.errors import EngramError
from engram.paths import LEBEL_RESPONSES, LEBEL_WORDS

#: Seconds of a scan before and after the audio, about.
_SILENCE = 20.0
#: How every HDF5 file begins, and bytes that a voxel takes at least: two rows of 16 bits.
_HDF5, _LEAST_BYTES = b"\x89HDF\r\n\x1a\n", 4


class PlannedLebel(PlannedDataset):
    """One listener of LeBel et al., by the dataset's own list of files."""

    reader = "lebel"
    tr = TR
    is_large = True
    estimates_disk = True

    def __init__(self, dataset: LebelSection, context: Context) -> None:
        self._dataset, self._context = dataset, context
        every = read_responses(LEBEL_RESPONSES)
        self._tellings = read_tellings(LEBEL_WORDS)
        self._listener = dataset.listeners[0]
        check_known("dataset.listeners", [self._listener], sorted({one.subject for one in every}))
        mine = {one.story: one for one in every if one.subject == self._listener}
        check_known("dataset.stories", dataset.stories or [], sorted(mine))
        stories = sorted(set(dataset.stories or mine))
        self._responses: dict[str, Response] = {story: mine[story] for story in stories}
        self._folder = folder = None if dataset.path is None else dataset_folder(dataset.path)
        if folder is not None:
            needed = [self._tellings[story].path for story in stories]
            check_there(folder, [*needed, *(one.path for one in self._responses.values())])
        self.story_files = {
            story: inside(folder, [self._tellings[story].path]) if folder else ()
            for story in stories
        }
        self.scans = tuple(
            Scan(self._listener, story, inside(folder, [one.path]) if folder else ())
            for story, one in self._responses.items()
        )
        self._repository = _repository(dataset)
        self.fetches_by_datalad = self._repository is not None and dataset.source != S3

    def words_config(self, story: str) -> dict[str, Any]:
        """Return which file holds the words."""
        return {"file": self._tellings[story].path}

    def scans_config(self, story: str) -> dict[str, Any]:
        """Return the listener's response file, and what it must hold."""
        one, start = self._responses[story], self._dataset.start
        return {
            "file": one.path,
            "repeats": one.repeats,
            "rows": self._tellings[story].rows,
            "start": START if start is None else start,
            "tr": self.tr,
            "voxels": one.voxels,
        }

    def words_download(self, story: str) -> Download | None:
        """Return which file of the dataset holds a story's words."""
        if self._repository is None:
            return None
        telling = self._tellings[story]
        return self._repository.words(story, [telling.path], keys={telling.path: telling.key})

    def scans_download(self, story: str) -> Download | None:
        """Return which file of the dataset holds the listener's responses to a story."""
        if self._repository is None:
            return None
        one = self._responses[story]
        return self._repository.scans(story, [one.path], keys={one.path: one.key})

    def tables_here(self) -> tuple[str | None, str]:
        """Return that responses are not read before a run."""
        return None, (
            "Response files are not read here: each story's job 'bold' reads and checks them "
            "first, its clock included."
        )

    def check(self) -> None:
        """Look whether a folder's response files are here, and are HDF5 files."""
        if self._folder is None:
            return
        for one in self._responses.values():
            path = self._folder / one.path
            check_fetched(path)
            with path.open("rb") as stream:
                begin = stream.read(len(_HDF5))
            if begin != _HDF5 or path.stat().st_size < _LEAST_BYTES * one.voxels:
                raise EngramError(
                    f"'{path}' is no whole file of responses (HDF5): it has "
                    f"{path.stat().st_size} bytes, and the dataset's own has {one.bytes}. Copy or "
                    "fetch it again."
                )

    def n_targets(self) -> float:
        """Return the listener's voxels."""
        return next(iter(self._responses.values())).voxels

    def n_rows(self, story: str) -> float:
        """Return the rows of a response file, which ends before the story does."""
        return self._tellings[story].rows

    def n_repeats(self, story: str) -> int:
        """Return how often the listener heard a story."""
        return self._responses[story].repeats

    def n_words(self, story: str) -> float:
        """Return the words that are spoken in so many seconds, about."""
        return self.seconds(story) * WORDS_A_SECOND

    def seconds(self, story: str) -> float:
        """Return how long a story is, about: its scan without the silence around it."""
        rows = self._tellings[story].rows + LEFT_OUT
        return max(ceil(rows * self.tr - _SILENCE), 1)

    def download_bytes(self) -> float:
        """Return the bytes of all response files in use, by the dataset's list of files."""
        if self._repository is None:
            return 0.0
        return float(sum(one.bytes for one in self._responses.values()))

    def sources(self) -> list[dict[str, str]]:
        """Return the folder, or OpenNeuro's dataset."""
        if self._repository is None:
            return [{"URL": str(self._dataset.path)}]
        return [{"URL": self._repository.bucket or self._repository.source}]


PLAN = PlannedLebel


def _repository(dataset: LebelSection) -> Repository | None:
    if dataset.path is not None:
        return None
    if dataset.source == S3:
        return Repository("lebel", SOURCE, BUCKET)
    return Repository("lebel", dataset.source)
