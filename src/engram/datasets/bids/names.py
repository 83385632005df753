"""Names of files in BIDS: entities, and which files of a tree hold for which scan."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from engram.errors import EngramError

_PAIR = re.compile(r"([A-Za-z]+)-([A-Za-z0-9+]+)")
#: Entities that say which recording a file is of, in BIDS' order; all others say what was made of
#: it (space, res, den, desc, hemi, seg ...).
OF_RECORDINGS = ("sub", "ses", "task", "acq", "ce", "rec", "dir", "run")
#: What in a selection stands for files that do not have an entity.
ABSENT = "none"
#: Files of BOLD by what they hold: how the name ends.
FORMATS = {
    "volume": ("_bold.nii.gz", "_bold.nii"),
    "surface": (".func.gii",),
    "dense": (".dtseries.nii",),
    "parcels": (".ptseries.nii",),
}
#: Suffixes of files of BOLD that have such an end and are none.
_OTHER_SUFFIXES = ("sbref", "boldref")


class BidsFile(NamedTuple):
    """A file with its name in parts.

    Attributes
    ----------
    path : Path
    entities : dict
        Labels by key, such as ``{"sub": "01", "task": "tale"}``.
    suffix : str
        The last part, such as ``bold``; empty where the name ends with an entity.
    extension : str
        From the first dot on.
    """

    path: Path
    entities: Mapping[str, str]
    suffix: str
    extension: str

    @property
    def recording(self) -> tuple[tuple[str, str], ...]:
        """The entities that say which recording it is of."""
        return tuple((key, self.entities[key]) for key in OF_RECORDINGS if key in self.entities)


def parsed(path: Path) -> BidsFile | None:
    """Return a file with its name in parts; None where it is no name of BIDS."""
    stem, _, extension = path.name.partition(".")
    parts = stem.split("_")
    pairs = [_PAIR.fullmatch(part) for part in parts]
    suffix = "" if pairs[-1] else parts[-1]
    if not pairs[0] or not all(pairs[: len(pairs) - bool(suffix)]):
        return None
    entities = {match[1]: match[2] for match in pairs if match}
    return BidsFile(path, entities, suffix, f".{extension}" if extension else "")


def written(recording: Iterable[tuple[str, str]]) -> str:
    """Return entities as names of files have them: ``sub-01_task-tale``."""
    return "_".join(f"{key}-{label}" for key, label in recording)


def format_of(file: BidsFile) -> str | None:
    """Return which of `FORMATS` a file of BOLD has; None where it is no BOLD."""
    if file.suffix in _OTHER_SUFFIXES:
        return None
    return next(
        (name for name, ends in FORMATS.items() if file.path.name.endswith(ends)),
        None,
    )


def bold_files(folder: Path) -> list[BidsFile]:
    """Return all files of BOLD in the `func` folders of a tree, sorted by name."""
    folders = [*folder.glob("sub-*/func"), *folder.glob("sub-*/ses-*/func")]
    found = (file for one in folders for file in listed(one) if format_of(file) is not None)
    return sorted((file for file in found if "sub" in file.entities), key=lambda one: one.path)


@cache
def listed(folder: Path) -> tuple[BidsFile, ...]:
    """Return the files of a folder that have names of BIDS; links to nowhere are among them."""
    try:
        paths = sorted(folder.iterdir())
    except OSError:
        return ()
    return tuple(file for path in paths if (file := parsed(path)) is not None)


def chosen(files: Sequence[BidsFile], entities: Mapping[str, Sequence[str]]) -> list[BidsFile]:
    """Return the files that have one of the labels of each entity.

    Labels that are numbers are equal whatever zeros stand before them.

    Raises
    ------
    EngramError
        If nothing is left; it says which labels there are.
    """
    left = list(files)
    for key, labels in entities.items():
        wanted = {_plain(label) for label in labels}
        kept = [one for one in left if _plain(one.entities.get(key, ABSENT)) in wanted]
        if not kept:
            there = sorted({one.entities.get(key, ABSENT) for one in left})
            raise EngramError(
                f"dataset.entities: no file of BOLD has {key}: {', '.join(labels)}. Those that are "
                f"left have {', '.join(there)} ('{ABSENT}': no such entity). The first: "
                f"'{left[0].path}'."
                if left
                else "dataset.entities: there are no files of BOLD."
            )
        left = kept
    return left


def same_label(one: str, other: str) -> bool:
    """Tell whether two labels mean the same; zeros before a number do not count."""
    return _plain(one) == _plain(other)


def _plain(label: str) -> str:
    return label.lstrip("0") or "0" if label.isdecimal() else label


def applying(
    root: Path, folder: Path, entities: Mapping[str, str], suffixes: Sequence[str], extension: str
) -> list[Path]:
    """Return the files that hold for a recording by BIDS' inheritance, the nearest first.

    They lie in its folder or one above it, up to the root, and have no entity that the recording
    does not have.

    Parameters
    ----------
    root, folder : Path
        Of the dataset, and where the search begins.
    entities : mapping
        Of the recording, or of a file that was made of it.
    suffixes : sequence of str
        Such as ``("events", )``.
    extension : str
        Such as ``.tsv``.
    """
    found = []
    for place in (one for one in (folder, *folder.parents) if one == root or root in one.parents):
        here = [
            one
            for one in listed(place)
            if one.suffix in suffixes
            and one.extension == extension
            and all(
                key in entities and same_label(label, entities[key])
                for key, label in one.entities.items()
            )
        ]
        found += [one.path for one in sorted(here, key=lambda one: -len(one.entities))]
    return found


def raw_folder(root: Path, entities: Mapping[str, str]) -> Path:
    """Return where the raw files of a recording lie."""
    session = [f"ses-{entities['ses']}"] if "ses" in entities else []
    return root.joinpath(f"sub-{entities['sub']}", *session, "func")
