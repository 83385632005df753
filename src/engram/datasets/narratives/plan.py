"""What is known of Narratives, and of datasets of its form, from a table of facts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from math import ceil
from pathlib import Path
from typing import Any

from engram.datasets.given_folder import dataset_folder, is_named
from engram.datasets.narratives.config import (
    NARRATIVES_BUCKET,
    NARRATIVES_SOURCE,
    NarrativesForm,
    NarrativesSection,
)
from engram.datasets.narratives.facts import Fact, read_facts
from engram.datasets.narratives.layout import (
    METADATA,
    SIDES,
    VOLUME,
    alignment_file,
    bold_files,
    events_file,
    parcellation_files,
    raw_tr_files,
    transcript_file,
)
from engram.datasets.narratives.tree import tree_files
from engram.datasets.planned import (
    WORDS_A_SECOND,
    Context,
    Download,
    Files,
    LeftOut,
    PlannedDataset,
    Scan,
    check_known,
)
from engram.datasets.repository import S3, Repository
from engram.datasets.roi_sets import choose
from engram.errors import EngramError
from engram.files.fingerprints import file_fingerprint
from engram.paths import DESTRIEUX, NARRATIVES_FACTS, ROI_SETS
from engram.vocabulary import NILEARN_PREFIX

#: Vertices with a region of the Destrieux parcellation, and all, of both hemispheres.
_TARGETS = {"fsaverage6": 74_901, "fsaverage5": 18_720}
_VERTICES = {"fsaverage6": 81_924, "fsaverage5": 20_484}
#: Voxels of a scan in MNI space, and of an atlas on it, in round numbers.
_VOXELS, _VOXELS_WITH_REGION = 250_000, 60_000
#: Bytes of a number in a raw file: noise, compressed and written as text (measured on made scans).
_RAW_BYTES = 5.0
#: Seconds of a scan after its story.
_REST = 12.0


class PlannedForm(PlannedDataset):
    """A dataset with the tree of Narratives, by the facts of who heard what and when.

    Attributes
    ----------
    facts : tuple of Fact
        Everything that was told, in scans in use and others.
    pipeline : str
        Which of the cleaned derivatives is read.
    """

    pipeline: str
    reader = "narratives"
    brain = "surface"
    estimates_disk = True
    is_simulated = False

    def __init__(
        self, dataset: NarrativesForm, space: str, facts: Sequence[Fact], context: Context
    ) -> None:
        self.facts = tuple(facts)
        self._section, self._space, self._context = dataset, space, context
        self.surface = None if space == VOLUME else space
        check_known("dataset.stories", dataset.stories, sorted({fact.story for fact in facts}))
        known = sorted({fact.subject for fact in facts})
        check_known("dataset.listeners", dataset.listeners or [], known)
        check_known("dataset.exclude", list(dataset.exclude), known)
        self._runs, reasons = _used(facts, dataset)
        deserted = sorted(set(dataset.stories) - {story for story, _ in self._runs})
        if deserted:
            raise EngramError(
                f"no listener is left for {', '.join(deserted)}. Leave the story out, or choose "
                "other listeners (dataset.listeners)."
            )
        self.story_files = dict.fromkeys(sorted(set(dataset.stories)), ())
        self.scans = tuple(Scan(subject, story) for story, subject in sorted(self._runs))
        self.excluded = tuple(
            LeftOut(fact.subject, fact.story, fact.scan, reason)
            for fact, reason in sorted(
                reasons.items(), key=lambda item: (item[0].story, item[0].scan)
            )
        )

    def scan_facts(self, story: str) -> list[Fact]:
        """Return the facts of the story's scans in use."""
        listeners = set(self.listeners(story))
        left_out = {(one.scan, one.story) for one in self.excluded}
        return [
            fact
            for fact in self.facts
            if fact.story == story
            and fact.subject in listeners
            and (fact.scan, story) not in left_out
        ]

    def words_config(self, story: str) -> dict[str, Any]:
        """Return all that was told in one scan of the story.

        Whose scan it is does not matter, so that choosing other listeners changes nothing.
        """
        one = next(fact for fact in self.facts if fact.story == story and fact.excluded is None)
        return {
            "scans": [
                fact.plain()
                for fact in self.facts
                if (fact.scan, fact.stimulus) == (one.scan, one.stimulus)
            ]
        }

    def scans_config(self, story: str) -> dict[str, Any]:
        """Return the facts of the scans in use, and how they are read."""
        regions = self._section.regions
        return {
            "atlas": self.atlas,
            "pipeline": self.pipeline,
            "regions": regions,
            "roi_sets": file_fingerprint(ROI_SETS) if regions else None,
            "runs": self._section.runs,
            "scans": [fact.plain() for fact in self.scan_facts(story)],
            "simulated": self.is_simulated,
            "space": self._space,
            "tr": self.tr,
        }

    def tables_here(self) -> tuple[str | None, str]:
        """Return that images are not read before a run."""
        return (
            None,
            (
                "Images are not read here: each story's job 'bold' reads and checks them "
                "first, its clock included."
            ),
        )

    def n_targets(self) -> float:
        """Return the vertices, or voxels, with a region."""
        return _VOXELS_WITH_REGION if self._space == VOLUME else _TARGETS[self._space]

    def n_rows(self, story: str) -> float:
        """Return the rows of the story, with its tail."""
        return ceil((self.seconds(story) + self._context.tail) / self.tr)

    def n_words(self, story: str) -> float:
        """Return the words that are spoken in so many rows."""
        return self.n_rows(story) * self.tr * WORDS_A_SECOND

    def seconds(self, story: str) -> float:
        """Return how long the story was told in the first scan in use."""
        fact = self.scan_facts(story)[0]
        return fact.story_end - fact.story_onset


class PlannedNarratives(PlannedForm):
    """Narratives, fetched by DataLad or by HTTPS, or in a folder of the user's."""

    is_large = True

    def __init__(self, dataset: NarrativesSection, context: Context) -> None:
        self._dataset, self.tr, self.pipeline = dataset, dataset.tr, dataset.pipeline
        self.atlas = dataset.atlas
        super().__init__(dataset, dataset.space, _facts(dataset), context)
        self.brain = "markers" if dataset.space == VOLUME else "surface"
        self.has_destrieux = self.brain == "surface" and dataset.atlas is None
        self._repository = None if dataset.path is not None else _repository(dataset.source)
        self.fetches_by_datalad = dataset.path is None and dataset.source != S3
        self.common_files = _atlas_files(dataset)
        if dataset.path is not None:
            tree = tree_files(dataset_folder(dataset.path), dataset, self.facts, self._runs)
            self.story_files = tree.words
            self.common_files = (*self.common_files, *tree.common)
            self.scans = tuple(
                Scan(one.subject, one.story, tree.scans[one.story, one.subject])
                for one in self.scans
            )
        # What regions are called is known before the parcellation is fetched.
        if dataset.atlas is None and dataset.facts is None:
            choose(dataset.regions, _destrieux(), "dataset.regions")

    def words_download(self, story: str) -> Download | None:
        """Return which files of the dataset hold a story's words.

        Those that are `optional` may not be there.
        """
        if self._repository is None:
            return None
        stimulus = next(fact.stimulus for fact in self.facts if fact.story == story)
        return self._repository.words(
            story, [alignment_file(stimulus)], [transcript_file(stimulus)]
        )

    def scans_download(self, story: str) -> Download | None:
        """Return which files of the dataset hold a story's scans.

        The parcellation is among them, and the metadata that they are checked against.
        """
        if self._repository is None:
            return None
        scans = sorted({fact.scan for fact in self.scan_facts(story)})
        bold = [path for scan in scans for path in bold_files(self.pipeline, self._space, scan)]
        files = [*bold, *(parcellation_files() if self.atlas is None else []), *METADATA]
        beside = [path for scan in scans for path in (events_file(scan), *raw_tr_files(scan))]
        return self._repository.scans(story, files, list(dict.fromkeys(beside)))

    def download_bytes(self) -> float:
        """Return the bytes of all scans in use."""
        if self._repository is None:
            return 0.0
        everywhere = _VOXELS if self._space == VOLUME else _VERTICES[self._space]
        raw = 0.0
        for story in self.stories:
            rows = sum(ceil((fact.story_end + _REST) / self.tr) for fact in self.scan_facts(story))
            raw += rows * everywhere * _RAW_BYTES
        return raw

    def sources(self) -> list[dict[str, str]]:
        """Return the folder, the DataLad dataset, or the bucket."""
        if self._repository is None:
            return [{"URL": str(self._dataset.path)}]
        return [{"URL": self._repository.bucket or self._repository.source}]


PLAN = PlannedNarratives


def _repository(source: str) -> Repository:
    """Return where files come from: a DataLad dataset, or the bucket that holds the public one."""
    if source == S3:
        return Repository("narratives", NARRATIVES_SOURCE, NARRATIVES_BUCKET)
    return Repository("narratives", source)


def _used(
    facts: Iterable[Fact], dataset: NarrativesForm
) -> tuple[dict[tuple[str, str], list[Fact]], dict[Fact, str]]:
    """Return the runs that count, by story and listener, and why the others do not."""
    usable: dict[tuple[str, str], list[Fact]] = defaultdict(list)
    reasons: dict[Fact, str] = {}
    for fact in facts:
        if fact.story not in dataset.stories or (
            dataset.listeners is not None and fact.subject not in dataset.listeners
        ):
            continue
        if fact.subject in dataset.exclude:
            reasons[fact] = dataset.exclude[fact.subject]
        elif fact.excluded is not None:
            reasons[fact] = fact.excluded
        else:
            usable[fact.story, fact.subject].append(fact)
    for runs in usable.values():
        one = {"mean": None, "first": runs[0], "last": runs[-1]}[dataset.runs]
        reasons |= {
            fact: f"another run counts (dataset.runs: {dataset.runs})"
            for fact in runs
            if one not in (None, fact)
        }
    counted = {key: [fact for fact in runs if fact not in reasons] for key, runs in usable.items()}
    return counted, reasons


def _facts(dataset: NarrativesSection) -> list[Fact]:
    own = dataset.facts
    if own and not Path(own).expanduser().is_file():
        raise EngramError(
            f"dataset.facts: there is no file '{own}'. It is looked for from the working "
            f"directory, {Path.cwd()}."
        )
    return read_facts(Path(own).expanduser() if own else NARRATIVES_FACTS)


def _destrieux() -> list[str]:
    """Return the names of the regions of the Destrieux parcellation."""
    lines = DESTRIEUX.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not line.startswith("#")]


def _atlas_files(dataset: NarrativesSection) -> Files:
    """Return the files of an atlas that the user names, which must be there."""
    if dataset.atlas is None or dataset.atlas.startswith(NILEARN_PREFIX):
        return ()
    if dataset.space == VOLUME:
        image = Path(dataset.atlas).expanduser()
        table = image.with_name(image.name.removesuffix(".gz").removesuffix(".nii") + ".tsv")
        files: Files = (str(image), *([str(table)] if is_named(table) else ()))
    else:
        files = tuple(
            str(Path(dataset.atlas.replace("{hemi}", side)).expanduser()) for side in SIDES.values()
        )
    missing = [path for path in files if not Path(path).exists()]
    if missing:
        raise EngramError(
            f"dataset.atlas: there is no file '{missing[0]}'. It is looked for from the working "
            f"directory, {Path.cwd()}."
        )
    return files
