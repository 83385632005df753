"""Repositories as git-annex leaves them, made by git alone."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=n", "-c", "user.email=e", *arguments],
        cwd=folder,
        check=True,
        capture_output=True,
    )


def repository(content: Path, folder: Path, large: tuple[str, ...]) -> None:
    """Make a repository of a folder, with links that have keys in the place of large files."""
    shutil.copytree(content, folder)
    for path in [one for one in folder.rglob("*") if one.name.endswith(large)]:
        data = path.read_bytes()
        extension = path.name[path.name.index(".") :]
        key = f"MD5E-s{len(data)}--{hashlib.md5(data).hexdigest()}{extension}"
        up = "../" * (len(path.relative_to(folder).parts) - 1)
        path.unlink()
        path.symlink_to(f"{up}.git/annex/objects/aa/bb/{key}/{key}")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "--all")
    git(folder, "commit", "-q", "-m", "made")
