"""Files of a published dataset: by DataLad, or from its public bucket."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engram.errors import EngramError
from engram.fetch import bucket, datalad
from engram.files.storage import atomic


def fetch(settings: Mapping[str, Any], manifest: Path, mirror: Path | None = None) -> None:
    """Bring files of a dataset into the folder beside a manifest, and write the manifest.

    Parameters
    ----------
    settings : mapping
        What `engram.datasets.repository.Repository` gave: ``source`` (the dataset's git
        repository), ``files``, ``optional``; with a bucket ``bucket``, and ``name``, the dataset's
        folder in a mirror; ``keys`` (annex keys by path) where they are known beforehand.
    manifest : Path
        Gets each file's path and annex key.
    mirror : Path, optional
        A folder with copies of public files, which take the place of the bucket.

    Raises
    ------
    EngramError
        If a file cannot be had, or is not the one that is known.
    """
    folder, known = manifest.parent / "dataset", settings.get("keys", {})
    if "bucket" not in settings:
        files = datalad.fetch(settings["source"], folder, settings["files"], settings["optional"])
        check_keys(folder, known)
        datalad.write_manifest(manifest, folder, files)
        return
    found = bucket.fetch(
        settings["source"],
        settings["bucket"],
        folder,
        settings["files"],
        settings["optional"],
        known=known,
        mirror=mirror / settings["name"] if mirror is not None else None,
    )
    keys = {path: key or datalad.key(folder / path) for path, key in found.items()}
    lines = ["path\tkey", *(f"{path}\t{keys[path]}" for path in sorted(keys))]
    with atomic(manifest) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def check_keys(folder: Path, known: Mapping[str, str]) -> None:
    """Raise `EngramError` if a fetched file has another key than the one that planned the study."""
    for path, key in known.items():
        found = datalad.key(folder / path)
        if found != key:
            raise EngramError(
                f"'{folder / path}' is another version of the file than the one that Engram knows: "
                f"its annex key is {found} instead of {key}. The dataset has changed at its "
                "source; look for a newer Engram, or check out the version that is known in the "
                "clone."
            )
