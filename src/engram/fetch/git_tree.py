"""The newest commit of a git repository, read by git alone: small files, and keys of large ones."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from engram.errors import EngramError
from engram.fetch.annex_keys import Key, named_key, read_key
from engram.fetch.pinned_files import WAITS

logger = logging.getLogger(__name__)

#: What git calls a link, and the place of a sub-dataset, in a tree.
_LINK, _SUBDATASET = "120000", "160000"


class GitTree:
    """The files of a dataset, sub-datasets included, as its git repository lists them.

    Parameters
    ----------
    source : str
        Address or path of the repository.
    folder : Path
        Where clones without a work tree are kept: one for each repository that is looked into.
    waits : sequence of float
        Seconds before each new try.
    commit : str
        Which commit is read, where the repository has it.
    """

    def __init__(
        self, source: str, folder: Path, waits: Sequence[float] = WAITS, commit: str = "HEAD"
    ) -> None:
        folder = folder.absolute()
        self._source, self._folder, self._waits = source, folder, waits
        self._clone = folder / "repository.git"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".lock").open("w") as stream:  # several jobs may want the same clone
            fcntl.flock(stream, fcntl.LOCK_EX)
            if not self._clone.exists():
                self._make_clone()
        if _run(["cat-file", "-e", commit], self._clone).returncode != 0:
            logger.warning("'%s' has no commit %s; its newest one is read", source, commit)
            commit = "HEAD"
        self._commit = commit
        listed = self._git("ls-tree", "-r", "-z", commit).decode("utf-8", "surrogateescape")
        #: Mode and object of each path.
        self._entries = {
            path: (details.split()[0], details.split()[2])
            for details, _, path in (line.partition("\t") for line in listed.split("\0") if line)
        }

    def read(self, paths: Sequence[str]) -> dict[str, Key | bytes]:
        """Return the key of each large file and the content of each small one, by path.

        A path that the dataset does not have is not among them.
        """
        found: dict[str, Key | bytes] = {}
        below: dict[str, list[str]] = {}
        for path in paths:
            mode, name = self._entries.get(path, ("", ""))
            if name:
                content = self._git("cat-file", "blob", name)
                key = named_key(content)
                if mode == _LINK and key is None:
                    raise EngramError(
                        f"'{path}' of '{self._source}' is a link to something else than "
                        "git-annex' content. Fetch by DataLad instead (dataset.source)."
                    )
                found[path] = content if key is None else read_key(key)
            elif (root := self._subdataset(path)) is not None:
                below.setdefault(root, []).append(path.removeprefix(f"{root}/"))
        for root, inside in below.items():
            recorded = self._entries[root][1]
            tree = GitTree(f"{self._source}/{root}", self._folder / root, self._waits, recorded)
            found |= {f"{root}/{path}": entry for path, entry in tree.read(inside).items()}
        return found

    def keys(self) -> dict[str, str]:
        """Return the annex keys of all links of the repository, sub-datasets apart, by path."""
        links = [(path, name) for path, (mode, name) in self._entries.items() if mode == _LINK]
        wanted = "\n".join(name for _, name in links).encode()
        listed = self._git("cat-file", "--batch=%(objectsize)", given=wanted)
        found, begin = {}, 0
        for path, _ in links:
            end = listed.index(b"\n", begin)
            size = int(listed[begin:end])
            key = named_key(listed[end + 1 : end + 1 + size])
            begin = end + 2 + size
            if key is not None:
                found[path] = key
        return found

    def check_out(self, folder: Path) -> None:
        """Write small files, and what stands in the place of large ones, into a new folder.

        It is there whole or not at all. Sub-datasets are empty folders.
        """
        unfinished = folder.with_name(folder.name + ".part")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        place = f"--work-tree={unfinished.absolute()}"
        self._git("-c", "core.bare=false", place, "checkout", "--force", self._commit, "--", ".")
        unfinished.rename(folder)

    def _subdataset(self, path: str) -> str | None:
        parts = path.split("/")
        for length in range(len(parts) - 1, 0, -1):
            root = "/".join(parts[:length])
            if self._entries.get(root, ("", ""))[0] == _SUBDATASET:
                return root
        return None

    def _make_clone(self) -> None:
        # DataLad's server has a repository's own files below .git.
        addresses = [self._source, f"{self._source.rstrip('/')}/.git"]
        unfinished = self._clone.with_name(self._clone.name + ".part")
        said = ""
        for wait in [*self._waits, None]:
            for address in addresses:
                shutil.rmtree(unfinished, ignore_errors=True)
                logger.info("cloning %s", address)
                arguments = ["clone", "--quiet", "--bare", "--single-branch"]
                # From the working directory, where a source that is a relative path starts.
                done = _run([*arguments, address, str(unfinished)], Path.cwd())
                if done.returncode == 0:
                    unfinished.rename(self._clone)
                    return
                said = said or " ".join(done.stderr.decode("utf-8", "replace").split())[:300]
            if wait is not None:
                time.sleep(wait)
        raise EngramError(
            f"'{self._source}' could not be cloned by git, which says which files there are "
            f"({said}). Check the network and the address (dataset.source), and run again."
        )

    def _git(self, *arguments: str, given: bytes | None = None) -> bytes:
        done = _run(arguments, self._clone, given)
        if done.returncode != 0:
            said = " ".join(done.stderr.decode("utf-8", "replace").split())[:300]
            raise EngramError(
                f"'{self._clone}' is no usable clone (git {' '.join(arguments)[:60]}: {said}). "
                "Remove it: it "
                "is made anew."
            )
        return done.stdout


def _run(
    arguments: Sequence[str], folder: Path, given: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run git without questions to a person."""
    try:
        return subprocess.run(
            ["git", *arguments],
            cwd=folder,
            input=given,
            env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
            check=False,
            capture_output=True,
        )
    except FileNotFoundError:
        raise EngramError(
            "git is not installed, which lists the dataset's files. Install git, or give a folder "
            "that has the data (dataset: path: ...)."
        ) from None
