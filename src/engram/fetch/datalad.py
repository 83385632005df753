"""DataLad datasets: get exactly the files that are needed, verified by git-annex.

Where an interrupted run stopped, the next one goes on.

DataLad and git-annex are an optional extra (``make datalad``).
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engram.errors import EngramError
from engram.fetch.pinned_files import WAITS
from engram.files.checksums import sha256
from engram.files.storage import atomic
from engram.jobs.progress import progress

logger = logging.getLogger(__name__)

#: Sub-datasets of the DataLad dataset Narratives in which files lie that Engram reads; others lie
#: in the dataset itself.
SUBDATASETS = (
    "derivatives/afni-nosmooth",
    "derivatives/afni-smooth",
    "derivatives/freesurfer",
    "stimuli/gentle",
)
#: Files in one request, between two steps of the progress bar.
_AT_A_TIME = 20
#: Git wants to know who works in a clone, and a fresh machine does not say.
_IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "engram"), ("EMAIL", "engram@localhost"))
}
#: Options of DataLad's functions: they return what happened, print nothing, and go on after faults.
_QUIET = {
    "on_failure": "ignore",
    "result_renderer": "disabled",
    "result_xfm": None,
    "return_type": "list",
}


def fetch(
    source: str,
    folder: Path,
    wanted: Sequence[str],
    optional: Sequence[str] = (),
    waits: Sequence[float] = WAITS,
) -> list[str]:
    """Bring files of a DataLad dataset into a clone of it; those that are there stay as they are.

    Parameters
    ----------
    source : str
        Address or path of the dataset.
    folder : Path
        The clone, which is made where it is not there yet; several jobs may use it at once.
    wanted, optional : sequences of str
        Paths below the dataset's root; optional ones are left out where the
        dataset does not have them.
    waits : sequence of float
        Seconds before each new try.

    Returns
    -------
    list of str
        The paths that are there now.

    Raises
    ------
    EngramError
        If DataLad is not installed, the dataset or a file cannot be had, or the clone was
        changed. What came stays.
    """
    api = _datalad()
    with _lock(folder):
        _make_clone(api, source, folder, waits)
        _check_clean(folder, wanted)
        _install_subdatasets(api, folder, [*wanted, *optional], waits)
    _check_all_known(source, folder, wanted)
    paths = [*wanted, *(path for path in optional if os.path.lexists(folder / path))]
    _drop_broken(folder, paths)
    _get(api, folder, paths, waits)
    return paths


def _make_clone(api: Any, source: str, folder: Path, waits: Sequence[float]) -> None:
    """Clone a dataset where there is no clone of it yet."""
    if _is_clone(folder):
        return
    logger.info("cloning %s", source)
    # Under another name until it is whole; what a killed run left there is of no use.
    unfinished = folder.with_name(folder.name + ".part")
    _remove(unfinished)
    _try(
        lambda: api.clone(source=source, path=str(unfinished), **_QUIET),
        f"'{source}' could not be cloned",
        waits,
    )
    _remove(folder)
    unfinished.rename(folder)


def _install_subdatasets(
    api: Any, folder: Path, paths: Sequence[str], waits: Sequence[float]
) -> None:
    """Install the sub-datasets that paths lie in, without the content of their files."""
    needed = sorted({found for path in paths if (found := _subdataset(path)) is not None})
    missing = [path for path in needed if not _is_clone(folder / path)]
    if not missing:
        return
    for path in missing:
        _remove(folder / path)  # empty, or what a killed run left
    logger.info("installing %s", ", ".join(missing))
    _try(
        lambda: api.get(
            dataset=str(folder),
            path=[str(folder / path) for path in missing],
            get_data=False,
            **_QUIET,
        ),
        "a sub-dataset did not come",
        waits,
    )


def _check_all_known(source: str, folder: Path, wanted: Sequence[str]) -> None:
    """Refuse a dataset that lacks a wanted file."""
    absent = [path for path in wanted if not os.path.lexists(folder / path)]
    if absent:
        raise EngramError(
            f"the dataset '{source}' has no {absent[0]}"
            f"{f' and {len(absent) - 1} more of the files wanted' if len(absent) > 1 else ''}. "
            "Is it the dataset that is meant (Narratives: with its derivatives)? If it was cloned "
            "long ago: 'datalad update --how=ff-only -r' in the clone."
        )


def _get(api: Any, folder: Path, paths: Sequence[str], waits: Sequence[float]) -> None:
    """Bring the content of files that is not there yet."""
    todo = [path for path in paths if not (folder / path).exists()]
    logger.info("%d of %d files to get", len(todo), len(paths))
    for begin in progress(range(0, len(todo), _AT_A_TIME), "files", f"{_AT_A_TIME} files"):
        part = [str(folder / path) for path in todo[begin : begin + _AT_A_TIME]]
        _try(
            lambda part=part: api.get(dataset=str(folder), path=part, **_QUIET),
            "files did not come",
            waits,
        )


def write_manifest(path: Path, folder: Path, paths: Sequence[str]) -> None:
    """Write the key of every file.

    Later stages depend on the keys, so that the files themselves may be dropped.
    """
    lines = ["path\tkey", *(f"{name}\t{key(folder / name)}" for name in sorted(paths))]
    with atomic(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def key(path: Path) -> str:
    """Return a file's annex key, which holds its size and digest.

    For a file in git itself it is one of the same form.
    """
    if path.is_symlink():
        return path.readlink().name
    return f"SHA256-s{path.stat().st_size}--{sha256(path)}"


def _datalad() -> Any:
    """Return DataLad's interface, with the environment's programs in reach."""
    # git-annex's Python package puts the program beside Python's own.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    os.environ.update({name: value for name, value in _IDENTITY.items() if name not in os.environ})
    try:
        from datalad import api

        subprocess.run(["git-annex", "version", "--raw"], check=True, capture_output=True)
    except (ImportError, OSError, subprocess.CalledProcessError) as error:
        raise EngramError(
            f"the dataset comes by DataLad, which is not installed here ({error}). "
            "Run 'make datalad' (or: pip install datalad git-annex), fetch by plain HTTPS "
            "(dataset: source: s3), or give a folder that has the data (dataset: path: ...)."
        ) from None
    return api


def _try(action: Any, failure: str, waits: Sequence[float]) -> None:
    """Do something with DataLad until nothing fails."""
    from datalad.support.exceptions import IncompleteResultsError

    for attempt, wait in enumerate([*waits, None], start=1):
        try:
            results = action()
            problems = [one for one in results if one["status"] in ("error", "impossible")]
        except IncompleteResultsError as error:
            problems = error.failed
        if not problems:
            return
        said = "; ".join(
            sorted({f"{Path(one['path']).name}: {_message(one)}" for one in problems})[:3]
        )
        logger.warning("try %d: %s: %s", attempt, failure, said)
        if wait is None:
            raise EngramError(
                f"{failure} ({len(problems)} in all): {said}. Check the network, the source "
                "and the free disk space, and run again: what is there is kept."
            )
        time.sleep(wait)


def _message(result: dict[str, Any]) -> str:
    message = result.get("message") or result.get("error_message") or "no reason given"
    text = message[0] % tuple(message[1:]) if isinstance(message, tuple) else str(message)
    return " ".join(text.split())[:300]


def _subdataset(path: str) -> str | None:
    return next((one for one in SUBDATASETS if path.startswith(one + "/")), None)


def _check_clean(folder: Path, wanted: Sequence[str]) -> None:
    """Refuse a clone in which wanted files were changed."""
    by_root: dict[str, list[str]] = {}
    for path in wanted:
        root = _subdataset(path) or ""
        by_root.setdefault(root, []).append(path.removeprefix(root).lstrip("/"))
    for root, paths in by_root.items():
        if not (folder / root / ".git").exists():
            continue
        known = [path for path in paths if os.path.lexists(folder / root / path)]
        changed = _git(
            folder / root,
            "status",
            "--porcelain",
            "--untracked-files=no",
            "--ignore-submodules=all",
        ).splitlines()
        mine = sorted({line[3:].strip('"') for line in changed} & {*known, *paths})
        if mine:
            raise EngramError(
                f"the clone '{folder / root}' was changed: "
                f"{', '.join(mine[:3])}{f' and {len(mine) - 3} more' if len(mine) > 3 else ''} "
                "differ from what the dataset holds. Undo it ('git checkout .' there), "
                "or remove the clone: it is made anew."
            )


def _drop_broken(folder: Path, paths: Sequence[str]) -> None:
    """Let git-annex compare content with its keys, and set aside what differs.

    So it is fetched again.
    """
    by_root: dict[str, list[str]] = {}
    for name in paths:
        if (folder / name).is_symlink() and (folder / name).exists():
            root = _subdataset(name) or ""
            by_root.setdefault(root, []).append(name.removeprefix(root).lstrip("/"))
    for root, names in by_root.items():
        for begin in range(0, len(names), _AT_A_TIME):
            part = names[begin : begin + _AT_A_TIME]
            found = subprocess.run(
                ["git-annex", "fsck", "--quiet", "--", *part],
                cwd=folder / root,
                check=False,
                capture_output=True,
                text=True,
            )
            if found.returncode != 0:
                logger.warning(
                    "content that is not what its key says is fetched again: %s",
                    " ".join(found.stderr.split())[:500],
                )


def _is_clone(folder: Path) -> bool:
    """Tell whether a folder is a clone of its own.

    It is none if it is a part of another, or what a killed run left.
    """
    if not (folder / ".git").exists():
        return False
    listed = subprocess.run(
        ["git", "ls-files"], cwd=folder, check=False, capture_output=True, text=True
    )
    return listed.returncode == 0 and bool(listed.stdout)


def _remove(folder: Path) -> None:
    """Remove what is no clone: an empty folder, or what a killed run left.

    Git-annex may have made parts read-only. What holds content is refused.
    """
    if any(
        any((folder / root / ".git" / "annex" / "objects").glob("*")) for root in ("", *SUBDATASETS)
    ):
        raise EngramError(
            f"'{folder}' is no usable clone, though it holds fetched files. Look at it with 'git "
            "status'. Remove it: it is made anew."
        )
    if folder.is_dir():
        for path in (folder, *folder.rglob("*")):
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)
        shutil.rmtree(folder)


def _git(folder: Path, *arguments: str) -> str:
    result = subprocess.run(
        ["git", *arguments], cwd=folder, check=False, capture_output=True, text=True
    )
    if result.returncode != 0:
        raise EngramError(
            f"'{folder}' is no usable clone (git {arguments[0]}: {result.stderr.strip()[:300]}). "
            "Remove it: it is made anew."
        )
    return result.stdout


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Hold other jobs off while a clone is being made."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f".{folder.name}.lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
