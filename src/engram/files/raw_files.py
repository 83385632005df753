"""Raw files: what a job reads that no job made.

They are recorded by digest (SHA-256) and signature (size and times).

A digest says whether content is the same; a signature says, at the cost of a look,
whether that needs to be asked. `engram.runs.rerun_causes` compares both with what is there when
the workflow is planned.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engram.errors import EngramError
from engram.files import storage
from engram.files.checksums import sha256

#: Bytes up to which a file's content is looked at wherever that is asked for, dry-runs included;
#: digests of larger ones are remembered.
SMALL = 8 << 20
#: A file that changed less than this before it was looked at can change again within its file
#: system's smallest step of time.
_SETTLED_NS = 2_000_000_000
#: Files of a model folder that no job reads.
_UNREAD = (".", "README", "LICENSE")
#: Kinds of small files that models read from sub-folders: code of their own,
#: configurations, chat templates.
_NESTED = (".py", ".json", ".jinja")
#: Sub-folders that hold other models: a Trainer's checkpoints.
_OTHER_MODELS = "checkpoint-"


@dataclass(frozen=True)
class Signature:
    """What the file system says of a file, links followed.

    Attributes
    ----------
    size : int
        Bytes.
    modified, changed : int
        Time of the content's last change, and of the content's or the entry's, in nanoseconds
        since 1970. A copy can keep the first.
    inode, device : int
        Hints only: a copy has another inode, and a file system that is mounted anew
        may have another device.
    """

    size: int
    modified: int
    changed: int
    inode: int
    device: int

    @classmethod
    def of(cls, path: str | Path) -> Signature:
        """Return the signature of a file; FileNotFoundError where there is none."""
        found = Path(path).stat()
        return cls(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev)

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> Signature | None:
        """Return the signature that `plain` wrote, or None where there is none."""
        try:
            return cls(**{name: int(content[name]) for name in cls.__dataclass_fields__})
        except (KeyError, TypeError, ValueError):
            return None

    def plain(self) -> dict[str, int]:
        """Return the fields by name, for JSON."""
        return dict(self.__dict__)

    def is_settled(self) -> bool:
        """Tell whether the file has been as it is for long enough.

        Another change would then show in its times.
        """
        return time.time_ns() - max(self.modified, self.changed) > _SETTLED_NS


class Digests:
    """SHA-256 of files; those of large ones are kept by path and signature.

    So 14 GB are read once and not by every job.

    Parameters
    ----------
    folder : path, optional
        Where they are kept: a small file for each, written whole or not at all, so that jobs may
        share the folder. Where it cannot be written files are hashed again.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        self._folder = Path(folder) if folder else None

    def of(self, path: str | Path) -> str:
        """Return a file's digest.

        Raises
        ------
        EngramError
            If the file changes while it is read.
        """
        before = Signature.of(path)
        if before.size > SMALL and (known := self.known(path, before)):
            return known
        digest = sha256(path)
        after = Signature.of(path)
        if (after.size, after.modified) != (before.size, before.modified):
            raise EngramError(
                f"'{path}' was changed while it was read. Run again when nothing "
                "writes to it any more."
            )
        # Other permissions, another hard link, and network file systems that number anew:
        # the content is as it was, and is not remembered.
        if before.size > SMALL and before.is_settled() and after == before:
            self._keep(path, before, digest)
        return digest

    def known(self, path: str | Path, signature: Signature) -> str | None:
        """Return the digest of a file that had exactly this signature when it was read, or None."""
        if self._folder is None:
            return None
        try:
            kept = json.loads(self._place(path).read_text(encoding="utf-8"))
            return str(kept["sha256"]) if Signature.read(kept) == signature else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _keep(self, path: str | Path, signature: Signature, digest: str) -> None:
        if self._folder is None:
            return
        # Results of someone else, or a full disk: the file is hashed again the next time.
        with suppress(OSError):
            storage.write_json(
                self._place(path),
                {"path": str(Path(path).absolute()), "sha256": digest, **signature.plain()},
            )

    def _place(self, path: str | Path) -> Path:
        assert self._folder is not None
        return (
            self._folder
            / f"{hashlib.sha256(str(Path(path).absolute()).encode()).hexdigest()[:32]}.json"
        )


def listed(reads: Mapping[str, Any] | None) -> list[str]:
    """Return the raw files that a job reads, sorted.

    Parameters
    ----------
    reads : mapping, optional
        The job's parameter of this name: ``files``, paths; ``folders``, those of models.
        Files that are not there are left out.
    """
    reads = reads or {}
    found = {str(path) for path in reads.get("files", []) if Path(path).is_file()}
    for folder in reads.get("folders", []):
        found |= {str(path) for path in model_files(Path(folder))}
    return sorted(found)


def model_files(folder: Path) -> list[Path]:
    """Return the files of a model folder that loading it can read, links followed.

    There are none where there is no folder.
    """
    if not folder.is_dir():
        return []
    here = [path for path in folder.iterdir() if not path.name.startswith(_UNREAD)]
    nested = [
        path
        for top in here
        if top.is_dir() and not top.name.startswith(_OTHER_MODELS)
        for path in top.rglob("*")
        if path.suffix in _NESTED
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    return sorted(path for path in [*here, *nested] if path.is_file())


def recorded(paths: Sequence[str], digests: Digests) -> dict[str, dict[str, Any]]:
    """Return what a sidecar says of the raw files that a job reads: digest and signature by path.

    Without a signature where the file changed just before: its content is looked at when the
    workflow is planned again.

    Raises
    ------
    EngramError
        If one cannot be read, or changes while it is read.
    """
    found: dict[str, dict[str, Any]] = {}
    for path in paths:
        try:
            before = Signature.of(path)
            digest = digests.of(path)
        except OSError as error:
            raise EngramError(
                f"'{path}' cannot be read ({error.strerror or error}). It belongs to what this "
                "job reads: make it readable, or take it out of its folder."
            ) from None
        found[path] = {
            "sha256": digest,
            **(before.plain() if before.is_settled() else {"size": before.size}),
        }
    return found


def check_unchanged(record: Mapping[str, Mapping[str, Any]]) -> None:
    """Hold raw files against their record when a job has read them.

    Raises
    ------
    EngramError
        If one was changed meanwhile: what was made of it cannot be told.
    """
    for path, known in record.items():
        try:
            now = Signature.of(path)
        except OSError:
            raise EngramError(
                f"'{path}' was removed while this job read it. Run again when nothing "
                "writes to it any more."
            ) from None
        before = Signature.read(known)
        same = (
            (now.size, now.modified) == (before.size, before.modified)
            if before
            else sha256(path) == known["sha256"]
        )
        if not same and sha256(path) != known["sha256"]:
            raise EngramError(
                f"'{path}' was changed while this job read it. Run again when nothing "
                "writes to it any more."
            )
