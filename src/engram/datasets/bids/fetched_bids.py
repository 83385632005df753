"""What is known of a BIDS dataset that is fetched: from the names in its repositories."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from math import ceil
from pathlib import Path

from engram.datasets.bids import names, published
from engram.datasets.bids.config import BidsSection
from engram.datasets.bids.planned_bids import PlannedBids
from engram.datasets.planned import WORDS_A_SECOND, Context, Download
from engram.datasets.word_files import source_files
from engram.errors import EngramError

#: Targets by format, about: voxels of 2 mm within the brain, vertices of two hemispheres,
#: grayordinates of 2 mm, parcels.
_TARGETS = {"volume": 230_000, "surface": 81_924, "dense": 91_282, "parcels": 400}
#: Seconds of a recording whose events do not say how long it is, about.
_SECONDS = 600.0


class FetchedBids(PlannedBids):
    """A BIDS dataset of which the list of files is here, and large files are fetched."""

    is_here = False
    is_large = True

    def __init__(self, dataset: BidsSection, context: Context) -> None:
        self._raw, self._derived = published.clones(dataset, context.downloads)
        self.fetches_by_datalad = dataset.download == "datalad"
        super().__init__(dataset, context)

    # ------------------------------------------------------------ where files are
    def _folders(self) -> tuple[Path, Path]:
        return published.folders(self._dataset, self._raw, self._derived)

    def _is_here(self, path: str | Path) -> bool:
        """Tell whether a file is the user's own, or one of a clone that is read where it lies.

        All others are fetched: words of the repository, and the derivatives.
        """
        file = Path(path)
        return not (self._derived.holds(file) or str(file) in self._words_of_repository)

    @cached_property
    def _words_of_repository(self) -> set[str]:
        files = (
            path for sources in self._sources.values() for path in source_files(sources, self._root)
        )
        return {path for path in files if self._raw.holds(Path(path))}

    def _at(self, path: str | Path) -> str:
        """Return where jobs find a file."""
        return str(path if self._is_here(path) else self._derived.fetched(Path(path)))

    def _sidecars(self, file: names.BidsFile) -> list[Path]:
        # Sidecars lie in git itself; one that does not cannot be read yet.
        return [path for path in super()._sidecars(file) if path.exists()]

    def _header_tr(self, path: Path) -> float | None:
        raise EngramError(
            f"no sidecar gives the repetition time of '{path}', whose header is not here yet. "
            "Write dataset: {tr: ...}, in seconds."
        )

    # ------------------------------------------------------------ what is fetched
    def words_download(self, story: str) -> Download | None:
        """Return which files of the repository hold a story's words; None for the user's own."""
        files = map(Path, source_files(self._sources[story], self._root))
        paths = [path for path in files if self._raw.holds(path)]
        return self._raw.words(story, paths) if paths else None

    def scans_download(self, story: str) -> Download | None:
        """Return which files of the derivatives' repository a story's scans are read from."""
        return self._derived.scans(story, self._fetched_scans([story]))

    def _fetched_scans(self, stories: Sequence[str]) -> list[Path]:
        """Return the files that stories' scans are read from, brain masks of all scans too."""
        mine = [one for key, scans in self._by_scan.items() if key[0] in stories for one in scans]
        paths = [*self._read_by_jobs(mine), *map(Path, self._masks)]
        return [path for path in paths if not self._is_here(path)]

    def download_bytes(self) -> float:
        """Return the bytes of all scans in use, by their annex keys."""
        return float(self._derived.bytes(self._fetched_scans(self.stories)))

    # ------------------------------------------------------------ what is looked at before a run
    def tables_here(self) -> tuple[str | None, str]:
        """Return that images are not read before a run."""
        return None, (
            "Images are not here yet: each story's job 'bold' reads and checks them first, its "
            "clock included."
        )

    def check(self) -> None:
        """Look at nothing: headers and confounds are fetched with the scans."""

    # ------------------------------------------------------------ how much there is
    def n_targets(self) -> float:
        """Return how many targets a scan of its format has, about."""
        return _TARGETS[self._format]

    def n_rows(self, story: str) -> float:
        """Return how many rows a recording has when its events end, about."""
        heard = (mine for (told, _), mine in self._by_scan.items() if told == story)
        end = max(one.end for mine in heard for one in mine)
        return ceil((end or _SECONDS) / self.tr)

    def n_words(self, story: str) -> float:
        """Return the words that are spoken in so many seconds, about."""
        return self.seconds(story) * WORDS_A_SECOND

    # ------------------------------------------------------------ where they come from
    def sources(self) -> list[dict[str, str]]:
        """Return the repositories, or their public buckets."""
        found = (one.repository for one in (self._raw, self._derived))
        return [{"URL": url} for url in dict.fromkeys(one.bucket or one.source for one in found)]
