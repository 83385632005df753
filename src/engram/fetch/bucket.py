"""Files of a dataset from a public bucket, by plain HTTPS: no git-annex, no account.

Sizes and checksums are those of the dataset's annex keys, which git alone reads.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from engram.errors import EngramError
from engram.fetch import pinned_files
from engram.fetch.annex_keys import Key, read_key
from engram.fetch.git_tree import GitTree
from engram.fetch.pinned_files import WAITS, PinnedFile
from engram.files.storage import atomic
from engram.jobs.progress import progress


def fetch(
    source: str,
    bucket: str,
    folder: Path,
    wanted: Sequence[str],
    optional: Sequence[str] = (),
    *,
    known: Mapping[str, str] | None = None,
    mirror: Path | None = None,
    waits: Sequence[float] = WAITS,
) -> dict[str, str | None]:
    """Bring files into a folder; those that are there and right stay as they are.

    Parameters
    ----------
    source : str
        The dataset's git repository: an address or a path.
    bucket : str
        Where files lie, under the dataset's own paths.
    folder : Path
    wanted, optional : sequences of str
        Paths below the dataset's root; optional ones are left out where the dataset does not
        have them, and, with a mirror, where no key is known.
    known : mapping, optional
        Annex keys by path, for which git need not be asked.
    mirror : Path, optional
        A folder with copies of files, used instead of the bucket; they are verified all the same.
    waits : sequence of float
        Seconds before each new try.

    Returns
    -------
    dict
        The paths that are there now, each with its annex key; None for a file of git itself.

    Raises
    ------
    EngramError
        If a file cannot be had, or is not what its key says. What came stays.
    """
    entries = _entries(source, folder.parent / "git", wanted, optional, known or {}, mirror, waits)
    pinned = []
    for path, entry in entries.items():
        if isinstance(entry, bytes):
            _write(folder / path, entry)
        else:
            address = f"{bucket.rstrip('/')}/{quote(path)}"
            pinned.append(PinnedFile(path, entry.size, entry.digest, address, entry.algorithm))
    for file in progress(pinned, "files", "file"):
        with _alone(folder / file.path):
            pinned_files.fetch_one(file, folder, mirror, waits)
    there = ((path, entries[path]) for path in [*wanted, *optional] if path in entries)
    return {path: entry.name if isinstance(entry, Key) else None for path, entry in there}


def _entries(
    source: str,
    clones: Path,
    wanted: Sequence[str],
    optional: Sequence[str],
    known: Mapping[str, str],
    mirror: Path | None,
    waits: Sequence[float],
) -> dict[str, Key | bytes]:
    """Return each file's key, or its content where that lies in git itself."""
    entries: dict[str, Key | bytes] = {
        path: read_key(key) for path, key in known.items() if path in {*wanted, *optional}
    }
    asked = [*wanted, *([] if mirror is not None else optional)]
    if unknown := [path for path in asked if path not in entries]:
        entries |= GitTree(source, clones, waits).read(unknown)
    if absent := [path for path in wanted if path not in entries]:
        more = f" and {len(absent) - 1} more of the files wanted" if len(absent) > 1 else ""
        raise EngramError(
            f"the dataset '{source}' has no {absent[0]}{more}. If it was looked into long ago, "
            f"remove '{clones}': it is made anew."
        )
    return entries


def _write(path: Path, content: bytes) -> None:
    """Write a small file where it is not there yet as it should be."""
    if path.is_file() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path) as temporary:
        temporary.write_bytes(content)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold other jobs off that want the same file: stories may share one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with (path.parent / f".{path.name}.lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
