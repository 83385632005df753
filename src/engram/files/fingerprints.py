"""Digests of small files that the project owns, as parameters of jobs that depend on them."""

from __future__ import annotations

import hashlib
from pathlib import Path


def folder_fingerprint(folder: Path) -> str:
    """Return a digest of a small folder that the project owns: names, and whole content."""
    files = [
        path
        for path in sorted(folder.iterdir())
        if path.is_file() and not path.name.startswith((".", "README", "LICENSE"))
    ]
    return hashlib.sha256(
        "".join(f"{path.name} {file_fingerprint(path)} " for path in files).encode()
    ).hexdigest()[:16]


def file_fingerprint(path: Path) -> str:
    """Return a digest of a small file that the project owns."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
