"""What a study consists of, known before its first job: stories, listeners, groups, models.

Only file names and small tables are looked at: the workflow is planned in a blink, and without
the data of a download.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engram.datasets.narratives.facts import Fact, read_facts
from engram.datasets.narratives.layout import (
    METADATA,
    SIDES,
    SIMULATED_PIPELINE,
    VOLUME,
    alignment_file,
    bold_files,
    events_file,
    parcellation_files,
    raw_tr_files,
    tr_files,
    transcript_file,
)
from engram.datasets.roi_sets import choose
from engram.datasets.simulated.schedule import simulated_facts
from engram.errors import EngramError
from engram.files import delimited
from engram.files.fingerprints import file_fingerprint
from engram.paths import (
    ALICE_PINS,
    DESTRIEUX,
    NARRATIVES_FACTS,
    ROI_SETS,
    TEXTS,
)
from engram.study.association_plan import check_associations, check_frequencies
from engram.study.config.datasets import (
    AliceDataset,
    NarrativesDataset,
    NarrativesForm,
    SimulatedDataset,
    TableDataset,
)
from engram.study.config.fields import NAME
from engram.study.config.study import Study
from engram.study.tuning_plan import check_tunings
from engram.vocabulary import (
    AVERAGE,
    NARRATIVES_TR,
    NILEARN_PREFIX,
    TARGET_COLUMNS,
    scan_name,
)

#: Longest name of a group before it is abbreviated with a hash (file names have limits).
_LONGEST_NAME = 60
#: Bytes of tables that are read before a run.
_READ_BEFOREHAND = 400 << 20


@dataclass(frozen=True)
class Scan:
    """One listener in one story, with the raw files that belong to it."""

    subject: str
    story: str
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Group:
    """Listeners who heard the same stories, and so share features; `average` may be one of them."""

    subjects: tuple[str, ...]
    stories: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """A study's stories, scans and groups.

    Attributes
    ----------
    scans : tuple of Scan
        In use, by story and listener.
    excluded : tuple of (subject, story, scan, reason)
    groups : dict of Group
        By the name under which their scores are kept.
    story_files : dict
        Raw files of each story's words.
    brain : {"markers", "surface"} or None
        How results can be drawn on a brain: targets have MNI coordinates,
        or are a surface's vertices.
    facts : tuple of Fact
        Narratives and its likes: everything that was told, in scans in use and others.
    """

    scans: tuple[Scan, ...]
    excluded: tuple[tuple[str, str, str, str], ...]
    groups: dict[str, Group]
    story_files: dict[str, tuple[str, ...]]
    common_files: tuple[str, ...]
    brain: str | None
    facts: tuple[Fact, ...] = ()

    @property
    def stories(self) -> list[str]:
        """Stories, sorted."""
        return sorted(self.story_files)

    def listeners(self, story: str) -> list[str]:
        """Return the listeners of a story, sorted."""
        return sorted(scan.subject for scan in self.scans if scan.story == story)


def make_plan(study: Study) -> Plan:
    """Return the plan of a study.

    Raises
    ------
    EngramError
        If a story or listener that the configuration names is not there, or nothing is left to do.
    """
    dataset = study.dataset
    check_tunings(study)
    if isinstance(dataset, NarrativesForm):
        return _narratives_plan(study, dataset)
    if isinstance(dataset, AliceDataset):
        scans, story_files, common, brain = _alice_scans(dataset)
        subjects = {scan.subject for scan in scans}
    else:
        scans, story_files, common, brain, subjects = _table_scans(dataset)
    known = sorted(subjects)
    _check_known("dataset.subjects", dataset.subjects or [], known)
    _check_known("dataset.exclude", list(dataset.exclude), known)
    chosen = [
        scan for scan in scans if dataset.subjects is None or scan.subject in dataset.subjects
    ]
    used = tuple(scan for scan in chosen if scan.subject not in dataset.exclude)
    excluded = tuple(
        (
            scan.subject,
            scan.story,
            scan_name(scan.subject, scan.story),
            dataset.exclude[scan.subject],
        )
        for scan in chosen
        if scan.subject in dataset.exclude
    )
    heard = {scan.story for scan in used}
    check_associations(study, list(story_files))
    check_frequencies(study, story_files)
    deserted = sorted(set(story_files) - heard)
    if deserted:
        raise EngramError(
            f"no listener is left for {', '.join(deserted)}. Known listeners: {known}; "
            f"excluded: {sorted(dataset.exclude)}."
        )
    return Plan(used, excluded, _groups(used, study.bold.average), story_files, common, brain)


def tables_here(study: Study, plan: Plan) -> tuple[str | None, str]:
    """Return the folder of a study's tables, if they can be read in a moment.

    If they are not here, or cannot, return None and why not.
    """
    if isinstance(study.dataset, TableDataset):
        size = sum(Path(path).stat().st_size for scan in plan.scans for path in scan.files)
        if size > _READ_BEFOREHAND:
            return (
                None,
                (
                    f"The time courses ({size / 1e9:.1f} GB) are not read here: each story's job "
                    "'bold' reads and checks them first, its clock included."
                ),
            )
        return str(Path(study.dataset.path).expanduser()), ""
    if isinstance(study.dataset, AliceDataset):
        downloads, mirror = (
            Path(study.pathvars.get("downloads", "resources/downloads")),
            study.mirror_folder(),
        )
        for folder in (
            downloads / "alice" / "dataset",
            *([mirror / "alice"] if mirror is not None else []),
        ):
            if (folder / "annotations.tsv").is_file():
                return str(folder), ""
        return (
            None,
            "Alice is not here yet: the job 'bold' checks what was downloaded, its clock included.",
        )
    return (
        None,
        (
            "Images are not read here: each story's job 'bold' reads and checks them "
            "first, its clock included."
        ),
    )


def group_name(stories: tuple[str, ...]) -> str:
    """Return a group's name: its stories, abbreviated with a hash when long.

    So adding a story renames nothing else.
    """
    name = "+".join(stories)
    if len(name) <= _LONGEST_NAME:
        return name
    return f"{stories[0]}+{len(stories) - 1}more-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _groups(scans: tuple[Scan, ...], average: bool) -> dict[str, Group]:
    heard: dict[str, list[str]] = defaultdict(list)
    listeners: dict[str, set[str]] = defaultdict(set)
    for scan in scans:
        heard[scan.subject].append(scan.story)
        listeners[scan.story].add(scan.subject)
    if average:
        # The average listener heard every story that at least two people heard.
        shared = sorted(story for story, people in listeners.items() if len(people) > 1)
        if shared:
            heard[AVERAGE] = shared
    members: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for subject, stories in heard.items():
        members[tuple(sorted(stories))].append(subject)
    return {
        group_name(stories): Group(tuple(sorted(subjects)), stories)
        for stories, subjects in sorted(members.items())
    }


def _check_known(key: str, names: list[str], known: list[str]) -> None:
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise EngramError(
            f"{key} names {unknown}, which the dataset does not have. It has: {known}. "
            "(Numbers that begin with 0 need quotes in YAML: '01'.)"
        )


_Scans = tuple[list[Scan], dict[str, tuple[str, ...]], tuple[str, ...], str | None]


def _alice_scans(dataset: AliceDataset) -> _Scans:
    paths = [row["path"] for row in delimited.read_rows(ALICE_PINS, ("path",))]
    subjects = sorted(
        match[1]
        for path in paths
        if (match := re.fullmatch(rf"{dataset.spheres}/s(\d+)-timecourses\.txt", path))
    )
    return [Scan(subject, "alice") for subject in subjects], {"alice": ()}, (), None


def _check_file_names(folder: Path) -> None:
    """Refuse files that look like a study's and are none of it.

    A misspelt name would be passed over in silence.
    """
    patterns = (
        rf"story-{NAME}_words\.tsv",
        rf"sub-{NAME}_story-{NAME}_(timeseries|confounds)\.tsv",
    )
    looks_like_ours = re.compile(r"(sub|story)[-_].*\.(tsv|csv)(\.\w+)?", re.IGNORECASE)
    names = sorted(path.name for path in folder.iterdir())
    strange = [
        name
        for name in names
        if looks_like_ours.fullmatch(name) and not any(re.fullmatch(one, name) for one in patterns)
    ]
    if strange:
        raise EngramError(
            f"dataset.path: '{folder}' has files with names that mean nothing here: {strange}. "
            "They are named 'story-<story>_words.tsv', 'sub-<id>_story-<story>_timeseries.tsv' "
            "or 'sub-<id>_story-<story>_confounds.tsv', with letters, digits, '-' and "
            "'.' for <id> and <story>."
        )
    alone = sorted(
        path.name
        for path in folder.glob("sub-*_confounds.tsv")
        if not path.with_name(path.name.replace("_confounds.", "_timeseries.")).exists()
    )
    if alone:
        raise EngramError(
            f"dataset.path: '{folder}' has confounds without a time course: "
            f"{alone}. Is a name misspelt?"
        )


_Files = tuple[str, ...]


def _narratives_plan(study: Study, dataset: NarrativesForm) -> Plan:
    facts = _facts(study, dataset)
    _check_known("dataset.stories", dataset.stories, sorted({fact.story for fact in facts}))
    known = sorted({fact.subject for fact in facts})
    _check_known("dataset.subjects", dataset.subjects or [], known)
    _check_known("dataset.exclude", list(dataset.exclude), known)
    chosen = [
        fact
        for fact in facts
        if fact.story in dataset.stories
        and (dataset.subjects is None or fact.subject in dataset.subjects)
    ]
    usable: dict[tuple[str, str], list[Fact]] = defaultdict(list)
    reasons: dict[Fact, str] = {}
    for fact in chosen:
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
    deserted = sorted(set(dataset.stories) - {story for story, _ in usable})
    if deserted:
        raise EngramError(
            f"no listener is left for {', '.join(deserted)}. Leave the story out, or choose other "
            "listeners (dataset.subjects)."
        )
    check_associations(study, sorted(set(dataset.stories)))
    story_files: dict[str, _Files] = dict.fromkeys(sorted(set(dataset.stories)), ())
    common: _Files = ()
    read = {key: [fact for fact in runs if fact not in reasons] for key, runs in usable.items()}
    files: dict[tuple[str, str], _Files] = dict.fromkeys(read, ())
    if isinstance(dataset, NarrativesDataset) and dataset.path is not None:
        story_files, common, files = _tree_files(dataset, facts, read)
    scans = tuple(Scan(subject, story, files[story, subject]) for story, subject in sorted(read))
    excluded = tuple(
        (fact.subject, fact.story, fact.scan, reason)
        for fact, reason in sorted(reasons.items(), key=lambda item: (item[0].story, item[0].scan))
    )
    if isinstance(dataset, NarrativesDataset):
        atlas_files(dataset)  # refused here if it is not there
        # What its regions are called is known before it is fetched.
        if dataset.atlas is None and dataset.facts is None:
            choose(
                dataset.regions,
                [
                    line
                    for line in DESTRIEUX.read_text(encoding="utf-8").splitlines()
                    if not line.startswith("#")
                ],
                "dataset.regions",
            )
    brain = (
        "markers"
        if isinstance(dataset, NarrativesDataset) and dataset.space == VOLUME
        else "surface"
    )
    return Plan(
        scans,
        excluded,
        _groups(scans, study.bold.average),
        story_files,
        common,
        brain,
        tuple(facts),
    )


def _facts(study: Study, dataset: NarrativesForm) -> list[Fact]:
    if isinstance(dataset, SimulatedDataset):
        _check_known(
            "dataset.stories", dataset.stories, sorted(path.stem for path in TEXTS.glob("*.txt"))
        )
        return simulated_facts(
            TEXTS,
            list(dict.fromkeys(dataset.stories)),
            dataset.listeners,
            dataset.words,
            study.seed,
        )
    own = dataset.facts if isinstance(dataset, NarrativesDataset) else None
    if own and not Path(own).expanduser().is_file():
        raise EngramError(
            f"dataset.facts: there is no file '{own}'. It is looked for from the working "
            f"directory, {Path.cwd()}."
        )
    return read_facts(Path(own).expanduser() if own else NARRATIVES_FACTS)


def _tree_files(
    dataset: NarrativesDataset,
    facts: Sequence[Fact],
    read: Mapping[tuple[str, str], Sequence[Fact]],
) -> tuple[dict[str, _Files], _Files, dict[tuple[str, str], _Files]]:
    """Return the raw files of stories, of all scans, and of each scan, in the user's folder.

    The configuration names it. What is not there is refused.
    """
    folder = Path(str(dataset.path)).expanduser()
    if not folder.is_dir():
        raise EngramError(
            f"dataset.path: there is no folder '{folder}'. Leave the key out to "
            "fetch the data by DataLad."
        )
    stimuli = {fact.story: fact.stimulus for fact in facts}
    words = {
        story: (
            alignment_file(stimuli[story]),
            *(
                [transcript_file(stimuli[story])]
                if (folder / transcript_file(stimuli[story])).exists()
                else ()
            ),
        )
        for story in sorted(set(dataset.stories))
    }
    common = (
        _own_atlas(dataset)
        if dataset.atlas and not dataset.atlas.startswith(NILEARN_PREFIX)
        else ()
    )
    if not dataset.atlas:
        common = tuple(str(folder / path) for path in parcellation_files())
    bold = {
        key: [
            path for fact in runs for path in bold_files(dataset.pipeline, dataset.space, fact.scan)
        ]
        for key, runs in read.items()
    }
    # What scans are checked against, where it is there.
    common += tuple(str(folder / path) for path in METADATA if (folder / path).exists())
    events = {
        key: [
            path
            for fact in runs
            for path in (
                events_file(fact.scan),
                *tr_files(dataset.pipeline, dataset.space, fact.scan),
            )
            if (folder / path).exists()
        ]
        for key, runs in read.items()
    }
    needed = [
        *(path for paths in words.values() for path in paths),
        *(path for paths in bold.values() for path in paths),
    ]
    missing = [str(folder / path) for path in needed if not (folder / path).exists()] + [
        path for path in common if not Path(path).exists()
    ]
    if missing:
        links = sum(Path(path).is_symlink() for path in missing)
        raise EngramError(
            (
                f"dataset.path: {len(missing)} of {len(needed) + len(common)} files that the "
                f"study needs are not in '{folder}'"
            )
            + (
                (
                    f" ({links} of them are links whose content was not fetched: "
                    "'datalad get' brings it)"
                )
                if links
                else ""
            )
            + (
                f". The first: {', '.join(missing[:3])}. Leave 'path' out to fetch them "
                "by DataLad, or choose other stories or listeners."
            )
        )

    def inside(paths: Iterable[str]) -> _Files:
        return tuple(str(folder / path) for path in paths)

    return (
        {story: inside(paths) for story, paths in words.items()},
        common,
        {key: inside([*paths, *events[key]]) for key, paths in bold.items()},
    )


def atlas_files(dataset: NarrativesDataset) -> tuple[str, ...]:
    """Return the files of an atlas that the user names."""
    if dataset.atlas is None or dataset.atlas.startswith(NILEARN_PREFIX):
        return ()
    files = _own_atlas(dataset)
    missing = [path for path in files if not Path(path).exists()]
    if missing:
        raise EngramError(
            f"dataset.atlas: there is no file '{missing[0]}'. It is looked for from the working "
            f"directory, {Path.cwd()}."
        )
    return files


def _own_atlas(dataset: NarrativesDataset) -> tuple[str, ...]:
    assert dataset.atlas is not None
    if dataset.space == VOLUME:
        image = Path(dataset.atlas).expanduser()
        table = image.with_name(image.name.removesuffix(".gz").removesuffix(".nii") + ".tsv")
        return (str(image), *([str(table)] if table.exists() else ()))
    return tuple(
        str(Path(dataset.atlas.replace("{hemi}", side)).expanduser()) for side in SIDES.values()
    )


def source_datasets(study: Study) -> list[dict[str, str]]:
    """Return where the raw data come from, as BIDS' dataset_description.json lists it.

    There is nothing for simulated ones.
    """
    dataset = study.dataset
    if isinstance(dataset, SimulatedDataset):
        return []
    if isinstance(dataset, AliceDataset):
        first = delimited.read_rows(ALICE_PINS, ("path", "url"))[0]
        return [{"URL": first["url"].removesuffix(first["path"])}]
    return [
        {
            "URL": (
                dataset.path or dataset.source
                if isinstance(dataset, NarrativesDataset)
                else dataset.path
            )
        }
    ]


def words_config(study: Study, plan: Plan, story: str) -> dict[str, Any]:
    """Return what reading a story's words depends on, for `engram.datasets.readers.open_words`."""
    if not isinstance(study.dataset, NarrativesForm):
        return {"kind": study.dataset.kind}
    one = next(fact for fact in plan.facts if fact.story == story and fact.excluded is None)
    # All that was told in one scan of the story; whose it is does not matter, so that choosing
    # other listeners changes nothing.
    return {
        "kind": "narratives",
        "scans": [
            fact.plain()
            for fact in plan.facts
            if (fact.scan, fact.stimulus) == (one.scan, one.stimulus)
        ],
    }


def reader_config(study: Study, plan: Plan, story: str) -> dict[str, Any]:
    """Return what reading a story's scans depends on, apart from which listeners are in use.

    It is what `engram.datasets.readers.open_dataset` takes.
    """
    dataset = study.dataset
    if isinstance(dataset, TableDataset):
        return {"kind": "table", "start": dataset.start, "tr": dataset.tr}
    if isinstance(dataset, AliceDataset):
        return {"kind": "alice", "spheres": dataset.spheres}
    return {
        "kind": "narratives",
        "atlas": dataset.atlas if isinstance(dataset, NarrativesDataset) else None,
        "pipeline": (
            dataset.pipeline if isinstance(dataset, NarrativesDataset) else SIMULATED_PIPELINE
        ),
        "regions": dataset.regions,
        "roi_sets": file_fingerprint(ROI_SETS) if dataset.regions else None,
        "runs": dataset.runs,
        "scans": [fact.plain() for fact in scan_facts(plan, story)],
        "simulated": isinstance(dataset, SimulatedDataset),
        "space": dataset.space,
        "tr": dataset.tr if isinstance(dataset, NarrativesDataset) else NARRATIVES_TR,
    }


def scan_facts(plan: Plan, story: str) -> list[Fact]:
    """Return the facts of the story's scans in use."""
    listeners = set(plan.listeners(story))
    left_out = {(scan, one) for _, one, scan, _ in plan.excluded}
    return [
        fact
        for fact in plan.facts
        if fact.story == story and fact.subject in listeners and (fact.scan, story) not in left_out
    ]


def clone_name(dataset: NarrativesDataset) -> str:
    """Return the name under which a DataLad dataset is kept: one for each source."""
    return hashlib.sha256(dataset.source.encode()).hexdigest()[:8]


def words_to_fetch(study: Study, plan: Plan, story: str) -> dict[str, Any]:
    """Return which files of a DataLad dataset hold a story's words.

    Those that are `optional` may not be there.
    """
    stimulus = next(fact.stimulus for fact in plan.facts if fact.story == story)
    return {
        "files": [alignment_file(stimulus)],
        "optional": [transcript_file(stimulus)],
        "source": _narratives(study).source,
    }


def scans_to_fetch(study: Study, plan: Plan, story: str) -> dict[str, Any]:
    """Return which files of a DataLad dataset hold a story's scans.

    The parcellation is among them, and the metadata that they are checked against.
    """
    dataset = _narratives(study)
    scans = sorted({fact.scan for fact in scan_facts(plan, story)})
    files = [path for scan in scans for path in bold_files(dataset.pipeline, dataset.space, scan)]
    return {
        "files": [*files, *(parcellation_files() if dataset.atlas is None else []), *METADATA],
        "optional": list(
            dict.fromkeys(
                path for scan in scans for path in (events_file(scan), *raw_tr_files(scan))
            )
        ),
        "source": dataset.source,
    }


def fetch_name(study: Study, plan: Plan, story: str) -> str:
    """Return the name under which the fetch of a story's scans is recorded.

    Studies that want other files have records of their own.
    """
    files = "\n".join(scans_to_fetch(study, plan, story)["files"])
    return f"{story}-{hashlib.sha256(files.encode()).hexdigest()[:8]}"


def _narratives(study: Study) -> NarrativesDataset:
    assert isinstance(study.dataset, NarrativesDataset)
    return study.dataset


def _table_scans(
    dataset: TableDataset,
) -> tuple[list[Scan], dict[str, tuple[str, ...]], tuple[str, ...], str | None, set[str]]:
    folder = Path(dataset.path).expanduser()
    if folder.is_file():
        raise EngramError(
            f"dataset.path: '{folder}' is a file. Give the folder that holds the study's tables, "
            f"here '{folder.parent}'."
        )
    if not folder.is_dir():
        raise EngramError(
            f"dataset.path: there is no folder '{folder}'. It is looked for from the working "
            f"directory, {Path.cwd()}."
        )
    _check_file_names(folder)
    stories = {
        match[1]: path
        for path in sorted(folder.iterdir())
        if (match := re.fullmatch(rf"story-({NAME})_words\.tsv", path.name))
    }
    if not stories:
        raise EngramError(
            f"dataset.path: '{folder}' has no 'story-<story>_words.tsv'. docs/data.md says "
            "which files a study needs."
        )
    _check_known("dataset.stories", dataset.stories or [], sorted(stories))
    if isinstance(dataset.start, dict):
        _check_known("dataset.start", list(dataset.start), sorted(stories))
        missing = sorted(set(dataset.stories or stories) - set(dataset.start))
        if missing:
            raise EngramError(
                f"dataset.start gives no time for {missing}. Give one for each story, "
                f"such as '{missing[0]}: 0.0', or one number for all."
            )
    targets = folder / "targets.tsv"
    if not targets.exists():
        raise EngramError(
            f"dataset.path: '{folder}' has no 'targets.tsv' (columns: target, hemisphere, "
            "roi). See docs/data.md."
        )
    chosen: dict[str, tuple[str, ...]] = {
        story: (str(path),)
        for story, path in stories.items()
        if dataset.stories is None or story in dataset.stories
    }
    scans, subjects = [], set()
    for path in sorted(folder.glob("sub-*_timeseries.tsv")):
        match = re.fullmatch(rf"sub-({NAME})_story-({NAME})_timeseries\.tsv", path.name)
        if match is None:
            continue  # refused above
        subject, story = match[1], match[2]
        if story not in stories:
            raise EngramError(
                f"'{path}' is of story '{story}', which has no 'story-{story}_words.tsv'. "
                f"Stories with words: {sorted(stories)}."
            )
        if subject == AVERAGE:
            raise EngramError(
                f"'{path}': '{AVERAGE}' is the name of the average listener. Give "
                "the listener another id."
            )
        subjects.add(subject)
        if story in chosen:
            confounds = folder / f"sub-{subject}_story-{story}_confounds.tsv"
            beside = (confounds, path.with_suffix(".json"))  # the sidecar may give the TR
            scans.append(
                Scan(subject, story, (str(path), *(str(one) for one in beside if one.exists())))
            )
    if not scans:
        raise EngramError(
            f"dataset.path: '{folder}' has no "
            f"'sub-<id>_story-<story>_timeseries.tsv' for {sorted(chosen)}."
        )
    return (
        scans,
        chosen,
        (str(targets),),
        (
            "markers"
            if {"x", "y", "z"} <= set(delimited.read_header(targets, TARGET_COLUMNS))
            else None
        ),
        subjects,
    )
