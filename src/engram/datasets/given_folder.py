"""A folder of the user's with the tree of a published dataset."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from engram.errors import EngramError


def dataset_folder(path: str) -> Path:
    """Return the folder that `dataset.path` names; raise `EngramError` if there is none."""
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise EngramError(
            f"dataset.path: there is no folder '{folder}'. Leave the key out to "
            "fetch the data (dataset.source)."
        )
    return folder


def inside(folder: Path, paths: Iterable[str]) -> tuple[str, ...]:
    """Return paths below a folder, as jobs are told their raw files."""
    return tuple(str(folder / path) for path in paths)


def is_named(path: Path) -> bool:
    """Tell whether there is a file, be it a link whose content was not fetched.

    What is optional is looked for so: a file that is not fetched is not to be passed over.
    """
    return path.is_file() or path.is_symlink()


def refuse_unfetched(paths: Iterable[str]) -> None:
    """Raise `EngramError` if some files are links whose content is not there."""
    needed = list(paths)
    missing = [path for path in needed if Path(path).is_symlink() and not Path(path).exists()]
    if missing:
        raise EngramError(
            f"'{missing[0]}' is a link to a file that is not there; so are {len(missing)} of the "
            f"{len(needed)} files that the study needs. 'datalad get' brings what is not fetched; "
            "other links are to be made anew."
        )


def check_there(folder: Path, needed: Sequence[str]) -> None:
    """Raise `EngramError` if files that a study needs are not in a folder, or not fetched."""
    missing = [str(folder / path) for path in needed if not (folder / path).exists()]
    if not missing:
        return
    links = sum(Path(path).is_symlink() for path in missing)
    not_fetched = (
        (f" ({links} of them are links whose content was not fetched: 'datalad get' brings it)")
        if links
        else ""
    )
    raise EngramError(
        f"dataset.path: {len(missing)} of {len(needed)} files that the "
        f"study needs are not in '{folder}'{not_fetched}"
        f". The first: {', '.join(missing[:3])}. Leave 'path' out to fetch them "
        "(dataset.source), or choose other stories or listeners."
    )
