"""What is known of a BIDS dataset from names of files, tables of events and sidecars."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engram.datasets.bids import checks, headers, names, recordings, sidecars
from engram.datasets.bids.clock_checks import check_beginnings
from engram.datasets.bids.config import BidsSection
from engram.datasets.bids.heard import (
    Heard,
    all_words,
    counted_runs,
    heard_in,
    words_of_stories,
)
from engram.datasets.bids.recordings import Recording
from engram.datasets.planned import (
    Context,
    Files,
    LeftOut,
    PlannedDataset,
    Scan,
    check_heard,
    check_known,
)
from engram.datasets.told_words import check_told
from engram.datasets.word_files import source_files, words_about
from engram.errors import EngramError
from engram.files.fingerprints import file_fingerprint
from engram.paths import ROI_SETS
from engram.vocabulary import NILEARN_PREFIX

#: Bytes of images that are read before a run.
READ_BEFOREHAND = 200 << 20
#: Share of a volume's voxels that are brain, about.
_BRAIN = 0.2
#: Surfaces that maps and figures are drawn on, by space and density.
_SURFACES = {
    ("fsaverage", "10k"): "fsaverage5",
    ("fsaverage", "41k"): "fsaverage6",
    ("fsaverage5", names.ABSENT): "fsaverage5",
    ("fsaverage6", names.ABSENT): "fsaverage6",
}


class PlannedBids(PlannedDataset):
    """A BIDS dataset with fMRIPrep derivatives, in a folder.

    Attributes
    ----------
    is_here : bool
        Whether its large files are here, and not fetched later.
    """

    is_here = True
    reader = "bids"
    estimates_disk = True

    def __init__(self, dataset: BidsSection, context: Context) -> None:
        names.listed.cache_clear()
        self._dataset, self._context = dataset, context
        self._headers: dict[Path, headers.Header] = {}
        self._share_inside: float | None = None
        self._root, self._derivatives = self._folders()
        self._format, every = recordings.of_dataset(
            self._root, self._derivatives, dataset.entities, dataset.format
        )
        checks.check_keys(dataset, self._format, context.high_pass)
        self.atlas = dataset.atlas
        known = sorted({one.entities["sub"] for one in every})
        check_known("dataset.listeners", dataset.listeners or [], known)
        check_known("dataset.exclude", list(dataset.exclude), known)
        used = [
            one
            for one in every
            if (dataset.listeners is None or one.entities["sub"] in dataset.listeners)
            and one.entities["sub"] not in dataset.exclude
        ]
        heard = heard_in(used, dataset)
        self._sources = words_of_stories(all_words(self._root, dataset), heard, dataset)
        self.story_files = {
            story: tuple(path for path in source_files(sources, self._root) if self._is_here(path))
            for story, sources in self._sources.items()
        }
        for path in (path for files in self.story_files.values() for path in files):
            headers.check_fetched(Path(path))
        heard = [one for one in heard if one.story in self.story_files]
        self._by_scan, reasons = counted_runs(heard, dataset)
        scans = [
            Scan(subject, story, self._files(mine))
            for (story, subject), mine in sorted(self._by_scan.items())
        ]
        self.scans = tuple(scans)
        self.excluded = tuple(
            LeftOut(one.recording.entities["sub"], one.story, one.recording.name, reason)
            for one, reason in reasons
        ) + tuple(
            LeftOut(one.entities["sub"], story, one.name, dataset.exclude[one.entities["sub"]])
            for one in every
            if one.entities["sub"] in dataset.exclude
            and (dataset.listeners is None or one.entities["sub"] in dataset.listeners)
            for story in self._stories_of_task(one, heard)
        )
        check_heard(list(self.story_files), self.scans, dataset, known)
        self._used = {
            one.recording.name: one.recording for mine in self._by_scan.values() for one in mine
        }
        self.tr = self._repetition_time()
        self._masks = self._brain_masks()
        self.common_files = (
            *filter(self._is_here, self._masks),
            *checks.named_files(dataset, self._format),
        )
        self._place()

    def _place(self) -> None:
        """Say where targets are on a brain."""
        entities = next(iter(self._used.values())).files[0].entities
        key = (entities.get("space", ""), entities.get("den", names.ABSENT))
        self.surface = _SURFACES.get(key) if self._format == "surface" else None
        if self._format == "volume":
            self.brain = "markers"
        elif self.surface is not None and "hemi" not in self._dataset.entities:
            self.brain = "surface"

    def _stories_of_task(self, recording: Recording, heard: Sequence[Heard]) -> list[str]:
        """Return the stories that others heard in the task of a recording that is left out."""
        task = recording.entities.get("task")
        return sorted({one.story for one in heard if one.recording.entities.get("task") == task})

    def _files(self, heard: Sequence[Heard]) -> Files:
        """Return the raw files of a listener's recordings of a story that are here."""
        found = self._read_by_jobs(heard)
        found += [path for one in heard for path in one.recording.events[:1]]
        return tuple(path for path in map(str, dict.fromkeys(found)) if self._is_here(path))

    def _read_by_jobs(self, heard: Sequence[Heard]) -> list[Path]:
        """Return the files of recordings that jobs read."""
        found = []
        for recording in (one.recording for one in heard):
            found += [file.path for file in recording.files]
            found += [path for file in recording.files for path in self._sidecars(file)]
            if self._dataset.confounds is not None and recording.confounds is not None:
                both = (recording.confounds, recording.confounds.with_suffix(".json"))
                found += [path for path in both if path.exists() or path.is_symlink()]
        return found

    # ------------------------------------------------------------ where files are
    def _folders(self) -> tuple[Path, Path]:
        """Return the dataset, and the folder of its derivatives."""
        dataset = self._dataset
        root = Path(str(dataset.path)).expanduser()
        if not root.is_dir():
            raise EngramError(
                f"dataset.path: there is no folder '{root}'. It is looked for from the working "
                f"directory, {Path.cwd()}."
            )
        if dataset.derivatives is not None:
            derivatives = Path(dataset.derivatives).expanduser()
            if not derivatives.is_dir():
                raise EngramError(
                    f"dataset.derivatives: there is no folder '{derivatives}'. It is looked for "
                    f"from the working directory, {Path.cwd()}."
                )
            return root, derivatives
        usual = root / "derivatives" / "fmriprep"
        return root, usual if usual.is_dir() else root

    def _is_here(self, path: str | Path) -> bool:
        """Tell whether a file is here, and is read where it lies."""
        return True

    def _at(self, path: str | Path) -> str:
        """Return where jobs find a file."""
        return str(path)

    def _sidecars(self, file: names.BidsFile) -> list[Path]:
        return sidecars.of_file(self._root, self._derivatives, file)

    def _repetition_time(self) -> float:
        """Return the TR that the user gives, or that of the first scan."""
        if self._dataset.tr is not None:
            return self._dataset.tr
        file = next(iter(self._used.values())).files[0]
        found = sidecars.repetition_time(self._sidecars(file))
        tr = found[0] if found else self._header_tr(file.path)
        if tr is None:
            raise EngramError(
                f"neither '{file.path}' nor a sidecar gives its repetition time (0 or 1 s in a "
                "header is none). Write dataset: {tr: ...}, in seconds."
            )
        return round(tr, 6)

    def _brain_masks(self) -> Files:
        """Return the brain masks of all scans, where these choose the voxels."""
        dataset = self._dataset
        if self._format != "volume" or dataset.mask is not None or dataset.atlas is not None:
            return ()
        return tuple(str(checks.brain_mask(one, self.is_here)) for one in self._used.values())

    def _header_tr(self, path: Path) -> float | None:
        return headers.read(path, self._format).tr

    # ------------------------------------------------------------ what jobs are told
    def words_config(self, story: str) -> dict[str, Any]:
        """Return the files of a story's words, and how they are read."""
        return {"words": self._sources[story]}

    def scans_config(self, story: str) -> dict[str, Any]:
        """Return the files of a story's scans, when they start, and how they are read."""
        dataset = self._dataset
        start = dataset.start[story] if isinstance(dataset.start, dict) else dataset.start
        return {
            "atlas": self.atlas,
            "confounds": (dataset.confounds.model_dump(mode="json") if dataset.confounds else None),
            "cosines": self._context.high_pass is None,
            "format": self._format,
            "mask": dataset.mask,
            "masks": list(map(self._at, self._masks)),
            "regions": dataset.regions,
            "roi_sets": file_fingerprint(ROI_SETS) if dataset.regions else None,
            "runs": dataset.runs if dataset.runs in ("mean", "first", "last") else None,
            "scans": [
                {
                    "confounds": self._at(one.recording.confounds or ""),
                    "files": [self._at(file.path) for file in one.recording.files],
                    "name": one.recording.name,
                    "onset": one.onset,
                    "sidecars": [
                        list(map(self._at, self._sidecars(file))) for file in one.recording.files
                    ],
                    "story": story,
                    "subject": subject,
                }
                for (told, subject), mine in sorted(self._by_scan.items())
                if told == story
                for one in mine
            ],
            "smoothing": dataset.smoothing,
            "start": start,
            "surface": self.surface,
            "tr": self.tr,
        }

    def tables_here(self) -> tuple[str | None, str]:
        """Return the dataset, unless its images are too large to be read in a moment."""
        if self.atlas is not None and self.atlas.startswith(NILEARN_PREFIX):
            return None, (
                "Images are not read here, since their atlas is fetched first: each story's job "
                "'bold' reads and checks them before models run."
            )
        size = sum(file.path.stat().st_size for one in self._used.values() for file in one.files)
        if size > READ_BEFOREHAND:
            return None, (
                f"The images ({size / 1e9:.1f} GB) are not read here, only their headers: each "
                "story's job 'bold' reads and checks them first, its clock included."
            )
        return self._dataset.path, ""

    def check(self) -> None:
        """Look at words, at headers of all scans and at their confounds."""
        check_told(self._sources, self._root)
        rows = checks.check_recordings(
            list(self._used.values()),
            self._dataset,
            self._format,
            self.tr,
            self._context.high_pass is None,
            self._sidecars,
        )
        heard = [one for mine in self._by_scan.values() for one in mine]
        check_beginnings(heard, rows, self.tr, self._dataset)

    # ------------------------------------------------------------ how much there is
    def _header(self, story: str | None = None) -> headers.Header:
        heard = next(
            mine for (told, _), mine in sorted(self._by_scan.items()) if story in (None, told)
        )
        path = heard[0].recording.files[0].path
        if path not in self._headers:
            self._headers[path] = headers.read(path, self._format)
        return self._headers[path]

    def _share(self) -> float:
        """Return the share of a volume's voxels that are in use, about."""
        named = [path for path in self.common_files if path.endswith((".nii", ".nii.gz"))]
        found = headers.share_inside(Path(named[0])) if named else None
        return _BRAIN if found is None else found

    def n_targets(self) -> float:
        """Return how many targets there are, about."""
        header = self._header()
        if self._format == "volume":
            if self._share_inside is None:
                self._share_inside = self._share()
            return self._share_inside * header.shape[0] * header.shape[1] * header.shape[2]
        if self._format == "surface":
            sides = len(next(iter(self._used.values())).files)
            return sides * header.shape[1]
        return header.shape[1]

    def n_rows(self, story: str) -> float:
        """Return how many rows a recording of the story has."""
        return self._header(story).rows

    def n_words(self, story: str) -> float:
        """Return how many words files of their size have."""
        return words_about(self._sources[story], self._root)

    def sources(self) -> list[dict[str, str]]:
        """Return the dataset, and its derivatives."""
        return [{"URL": str(one)} for one in dict.fromkeys((self._root, self._derivatives))]
