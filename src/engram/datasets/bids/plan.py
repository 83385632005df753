"""What is known of a BIDS dataset from names of files, tables of events and sidecars."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engram.datasets.bids import checks, headers, names, recordings, sidecars
from engram.datasets.bids.config import BidsSection
from engram.datasets.bids.recordings import Recording
from engram.datasets.bids.stimuli import found_words
from engram.datasets.planned import (
    Context,
    Files,
    LeftOut,
    PlannedDataset,
    Scan,
    check_heard,
    check_known,
)
from engram.datasets.word_files import (
    Source,
    source_files,
    stories_with_words,
    word_sources,
    words_about,
)
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


@dataclass(frozen=True)
class _Heard:
    """A recording in which a story was heard.

    Attributes
    ----------
    onset : float or None
        Seconds from the first volume; None where the user says when scans start.
    """

    story: str
    recording: Recording
    onset: float | None


class PlannedBids(PlannedDataset):
    """A BIDS dataset with fMRIPrep derivatives."""

    reader = "bids"
    estimates_disk = True

    def __init__(self, dataset: BidsSection, context: Context) -> None:
        names.listed.cache_clear()
        self._dataset, self._context = dataset, context
        self._headers: dict[Path, headers.Header] = {}
        self._share_inside: float | None = None
        self._root, self._derivatives = _folders(dataset)
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
        heard = _heard(used, dataset)
        self._sources = _words(_all_words(self._root, dataset), heard, dataset)
        self.story_files = {
            story: source_files(sources, self._root) for story, sources in self._sources.items()
        }
        for path in (path for files in self.story_files.values() for path in files):
            headers.check_fetched(Path(path))
        heard = [one for one in heard if one.story in self.story_files]
        self._by_scan, reasons = _runs(heard, dataset)
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
        self.common_files = (*self._masks, *checks.named_files(dataset, self._format))
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

    def _stories_of_task(self, recording: Recording, heard: Sequence[_Heard]) -> list[str]:
        """Return the stories that others heard in the task of a recording that is left out."""
        task = recording.entities.get("task")
        return sorted({one.story for one in heard if one.recording.entities.get("task") == task})

    def _files(self, heard: Sequence[_Heard]) -> Files:
        """Return the raw files of a listener's recordings of a story."""
        found = []
        for one in heard:
            recording = one.recording
            found += [file.path for file in recording.files]
            found += [path for file in recording.files for path in self._sidecars(file)]
            if self._dataset.confounds is not None and recording.confounds is not None:
                found += [
                    path
                    for path in (recording.confounds, recording.confounds.with_suffix(".json"))
                    if path.exists()
                ]
            found += recording.events[:1]
        return tuple(map(str, dict.fromkeys(found)))

    def _sidecars(self, file: names.BidsFile) -> list[Path]:
        return sidecars.of_file(self._root, self._derivatives, file)

    def _repetition_time(self) -> float:
        """Return the TR that the user gives, or that of the first scan."""
        if self._dataset.tr is not None:
            return self._dataset.tr
        file = next(iter(self._used.values())).files[0]
        found = sidecars.repetition_time(self._sidecars(file))
        tr = found[0] if found else headers.read(file.path, self._format).tr
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
        return tuple(str(checks.brain_mask(one)) for one in self._used.values())

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
            "masks": list(self._masks),
            "regions": dataset.regions,
            "roi_sets": file_fingerprint(ROI_SETS) if dataset.regions else None,
            "runs": dataset.runs if dataset.runs in ("mean", "first", "last") else None,
            "scans": [
                {
                    "confounds": str(one.recording.confounds or ""),
                    "files": [str(file.path) for file in one.recording.files],
                    "name": one.recording.name,
                    "onset": one.onset,
                    "sidecars": [
                        list(map(str, self._sidecars(file))) for file in one.recording.files
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
        """Look at headers of all scans, and at their confounds."""
        checks.check_recordings(
            list(self._used.values()),
            self._dataset,
            self._format,
            self.tr,
            self._context.high_pass is None,
            self._sidecars,
        )

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
            return {"fsaverage5": 20_484, "fsaverage6": 81_924}.get(str(self.surface), 327_684)
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


PLAN = PlannedBids


def _folders(dataset: BidsSection) -> tuple[Path, Path]:
    """Return the dataset, and the folder of its derivatives."""
    root = Path(dataset.path).expanduser()
    if not root.is_dir():
        raise EngramError(
            f"dataset.path: there is no folder '{root}'. It is looked for from the working "
            f"directory, {Path.cwd()}."
        )
    if dataset.derivatives is not None:
        derivatives = Path(dataset.derivatives).expanduser()
        if not derivatives.is_dir():
            raise EngramError(
                f"dataset.derivatives: there is no folder '{derivatives}'. It is looked for from "
                f"the working directory, {Path.cwd()}."
            )
        return root, derivatives
    usual = root / "derivatives" / "fmriprep"
    return root, usual if usual.is_dir() else root


def _heard(found: Sequence[Recording], dataset: BidsSection) -> list[_Heard]:
    """Return which stories were heard in which recordings."""
    result = []
    told = []
    for one in found:
        stories = recordings.stories_of(
            one,
            dataset.story_from,
            dataset.story_names,
            dataset.trial_type,
            dataset.start is None,
        )
        told += list(stories.items())
        for story, presented in stories.items():
            name = story
            if dataset.runs == "sections" and "run" in one.entities:
                name = f"{story}-run-{one.entities['run'].lstrip('0') or '0'}"
            onset = None if dataset.start is not None else presented.onset
            result.append(_Heard(name, one, onset))
    recordings.check_one_stimulus(told, dataset.story_names)
    return result


def _all_words(root: Path, dataset: BidsSection) -> dict[str, list[Source]]:
    """Return the files of words of every story that has some."""
    if dataset.words is None:
        return found_words(root)
    return {
        story: word_sources(dataset.words, story, root)
        for story in stories_with_words(dataset.words, root)
    }


def _words(
    words: Mapping[str, list[Source]], heard: Sequence[_Heard], dataset: BidsSection
) -> dict[str, list[Source]]:
    """Return the files of each story's words; refuse stories without words, or without a scan."""
    told = sorted({one.story for one in heard})
    check_known("dataset.stories", dataset.stories or [], told)
    chosen = told if dataset.stories is None else sorted(set(dataset.stories))
    if without := [story for story in chosen if story not in words]:
        raise EngramError(
            f"there are no words of {', '.join(without)}, which was heard in "
            f"{next(one.recording.name for one in heard if one.story == without[0])}. Words are "
            f"there of {', '.join(words)}. Give the story the name of its words (dataset: "
            f"{{story_names: {{{without[0]}: {next(iter(words))}}}}}), add its words, or choose "
            "stories (dataset: {stories: [...]})."
        )
    if dataset.stories is None and (silent := sorted(set(words) - set(told))):
        raise EngramError(
            f"there are words of {', '.join(silent)}, which nobody heard: the scans are of "
            f"{', '.join(told)}. Is a name misspelt (dataset.story_names)? If not, choose stories "
            f"(dataset: {{stories: [{', '.join(chosen)}]}})."
        )
    if isinstance(dataset.start, dict):
        check_known("dataset.start", list(dataset.start), told)
        if missing := sorted(set(chosen) - set(dataset.start)):
            raise EngramError(
                f"dataset.start gives no time for {missing}. Give one for each story, such as "
                f"'{missing[0]}: 0.0', or one number for all."
            )
    return {story: words[story] for story in chosen}


def _runs(
    heard: Sequence[_Heard], dataset: BidsSection
) -> tuple[dict[tuple[str, str], list[_Heard]], list[tuple[_Heard, str]]]:
    """Return the recordings that count, by story and listener, and why the others do not."""
    by_scan: dict[tuple[str, str], list[_Heard]] = defaultdict(list)
    for one in heard:
        by_scan[one.story, one.recording.entities["sub"]].append(one)
    reasons: list[tuple[_Heard, str]] = []
    for key, mine in by_scan.items():
        if len(mine) == 1:
            continue
        if dataset.runs not in ("mean", "first", "last"):
            listed = ", ".join(one.recording.name for one in mine)
            raise EngramError(
                f"sub-{key[1]} has {len(mine)} recordings of the story '{key[0]}': {listed}. Is "
                "each another part of it? Write dataset: {runs: sections}: each run is then a "
                "story of its own, with words of its own. Was the same heard again? Write runs: "
                "first, last or mean. Or choose by entities, such as dataset: {entities: {run: 1}}."
            )
        counted = {"mean": mine, "first": mine[:1], "last": mine[-1:]}[dataset.runs]
        reasons += [
            (one, f"another run counts (dataset.runs: {dataset.runs})")
            for one in mine
            if one not in counted
        ]
        by_scan[key] = list(counted)
    return dict(by_scan), reasons
