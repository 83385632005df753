"""What is known of Le Petit Prince before it is fetched."""

from __future__ import annotations

from math import ceil
from pathlib import Path
from typing import Any

from engram.datasets.bids import headers
from engram.datasets.given_folder import check_there, dataset_folder, inside
from engram.datasets.images.atlas_files import atlas_files
from engram.datasets.littleprince.config import BUCKET, SOURCE, LittlePrinceSection
from engram.datasets.littleprince.facts import (
    SECONDS,
    START,
    TR,
    VOLUMES,
    SectionScan,
    check_rows,
    read_scans,
    read_words,
    section_of,
    story_name,
    text_grid,
    word_table,
)
from engram.datasets.planned import (
    WORDS_A_SECOND,
    Context,
    Download,
    PlannedDataset,
    Scan,
    check_heard,
    check_known,
    divided,
)
from engram.datasets.repository import S3, Repository
from engram.errors import EngramError
from engram.files.fingerprints import file_fingerprint
from engram.paths import LITTLEPRINCE_SCANS, LITTLEPRINCE_WORDS, ROI_SETS

#: Voxels of 2 mm in the regions of AAL, about.
_VOXELS = 185_000


class PlannedLittlePrince(PlannedDataset):
    """Le Petit Prince in one language, by the dataset's own list of files."""

    reader = "littleprince"
    tr = TR
    brain = "markers"
    is_large = True
    estimates_disk = True

    def __init__(self, dataset: LittlePrinceSection, context: Context) -> None:
        self._dataset, self._context, self.atlas = dataset, context, dataset.atlas
        every = read_scans(LITTLEPRINCE_SCANS)
        known = sorted({scan.subject for scan in every if scan.language == dataset.language})
        stories = sorted(set(dataset.stories))
        check_known(
            "dataset.stories", stories, sorted({story_name(scan.section) for scan in every})
        )
        self._facts = {
            (scan.subject, scan.story): scan
            for scan in every
            if scan.language == dataset.language and scan.story in stories
        }
        self._folder = None if dataset.path is None else dataset_folder(dataset.path)
        self.scans, self.excluded = divided(
            [Scan(*key, self._files_here(scan)) for key, scan in sorted(self._facts.items())],
            dataset,
            known,
        )
        check_heard(stories, self.scans, dataset, known)
        self.story_files = {
            story: inside(self._folder, [self._words_file(story)]) if self._folder else ()
            for story in stories
        }
        if self._folder is not None:
            needed = [self._facts[scan.subject, scan.story].path for scan in self.scans]
            check_there(self._folder, [*map(self._words_file, stories), *needed])
        self._repository = _repository(dataset)
        self.fetches_by_datalad = self._repository is not None and dataset.source != S3
        self.common_files = atlas_files(dataset.atlas)

    def words_config(self, story: str) -> dict[str, Any]:
        """Return which file holds the words, and which of its rows."""
        source: dict[str, Any] = {"file": self._words_file(story)}
        if self._words_are_a_table:
            columns = {"word": "word", "onset": "onset", "offset": "offset"}
            source |= {"columns": columns, "rows": {"section": str(section_of(story))}}
        return {"source": source}

    def scans_config(self, story: str) -> dict[str, Any]:
        """Return the volumes of the scans in use, and how they are read."""
        regions, start = self._dataset.regions, self._dataset.start
        return {
            "atlas": self.atlas,
            "regions": regions,
            "roi_sets": file_fingerprint(ROI_SETS) if regions else None,
            "scans": {
                scan.subject: [scan.scan, scan.path, scan.sidecar] for scan in self._scans(story)
            },
            "start": START[self._dataset.language] if start is None else start,
            "tr": self.tr,
            "volumes": VOLUMES[self._dataset.language][section_of(story) - 1],
        }

    def words_download(self, story: str) -> Download | None:
        """Return which file of the dataset holds a section's words."""
        if self._repository is None:
            return None
        path = self._words_file(story)
        keys = {path: read_words(LITTLEPRINCE_WORDS)[path]}
        return self._repository.words(story, [path], keys=keys)

    def scans_download(self, story: str) -> Download | None:
        """Return which files of the dataset hold a section's scans."""
        if self._repository is None:
            return None
        scans = self._scans(story)
        return self._repository.scans(
            story,
            [scan.path for scan in scans],
            [scan.sidecar for scan in scans],
            {scan.path: scan.key for scan in scans},
        )

    def tables_here(self) -> tuple[str | None, str]:
        """Return that images are not read before a run."""
        return None, (
            "Images are not read here, only the headers of those in a folder: each section's job "
            "'bold' reads and checks them first, its clock included."
        )

    def check(self) -> None:
        """Look at the headers of a folder's scans: one grid, and as many rows as a section has."""
        if self._folder is None:
            return
        first: tuple[Path, headers.Header] | None = None
        for scan in self.scans:
            fact = self._facts[scan.subject, scan.story]
            path = self._folder / fact.path
            header = headers.read(path, "volume")
            rows = VOLUMES[self._dataset.language][fact.section - 1]
            check_rows(path, header.rows, rows, scan.story, scan.subject)
            first = first or (path, header)
            if header.shape[:3] != first[1].shape[:3]:
                raise EngramError(
                    f"'{path}' has the grid {header.shape[:3]}, '{first[0]}' "
                    f"{first[1].shape[:3]}: all scans need the same voxels. Copy it again, or "
                    f"leave the listener out (dataset: exclude: {{{scan.subject}: reason}})."
                )

    def n_targets(self) -> float:
        """Return the voxels of an atlas, about."""
        return _VOXELS

    def n_rows(self, story: str) -> float:
        """Return the rows of a section, with its tail."""
        rows = VOLUMES[self._dataset.language][section_of(story) - 1]
        return min(rows, ceil((self.seconds(story) + self._context.tail) / self.tr))

    def n_words(self, story: str) -> float:
        """Return the words that are spoken in so many seconds, about."""
        return self.seconds(story) * WORDS_A_SECOND

    def seconds(self, story: str) -> float:
        """Return how long a section's audio is."""
        return SECONDS[self._dataset.language][section_of(story) - 1]

    def download_bytes(self) -> float:
        """Return the bytes of all scans in use, by the dataset's list of files."""
        if self._repository is None:
            return 0.0
        return float(sum(self._facts[scan.subject, scan.story].bytes for scan in self.scans))

    def sources(self) -> list[dict[str, str]]:
        """Return the folder, or OpenNeuro's dataset."""
        if self._repository is None:
            return [{"URL": str(self._dataset.path)}]
        return [{"URL": self._repository.bucket or self._repository.source}]

    @property
    def _words_are_a_table(self) -> bool:
        chosen = self._dataset.words
        return chosen == "table" or (chosen is None and self._dataset.language == "fr")

    def _words_file(self, story: str) -> str:
        language = self._dataset.language
        if self._words_are_a_table:
            return word_table(language)
        return text_grid(language, section_of(story))

    def _scans(self, story: str) -> list[SectionScan]:
        return [self._facts[subject, story] for subject in self.listeners(story)]

    def _files_here(self, scan: SectionScan) -> tuple[str, ...]:
        """Return a scan's raw files in the user's folder: its volume, and a sidecar if any."""
        if self._folder is None:
            return ()
        beside = [scan.sidecar] if (self._folder / scan.sidecar).exists() else []
        return inside(self._folder, [scan.path, *beside])


PLAN = PlannedLittlePrince


def _repository(dataset: LittlePrinceSection) -> Repository | None:
    if dataset.path is not None:
        return None
    if dataset.source == S3:
        return Repository("littleprince", SOURCE, BUCKET)
    return Repository("littleprince", dataset.source)
