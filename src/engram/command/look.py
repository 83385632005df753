"""Looks at a folder of data: of which kind it is, and what a study of it would say.

Only names of files and small sidecars are looked at.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from engram.datasets.narratives.facts import read_facts
from engram.datasets.narratives.layout import VOLUME, alignment_file, bold_files
from engram.datasets.tables.layout import WORDS_END
from engram.errors import EngramError
from engram.paths import NARRATIVES_FACTS
from engram.study.config.fields import NAME
from engram.wording import count

#: Files that are looked at in a folder of derivatives, at most.
_MOST_FILES = 200_000
_BOLD = re.compile(
    r"sub-(?P<sub>[A-Za-z0-9]+)_(?P<rest>.*?)"
    r"(?P<form>bold\.nii(?:\.gz)?|bold\.func\.gii|bold\.dtseries\.nii|bold\.ptseries\.nii|"
    r"timeseries\.ptseries\.nii)"
)
#: How files of words and their times end that are in folders of their own.
_TIMED = (".textgrid", ".csv", ".json", ".ctm", ".eaf")
#: Spaces of BOLD that each listener has alone.
_OWN_SPACES = ("T1w", "fsnative", "anat", "func")
_FORMS = {
    ".func.gii": "surface",
    ".dtseries.nii": "dense",
    ".ptseries.nii": "parcels",
    ".nii.gz": "volume",
    ".nii": "volume",
}


@dataclass
class Key:
    """A key of the section `dataset`: its value, and what is said of it."""

    value: Any
    comment: str = ""


@dataclass
class Look:
    """What was found in a folder.

    Attributes
    ----------
    kind : str
        The kind of dataset.
    keys : dict of Key
        What the section `dataset` says, beside the kind.
    found : list of str
        What is there, in words.
    missing : list of str
        What is not, and what to do.
    needed : dict of str
        Keys that must be written by hand, with a comment.
    bold : dict
        What the section `bold` says.
    """

    kind: str
    keys: dict[str, Key] = field(default_factory=dict)
    found: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    needed: dict[str, str] = field(default_factory=dict)
    bold: dict[str, Key] = field(default_factory=dict)


def look_at(
    folder: Path,
    tr: float | None = None,
    derivatives: Path | None = None,
    words: Path | None = None,
) -> Look:
    """Return what is in a folder of data.

    Parameters
    ----------
    folder : Path
    tr : float, optional
        Repetition time in seconds, where it is known.
    derivatives, words : Path, optional
        Of a BIDS dataset: the folders of fMRIPrep's outputs and of word timings, where these are
        not in it.

    Raises
    ------
    EngramError
        If there is no such folder, or nothing in it that a study can be made of.
    """
    for one in (folder, derivatives, words):
        if one is not None and not one.is_dir():
            what = "is a file; name the folder of data" if one.exists() else "is not there"
            raise EngramError(f"the folder '{one}' {what}.")
    if derivatives is None and words is None:
        kinds = _KINDS
    else:
        kinds = (lambda one: _bids(one, derivatives, words),)
    for kind in kinds:
        if (found := kind(folder)) is not None:
            if tr is not None:
                found.keys["tr"] = Key(tr, "seconds from one volume to the next, as you said")
                found.needed.pop("tr", None)
            return found
    if derivatives is not None:
        raise EngramError(
            f"'{derivatives}' has no BOLD of fMRIPrep: no file "
            "'sub-*/[ses-*/]func/*_space-*_bold.nii.gz' (or .func.gii, .dtseries.nii, "
            ".ptseries.nii)."
        )
    raise EngramError(f"'{folder}' {_why_nothing(folder)}")


def _tables(folder: Path) -> Look | None:
    """Return what is in a folder of tables (docs/data/tables.md)."""
    names = [path.name for path in folder.iterdir()]
    of_words = re.compile(rf"story-({NAME})_words\.(?:{'|'.join(WORDS_END)})")
    words = sorted({match[1] for one in names if (match := of_words.fullmatch(one))})
    scans = [
        match.groups()
        for one in sorted(names)
        if (match := re.fullmatch(rf"sub-({NAME})_story-({NAME})_timeseries\.tsv", one))
    ]
    if not words and not scans:
        return None
    heard = sorted({story for _, story in scans})
    look = Look("table", {"path": Key(str(folder))})
    look.found = [
        f"{count(len(words), 'story')} with words: {_some(words)}",
        f"{count(len({subject for subject, _ in scans}), 'listener')}, "
        f"{count(len(scans), 'time course')}",
    ]
    _add_tr(look, _sidecar_tr(folder.glob("sub-*_timeseries.json")))
    look.keys["start"] = Key(
        0.0, "when the first row was recorded, on the words' clock: below 0 if words came later"
    )
    if lacking := sorted(set(heard) - set(words)):
        look.missing.append(f"story-{lacking[0]}_words.tsv: the words of {_some(lacking)}")
    if silent := sorted(set(words) - set(heard)):
        look.missing.append(
            f"sub-ID_story-{silent[0]}_timeseries.tsv: nobody's BOLD of {_some(silent)}"
        )
    if "targets.tsv" not in names:
        look.missing.append("targets.tsv, with columns target, hemisphere, roi")
    return look


def _little_prince(folder: Path) -> Look | None:
    languages = [
        code
        for code in ("EN", "FR", "CN")
        if any((folder / "annotation" / code).glob(f"lpp{code}_*"))
        or any(folder.glob(f"derivatives/sub-{code}*"))
    ]
    if not languages:
        return None
    scans = [path.name for path in folder.glob("derivatives/sub-*/func/*_task-lpp*_bold.nii.gz")]
    people = {name.split("_")[0] for name in scans}
    codes = [{"CN": "zh"}.get(code, code.lower()) for code in languages]
    return Look(
        "littleprince",
        {
            "path": Key(str(folder)),
            "language": Key(codes[0], f"one a study; here are {', '.join(codes)}"),
        },
        [
            f"Le Petit Prince (ds003643): {', '.join(languages)}",
            f"{count(len(people), 'listener')} with derivatives, {count(len(scans), 'run')}",
        ],
    )


def _lebel(folder: Path) -> Look | None:
    responses = list(folder.glob("derivative/preprocessed_data/*/*.hf5"))
    texts = list(folder.glob("derivative/TextGrids/*.TextGrid"))
    if not responses and not texts:
        return None
    people = sorted({path.parent.name for path in responses})
    return Look(
        "lebel",
        {
            "path": Key(str(folder)),
            "listeners": Key(
                people[:1] or ["UTS01"],
                f"a study has one; here are {', '.join(people) or 'none yet'}",
            ),
        },
        [
            f"LeBel et al. 2023 (ds003020): {count(len(texts), 'TextGrid')}",
            f"{count(len(people), 'listener')} with responses: {_some(people)}",
        ],
    )


def _narratives(folder: Path) -> Look | None:
    if not any(folder.glob("stimuli/gentle/*/align.csv")):
        return None
    facts = read_facts(NARRATIVES_FACTS)
    look = Look("narratives", {"path": Key(str(folder))})
    for pipeline, space in _narratives_forms():
        here = [
            fact
            for fact in facts
            if fact.excluded is None
            and (folder / alignment_file(fact.stimulus)).exists()
            and all((folder / one).exists() for one in bold_files(pipeline, space, fact.scan))
        ]
        if here:
            stories = sorted({fact.story for fact in here})
            people = sorted({fact.subject for fact in here})
            look.keys |= {
                "pipeline": Key(pipeline),
                "space": Key(space),
                "stories": Key(stories),
                "listeners": Key(people, "those with scans here; take the line out for all"),
            }
            look.found = [
                f"Narratives: {count(len(stories), 'story')}, {count(len(people), 'listener')}",
                f"BOLD of {pipeline} in {space}",
            ]
            look.bold = {
                "high_pass": Key(None, "drifts are removed already in desc-clean"),
                "trim": Key(6, "rows, as the dataset's authors advise"),
            }
            return look
    look.missing.append("BOLD below derivatives/afni-nosmooth or derivatives/afni-smooth")
    return look


def _narratives_forms() -> list[tuple[str, str]]:
    pipelines, spaces = ("afni-nosmooth", "afni-smooth"), ("fsaverage6", "fsaverage5", VOLUME)
    return [(pipeline, space) for space in spaces for pipeline in pipelines]


def _bids(folder: Path, derivatives: Path | None = None, words: Path | None = None) -> Look | None:
    """Return what is in a BIDS dataset with derivatives, or in the derivatives alone."""
    roots = [folder / "derivatives" / "fmriprep", *sorted(folder.glob("derivatives/*")), folder]
    for root in (one for one in roots if one.is_dir()) if derivatives is None else [derivatives]:
        scans = list(_derived_bold(root))
        if scans:
            return _of_bids(folder, root, scans, words)
    return None


def _of_bids(
    folder: Path, root: Path, scans: list[tuple[Path, dict[str, str]]], words: Path | None
) -> Look:
    look = Look("bids", {"path": Key(str(folder))})
    if root not in (folder, folder / "derivatives" / "fmriprep"):
        look.keys["derivatives"] = Key(str(root))
    tasks, people = ({one[key] for _, one in scans} for key in ("task", "sub"))
    spaces = sorted({one["space"] for _, one in scans} - {""})
    forms = sorted({one["form"] for _, one in scans})
    look.found = [
        f"BIDS with derivatives in '{root}': {count(len(people), 'listener')}, "
        f"tasks {_some(tasks)}",
        f"BOLD as {' and '.join(forms)}, in {' and '.join(spaces) or 'no named space'}",
    ]
    if len(forms) > 1:
        look.keys["format"] = Key(forms[-1], f"one of {', '.join(forms)}")
    chosen = [one for _, one in scans if one["form"] == forms[-1]]
    here = sorted({one["space"] for one in chosen} - {""})
    shared = [space for space in here if space not in _OWN_SPACES]
    if here and not shared:
        look.missing.append(
            f"BOLD in a space that listeners share: {' and '.join(here)} is each one's own "
            "(fMRIPrep: --output-spaces MNI152NLin2009cAsym)"
        )
    elif len(here) > 1:
        look.keys["entities"] = Key({"space": shared[0]}, f"one of {', '.join(shared)}")
    tr = _sidecar_tr(
        path.with_name(path.name.split(".")[0] + ".json") for path, _ in scans
    ) or _sidecar_tr([*folder.glob("task-*_bold.json"), *folder.glob("sub-*/func/*_bold.json")])
    said = "the TR is read from sidecars or headers" if tr is None else f"TR {tr:g} s"
    look.found.append(f"{said}; events in {count(len(_events(folder)), 'file')}")
    if not _events(folder):
        look.missing.append(
            "events.tsv, whose onset says when the story began: begin with the raw BIDS dataset "
            "(engram init RAW --derivatives FMRIPREP), or write dataset.start"
        )
    if not any(root.rglob("*_desc-confounds_*.tsv")):
        look.keys["confounds"] = Key(None, "there are no tables of confounds")
    if words is None:
        _add_words(look, folder)
    else:
        _add_words_of(look, words)
    return look


def _add_words_of(look: Look, words: Path) -> None:
    """Name the files of words in a folder of their own, with the texts beside them."""
    ends = sorted({path.suffix for path in words.iterdir() if path.suffix.lower() in _TIMED})
    if not ends:
        look.missing.append(f"words with times in '{words}': no file {', '.join(_TIMED)}")
        return
    timed, texts = ({path.stem for path in words.glob(f"*{end}")} for end in (ends[0], ".txt"))
    place = words.resolve()
    file = f"{place}/{{story}}{ends[0]}"
    if timed & texts:
        value: Any = {"file": file, "transcript": f"{place}/{{story}}.txt"}
        look.keys["words"] = Key(value, "{story} is its name; the text gives punctuation, capitals")
    else:
        look.keys["words"] = Key(file, "{story} stands for the story's name")
    look.found.append(f"words in '{words}': {_some(f'{one}{ends[0]}' for one in timed)}")
    if timed & texts and (lacking := timed - texts):
        look.missing.append(f"texts beside the words of {_some(lacking)}: {{story}}.txt")


def _add_words(look: Look, folder: Path) -> None:
    there = sorted(
        path.name
        for path in islice(folder.glob("stimuli/**/*"), _MOST_FILES)
        if path.suffix.lower() in (".tsv", *_TIMED)
    )
    if there:
        look.found.append(f"words below 'stimuli': {_some(there)}")
    else:
        look.missing.append(
            "the words of each story and their times, such as stimuli/NAME.TextGrid "
            "(docs/tutorials/your-own-data.md); or name their folder: --words FOLDER"
        )


def _derived_bold(root: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """Yield the BOLD files of a folder of derivatives, with the entities of their names."""
    paths = islice(root.glob("sub-*/**/*"), _MOST_FILES)
    for path in sorted(paths):
        match = _BOLD.fullmatch(path.name)
        if match is None or path.parent.name != "func":
            continue
        entities = dict(part.split("-", 1) for part in match["rest"].split("_") if "-" in part)
        is_raw = not {"space", "desc", "hemi", "den"} & set(entities)
        if is_raw and match["form"].startswith("bold.nii"):
            continue
        form = next(form for end, form in _FORMS.items() if path.name.endswith(end))
        yield (
            path,
            {
                "sub": match["sub"],
                "task": entities.get("task", ""),
                "space": entities.get("space", ""),
                "form": form,
            },
        )


def _events(folder: Path) -> list[Path]:
    return [*folder.glob("sub-*/func/*_events.tsv"), *folder.glob("sub-*/ses-*/func/*_events.tsv")]


def _add_tr(look: Look, tr: float | None) -> None:
    if tr is None:
        look.needed["tr"] = "seconds from one row to the next: no sidecar says so"
    else:
        look.keys["tr"] = Key(tr, "seconds from one row to the next, by a sidecar")


def _sidecar_tr(paths: Any) -> float | None:
    """Return the repetition time of the first sidecar that gives one, in seconds."""
    for path in sorted(paths):
        try:
            content = json.loads(path.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError):
            continue
        if isinstance(content, dict) and isinstance(
            found := content.get("RepetitionTime"), int | float
        ):
            return float(found)
    return None


def _why_nothing(folder: Path) -> str:
    """Return what a folder holds that no study can be made of."""
    wanted = (
        "A study begins with a folder of tables (story-NAME_words.tsv, "
        "sub-ID_story-NAME_timeseries.tsv), a BIDS dataset with fMRIPrep's derivatives, or the "
        "tree of Narratives, Le Petit Prince or LeBel et al. (docs/tutorials/your-own-data.md)."
    )
    if any(folder.glob("sub-*/**/func/*_bold.nii*")) or any(folder.glob("sub-*/func/*_bold.nii*")):
        return (
            "holds raw BOLD without derivatives. Name the folder of fMRIPrep's outputs if it is "
            f"another one (--derivatives FOLDER), or preprocess it first. {wanted}"
        )
    names = sorted(path.name for path in folder.iterdir())
    return f"holds {_some(names) or 'nothing'}, and no study can be made of that. {wanted}"


def _some(names: Any, most: int = 6) -> str:
    """Return names, the first of many."""
    listed = sorted(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more


_KINDS: tuple[Callable[[Path], Look | None], ...] = (
    _tables,
    _little_prince,
    _lebel,
    _narratives,
    _bids,
)
