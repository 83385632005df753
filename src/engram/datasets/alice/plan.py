"""What is known of the Alice dataset before it is fetched."""

from __future__ import annotations

import re
from typing import Any

from engram.datasets.alice.config import AliceSection
from engram.datasets.alice.facts import N_ROWS, N_WORDS, REGIONS, STORY, TR
from engram.datasets.planned import Context, Download, PlannedDataset, Scan, check_heard, divided
from engram.files import delimited
from engram.files.fingerprints import file_fingerprint
from engram.paths import ALICE_PINS, ALICE_SENTENCE_ENDS

MANIFEST = "<downloads>/alice/manifest.tsv"


class PlannedAlice(PlannedDataset):
    """The published files, by the table that pins them (resources/alice)."""

    reader = "alice"
    tr = TR

    def __init__(self, dataset: AliceSection, context: Context) -> None:
        self._spheres, self._context = dataset.spheres, context
        pinned = delimited.read_rows(ALICE_PINS, ("path", "url"))
        self._url = pinned[0]["url"].removesuffix(pinned[0]["path"])
        known = sorted(
            match[1]
            for row in pinned
            if (match := re.fullmatch(rf"{dataset.spheres}/s(\d+)-timecourses\.txt", row["path"]))
        )
        self.story_files = {STORY: ()}
        self.scans, self.excluded = divided(
            [Scan(subject, STORY) for subject in known], dataset, known
        )
        check_heard([STORY], self.scans, dataset, known)

    def words_config(self, story: str) -> dict[str, Any]:
        """Return the list of sentence ends, which is the project's own, by its content."""
        return {"sentence_ends": file_fingerprint(ALICE_SENTENCE_ENDS)}

    def scans_config(self, story: str) -> dict[str, Any]:
        """Return the radius of the spheres."""
        return {"spheres": self._spheres}

    def words_download(self, story: str) -> Download:
        """Return the download of the whole dataset: the table of its files, by content."""
        return Download(MANIFEST, {"files": file_fingerprint(ALICE_PINS)})

    def scans_download(self, story: str) -> Download:
        """Return the same download."""
        return self.words_download(story)

    def tables_here(self) -> tuple[str | None, str]:
        """Return where the dataset is, if it was downloaded or the mirror has it."""
        mirror = self._context.mirror
        for folder in (
            self._context.downloads / "alice" / "dataset",
            *([mirror / "alice"] if mirror is not None else []),
        ):
            if (folder / "annotations.tsv").is_file():
                return str(folder), ""
        return (
            None,
            "Alice is not here yet: the job 'bold' checks what was downloaded, its clock included.",
        )

    def n_targets(self) -> float:
        """Return the number of regions."""
        return len(REGIONS)

    def n_rows(self, story: str) -> float:
        """Return the rows of the published time courses."""
        return N_ROWS

    def n_words(self, story: str) -> float:
        """Return the number of words."""
        return N_WORDS

    def sources(self) -> list[dict[str, str]]:
        """Return the authors' release."""
        return [{"URL": self._url}]


PLAN = PlannedAlice
