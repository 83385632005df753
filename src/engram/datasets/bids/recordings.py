"""The recordings of a BIDS dataset: which files each has, and which stories were heard in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engram.datasets.bids import events, names
from engram.datasets.story_names import story_name
from engram.errors import EngramError

#: Entities of a file that need not be the same for all files of one recording.
_SIDES = ("hemi",)
#: Spaces in which each listener's targets are their own.
_OWN_SPACES = ("T1w", "T2w", "anat", "func", "boldref", "bold", "individual", "fsnative")
#: Files of BOLD that are in such a space where they do not name one.
_NEED_SPACE = ("volume", "surface")
_SHOWN = 6


@dataclass(frozen=True)
class Recording:
    """What was recorded at once: a run, or a task where it has one run.

    Attributes
    ----------
    entities : dict
        Those that say which recording it is: sub, ses, task, run ...
    files : tuple of BidsFile
        Its BOLD: left and right hemisphere, or one file.
    confounds : Path or None
    """

    entities: Mapping[str, str]
    files: tuple[names.BidsFile, ...]
    confounds: Path | None
    events: tuple[Path, ...] = field(default=())

    @property
    def name(self) -> str:
        """Its name, as names of files have it."""
        return names.written(self.entities.items())


def of_dataset(
    root: Path,
    derivatives: Path,
    entities: Mapping[str, Sequence[str]],
    wanted_format: str | None,
) -> tuple[str, list[Recording]]:
    """Return the format of a dataset's BOLD, and its recordings.

    Parameters
    ----------
    root, derivatives : Path
        Of the raw dataset, and of what was made of it.
    entities : mapping
        Labels to choose by.
    wanted_format : str or None
        A key of `engram.datasets.bids.names.FORMATS`.

    Raises
    ------
    EngramError
        If there are no files of BOLD, several formats, several files for a recording, a
        hemisphere without the other one, or files in a listener's own space.
    """
    every = names.bold_files(derivatives)
    if not every:
        raise EngramError(
            f"dataset.derivatives: '{derivatives}' has no BOLD: no file "
            "'sub-<label>/[ses-<label>/]func/*' that ends with "
            f"{', '.join(end for ends in names.FORMATS.values() for end in ends)}. Give the "
            f"folder with the outputs of fMRIPrep (dataset: {{derivatives: {_likely(root)}}})."
        )
    files = names.chosen(every, entities)
    formats = sorted({str(names.format_of(one)) for one in files})
    if wanted_format is not None:
        if wanted_format not in formats:
            raise EngramError(
                f"dataset.format: there is no BOLD of the format {wanted_format} among the files "
                f"chosen in '{derivatives}'. There is: {', '.join(formats)}."
            )
        files = [one for one in files if names.format_of(one) == wanted_format]
    elif len(formats) > 1:
        raise EngramError(
            f"dataset.format: '{derivatives}' has BOLD of several formats: {', '.join(formats)}. "
            "Choose one (dataset: {format: ...}), or a space (dataset: {entities: {space: ...}}): "
            f"{_variants(files)}."
        )
    chosen_format = str(names.format_of(files[0]))
    by_recording: dict[tuple[tuple[str, str], ...], list[names.BidsFile]] = defaultdict(list)
    for one in files:
        by_recording[one.recording].append(one)
    for mine in by_recording.values():
        _check_single(mine)
    _check_space(files, chosen_format)
    if chosen_format == "surface":
        _check_hemispheres(by_recording, "hemi" in entities)
    return chosen_format, [
        _recording(root, derivatives, dict(key), mine) for key, mine in sorted(by_recording.items())
    ]


def _likely(root: Path) -> str:
    """Return the folders of a dataset's derivatives that have BOLD, for a message."""
    found = [one for one in sorted(root.glob("derivatives/*")) if names.bold_files(one)]
    return " or ".join(map(str, found[:3])) or "..."


def _recording(
    root: Path,
    derivatives: Path,
    entities: Mapping[str, str],
    files: Sequence[names.BidsFile],
) -> Recording:
    ordered = tuple(sorted(files, key=lambda one: one.entities.get("hemi", "")))
    folder = files[0].path.parent
    confounds = [
        one.path
        for one in names.listed(folder)
        if one.suffix in ("timeseries", "regressors")
        and one.extension == ".tsv"
        and one.entities.get("desc") == "confounds"
        and one.recording == files[0].recording
    ]
    if len(confounds) > 1:
        raise EngramError(
            f"{names.written(entities.items())} has {len(confounds)} files of confounds: "
            f"{', '.join(path.name for path in confounds)} in '{folder}'. Take away all but one."
        )
    places = ((root, names.raw_folder(root, entities)), (derivatives, folder))
    found = (names.applying(*place, entities, ("events",), ".tsv") for place in places)
    return Recording(
        entities,
        ordered,
        confounds[0] if confounds else None,
        next((tuple(paths) for paths in found if paths), ()),
    )


def _made(file: names.BidsFile) -> dict[str, str]:
    """Return the entities that say what was made of a recording."""
    return {
        key: label
        for key, label in file.entities.items()
        if key not in (*names.OF_RECORDINGS, *_SIDES)
    }


def _variants(files: Sequence[names.BidsFile]) -> str:
    """Return which values the entities have that tell files of a recording apart."""
    made = [_made(one) for one in files]
    keys = dict.fromkeys(key for one in made for key in one)
    values = {key: sorted({one.get(key, names.ABSENT) for one in made}) for key in keys}
    return "; ".join(
        f"{key}: {', '.join(labels)}" for key, labels in values.items() if len(labels) > 1
    )


def _check_single(files: Sequence[names.BidsFile]) -> None:
    """Refuse several files for one recording, or for one of its hemispheres."""
    sides = [one.entities.get("hemi") for one in files]
    if len(set(sides)) == len(sides) and len({tuple(_made(one).items()) for one in files}) == 1:
        return
    options = _variants(files)
    raise EngramError(
        f"{names.written(files[0].recording)} has {len(files)} files of BOLD: "
        f"{', '.join(one.path.name for one in files[:_SHOWN])}"
        f"{', ...' if len(files) > _SHOWN else ''}. Which is meant? "
        + (
            f"Choose by dataset: {{entities: {{...}}}}: {options} ('{names.ABSENT}': no such "
            "entity)."
            if options
            else "Their names say the same; take away all but one."
        )
    )


def _check_space(files: Sequence[names.BidsFile], chosen_format: str) -> None:
    """Refuse files in a listener's own space, and files in different spaces."""
    spaces = {one.entities.get("space", names.ABSENT): one for one in files}
    own = [
        space
        for space in spaces
        if space in _OWN_SPACES or (space == names.ABSENT and chosen_format in _NEED_SPACE)
    ]
    if own:
        raise EngramError(
            f"'{spaces[own[0]].path}' is in the listener's own space "
            f"({'no space in its name' if own[0] == names.ABSENT else own[0]}), where no target "
            "of one listener is one of another. Choose a standard space (dataset: {entities: "
            "{space: MNI152NLin2009cAsym}}, say), which fMRIPrep writes with --output-spaces."
        )
    grids = {
        tuple(_made(one).get(key, names.ABSENT) for key in ("space", "res", "den")): one
        for one in files
    }
    if len(grids) > 1:
        raise EngramError(
            "dataset.entities: scans are in different spaces or resolutions: "
            f"{', '.join(repr(str(one.path)) for one in list(grids.values())[:_SHOWN])}. Choose "
            f"one: {_variants(files)}."
        )


def _check_hemispheres(
    by_recording: Mapping[tuple[tuple[str, str], ...], Sequence[names.BidsFile]], is_said: bool
) -> None:
    """Refuse a hemisphere without the other one, unless the user chose one."""
    for mine in by_recording.values():
        sides = sorted(one.entities.get("hemi", names.ABSENT) for one in mine)
        if not set(sides) <= {"L", "R"}:
            raise EngramError(
                f"'{mine[0].path}' is a surface without hemi-L or hemi-R in its name. Which "
                "hemisphere is it? Rename it as BIDS has it."
            )
        if not is_said and sides != ["L", "R"]:
            other = "R" if sides == ["L"] else "L"
            raise EngramError(
                f"'{mine[0].path}' has no other hemisphere beside it (hemi-{other}). Add it, or "
                f"use one hemisphere of all listeners: dataset: {{entities: {{hemi: {sides[0]}}}}}."
            )


def stories_of(
    recording: Recording,
    story_from: str | None,
    given_names: Mapping[str, str],
    trial_type: str | None,
    needs_onsets: bool,
) -> dict[str, events.Presentation]:
    """Return the stories of a recording, with what was presented when.

    Parameters
    ----------
    recording : Recording
    story_from : {"events", "task"} or None
        None: the files that its events name (`stim_file`), where they name some, else the task.
    given_names : mapping
        Names of stories by what they are called in events (`stim_file`, with or without
        folder and extension), or by entities such as ``task-tale_run-1``.
    trial_type : str or None
        Only events of this type count.
    needs_onsets : bool
        Whether events must be there; else the user says when stories begin.

    Raises
    ------
    EngramError
        If there are no events, or they do not say what was heard when.
    """
    by_entities = _named_by_entities(recording, given_names)
    path = recording.events[0] if recording.events else None
    reads_events = story_from != "task" and by_entities is None
    if path is None or not (needs_onsets or reads_events):
        if needs_onsets or (story_from == "events" and by_entities is None):
            raise _no_events(recording, story_from)
        return {by_entities or _task(recording): events.Presentation("", None)}
    found = events.presentations(path, trial_type, needs_onsets)
    named = [one for one in found if one.stimulus]
    if by_entities is not None or story_from == "task" or not named:
        if story_from == "events" and by_entities is None:
            raise EngramError(
                f"'{path}' names no 'stim_file', which dataset.story_from: events asks for."
            )
        if len(found) > 1 and needs_onsets:
            raise EngramError(
                f"'{path}' names {len(found)} files that were presented: "
                f"{', '.join(one.stimulus for one in found[:_SHOWN])}. A story that is named by "
                "its task or by entities has one; let events name stories (dataset.story_from: "
                "events), or choose one by dataset.trial_type."
            )
        return {
            by_entities or _task(recording): events.Presentation("", found[0].onset, found[0].end)
        }
    stories = {_given(one.stimulus, given_names): one for one in named}
    if len(stories) < len(named):
        raise EngramError(
            f"'{path}' names files of which two would be one story: "
            f"{', '.join(one.stimulus for one in named[:_SHOWN])}. Give them names "
            "(dataset.story_names)."
        )
    return stories


def _no_events(recording: Recording, story_from: str | None) -> EngramError:
    return EngramError(
        f"{recording.name} has no events: no '{recording.name}_events.tsv' in its folder "
        "of the raw dataset, and none that holds for it above. Add it (onset, duration, "
        "stim_file), or say when the first volume was on the words' clock: dataset: "
        "{start: ..." + (", story_from: task}." if story_from == "events" else "}.")
    )


def check_one_stimulus(
    told: Iterable[tuple[str, events.Presentation]], given_names: Mapping[str, str]
) -> None:
    """Refuse stories that have their name from two files, such as ``en/1.wav`` and ``fr/1.wav``.

    Parameters
    ----------
    told : iterable of (str, Presentation)
        Stories, as `stories_of` returns them.
    given_names : mapping
        Names that the user gives, who may give two files the same.
    """
    first: dict[str, str] = {}
    for story, one in told:
        if not one.stimulus or story in given_names.values():
            continue
        if first.setdefault(story, one.stimulus) != one.stimulus:
            raise EngramError(
                f"two files that were presented would be the story '{story}': "
                f"'{first[story]}' and '{one.stimulus}'. Give them names: dataset: "
                f"{{story_names: {{{first[story]}: {story}, {one.stimulus}: ...}}}}."
            )


def check_names_used(told: Iterable[str], given_names: Mapping[str, str]) -> None:
    """Refuse names of stories that no recording has: their keys fit no stimulus and no entities.

    Parameters
    ----------
    told : iterable of str
        Stories of all recordings.
    given_names : mapping
        Names that the user gives.
    """
    heard = set(told)
    for key, story in given_names.items():
        if story not in heard:
            raise EngramError(
                f"dataset.story_names: '{key}' (story '{story}') is no file that was presented and "
                f"no recording's entities; stories are {', '.join(sorted(heard))}. Write the file "
                "as events have it (column stim_file), or entities as file names have them "
                "(task-tale_run-1); or take it out."
            )


def _task(recording: Recording) -> str:
    return story_name(recording.entities.get("task", ""))


def _given(stimulus: str, given_names: Mapping[str, str]) -> str:
    path = Path(stimulus)
    for name in (stimulus, path.name, path.stem, story_name(stimulus)):
        if name in given_names:
            return given_names[name]
    return story_name(stimulus)


def _named_by_entities(recording: Recording, given_names: Mapping[str, str]) -> str | None:
    """Return the story's name that the user gives by entities; the most of them count."""
    fitting = []
    for key, story in given_names.items():
        pairs = [one.partition("-") for one in key.split("_")]
        if all(sign and entity in names.OF_RECORDINGS for entity, sign, _ in pairs):
            wanted = {entity: label for entity, _, label in pairs}
            if all(
                names.same_label(recording.entities.get(entity, names.ABSENT), label)
                for entity, label in wanted.items()
            ):
                fitting.append((len(wanted), story))
    return max(fitting)[1] if fitting else None
