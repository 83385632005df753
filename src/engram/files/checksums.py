"""Checksums: what a job writes is written down, and held against what the next job reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from engram.errors import EngramError
from engram.files import storage

#: The part of a sidecar that says where results came from.
PROVENANCE = "Provenance"
#: Its keys that hold mappings.
_MAPPINGS = ("Wildcards", "Inputs", "Outputs", "RawFiles")


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_of_json(content: Any) -> str:
    """Return the SHA-256 of what can be written as JSON, in hexadecimal."""
    return _digest(json.dumps(content, ensure_ascii=False))


def checksum(path: str | Path) -> str:
    """Return the SHA-256 of a result.

    Parameters
    ----------
    path : path
        A file; of a JSON file that holds its own provenance, as it was before; or a folder:
        of the names and checksums of its files, hidden ones apart.
    """
    path = Path(path)
    if path.is_dir():
        files = sorted(
            file for file in path.rglob("*") if file.is_file() and not file.name.startswith(".")
        )
        return _digest(
            "\n".join(f"{file.relative_to(path).as_posix()} {sha256(file)}" for file in files)
        )
    if path.suffix == ".json":
        content = storage.read_json(path)
        if content.pop(PROVENANCE, None) is not None:
            return _digest(storage.json_text(content))
    return sha256(path)


def provenance(sidecar: Path) -> dict[str, Any]:
    """Return what a sidecar says of where results came from, for readers.

    There is nothing where it is absent, or somebody else's file beside raw data.
    """
    try:
        return _mappings(storage.read_json(sidecar).get(PROVENANCE))
    except EngramError:
        return {}


def _mappings(found: object) -> dict[str, Any]:
    """Return a provenance, or nothing where it is somebody else's, or damaged by hand.

    A result without provenance is made again.
    """
    if not isinstance(found, dict) or not all(
        isinstance(found.get(key, {}), dict) for key in _MAPPINGS
    ):
        return {}
    return (
        found
        if all(isinstance(known, dict) for known in found.get("RawFiles", {}).values())
        else {}
    )


def checked_inputs(paths: Iterable[str]) -> dict[str, str]:
    """Return the checksums of a job's inputs.

    They are held against those in the sidecars of the jobs that wrote them.

    Parameters
    ----------
    paths : iterable of str
        Files and folders; those that no job wrote (raw data, a user's own) have
        nothing to be held against.

    Returns
    -------
    dict
        Checksums by path.

    Raises
    ------
    EngramError
        If a result is not what was written.
    """
    found = {path: checksum(path) for path in sorted(set(paths)) if Path(path).exists()}
    for path, digest in found.items():
        place = storage.sidecar(path)
        written = (
            _mappings(storage.read_json(place).get(PROVENANCE))
            .get("Outputs", {})
            .get(Path(path).name)
        )
        if isinstance(written, str) and written != digest:
            raise EngramError(
                f"'{path}' is not what was written: its SHA-256 is {digest[:12]}..., "
                f"and {written[:12]}... in '{place}'. It was changed, or is damaged. "
                "Delete it and run again: it is made anew, with what depends on it. If nobody "
                "changed it, look after the disk."
            )
    return found


def check_download(manifest: Path, folder: Path, digest_of: Callable[[Path], str] = sha256) -> None:
    """Hold downloaded files against their manifest (columns: path, size, sha256).

    Parameters
    ----------
    manifest : path
    folder : path
        Where the files lie.
    digest_of : callable
        Returns a file's SHA-256. One that remembers large files need not read them in every job.

    Raises
    ------
    EngramError
        If one is missing or another than the one that was fetched. A manifest of git-annex keys
        is passed over: git-annex checks its files itself.
    """
    header, *lines = manifest.read_text(encoding="utf-8").splitlines()
    if header.split("\t") != ["path", "size", "sha256"]:
        return
    for name, _, digest in (line.split("\t") for line in lines):
        if not (folder / name).is_file():
            raise EngramError(
                f"'{folder / name}' was fetched, and is not there any more. Delete '{manifest}' "
                "and run again: it is fetched anew."
            )
        if digest_of(folder / name) != digest:
            raise EngramError(
                f"'{folder / name}' is not the file that was fetched: it was changed, "
                f"or is damaged. Delete it and '{manifest}', and run again: it is fetched anew."
            )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
