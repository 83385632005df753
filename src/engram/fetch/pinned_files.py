"""Downloads of single files that are pinned by a checksum.

They are resumed where they stopped, tried again, or taken from a local mirror.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engram.errors import EngramError
from engram.files import delimited
from engram.files.checksums import sha256
from engram.files.storage import atomic
from engram.jobs.progress import progress

logger = logging.getLogger(__name__)

#: Seconds to wait before each new try.
WAITS = (1.0, 4.0, 15.0)


@dataclass(frozen=True)
class PinnedFile:
    """A public file.

    It has a path below a folder of downloads, a size in bytes, a checksum and an address.
    """

    path: str
    size: int
    digest: str
    url: str
    algorithm: str = "sha256"

    def digest_of(self, path: Path) -> str:
        """Return another file's checksum of the same kind, in hexadecimal."""
        with path.open("rb") as stream:
            made = hashlib.file_digest(
                stream, lambda: hashlib.new(self.algorithm, usedforsecurity=False)
            )
        return made.hexdigest()


def read_pins(table: str | Path) -> list[PinnedFile]:
    """Read a table of pinned files (columns: path, size, sha256, url)."""
    rows = delimited.read_rows(Path(table), ("path", "size", "sha256", "url"))
    return [PinnedFile(row["path"], int(row["size"]), row["sha256"], row["url"]) for row in rows]


def fetch(
    files: Sequence[PinnedFile],
    folder: str | Path,
    mirror: str | Path | None = None,
    waits: Sequence[float] = WAITS,
) -> None:
    """Bring files into a folder; those that are there and right stay as they are.

    Parameters
    ----------
    files : sequence of PinnedFile
    folder : path
        Where they go.
    mirror : path, optional
        A folder with copies under the same paths, used instead of the network; they are
        verified all the same.
    waits : sequence of float
        Seconds before each new try of a download.

    Raises
    ------
    EngramError
        When a file cannot be had, or is not the one that was pinned. What was fetched before stays.
    """
    for file in progress(files, "files", "file"):
        fetch_one(file, Path(folder), mirror, waits)


def fetch_one(
    file: PinnedFile, folder: Path, mirror: str | Path | None, waits: Sequence[float]
) -> None:
    """Bring one file into a folder, as `fetch` does."""
    target = folder / file.path
    if (
        target.exists()
        and target.stat().st_size == file.size
        and file.digest_of(target) == file.digest
    ):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if mirror is not None:
        _copy(file, Path(mirror), target)
    else:
        _download(file, target, waits)


def write_manifest(path: Path, folder: Path) -> None:
    """Write the path, size and SHA-256 of a folder's files, hidden ones apart.

    Later stages depend on what is written.
    """
    files = sorted(
        file
        for file in folder.rglob("*")
        if file.is_file()
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    )
    lines = [
        "path\tsize\tsha256",
        *(f"{file.relative_to(folder)}\t{file.stat().st_size}\t{sha256(file)}" for file in files),
    ]
    with atomic(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _copy(file: PinnedFile, mirror: Path, target: Path) -> None:
    source = mirror / file.path
    if not source.exists():
        raise EngramError(
            f"the mirror has no '{file.path}' (looked in {mirror}). Complete it, or unset "
            f"the mirror to download from {file.url}."
        )
    _verify(source, file, f"the mirror's copy, {source}")
    with atomic(target) as temporary:
        shutil.copyfile(source, temporary)


def _download(file: PinnedFile, target: Path, waits: Sequence[float]) -> None:
    """Download a file, going on from what an interrupted try has left in ``<target>.part``."""
    import requests

    part = target.with_name(target.name + ".part")
    for attempt, wait in enumerate([*waits, None], start=1):
        try:
            _stream(file.url, part)
            break
        except requests.RequestException as error:
            logger.warning("try %d of %s failed: %s", attempt, file.url, error)
            if wait is None or _is_final(error):
                raise EngramError(
                    f"'{file.path}' could not be downloaded from {file.url} (try {attempt}, "
                    f"{_describe(error)}). Check the "
                    "network and run again (what is there is kept), or name a mirror: "
                    "ENGRAM_MIRROR=/path, or 'mirror:' in the configuration."
                ) from error
            time.sleep(wait)
    try:
        _verify(part, file, f"the download from {file.url}")
    except EngramError:
        part.unlink()
        raise
    part.replace(target)


def _is_final(error: Exception) -> bool:
    """Tell whether trying again is of no use.

    The server then says that the file is not there, or not for us.
    """
    answer = getattr(error, "response", None)
    return (
        answer is not None
        and 400 <= answer.status_code < 500
        and answer.status_code not in (408, 425, 429)
    )


def _describe(error: Exception) -> str:
    answer = getattr(error, "response", None)
    return type(error).__name__ + (f", status {answer.status_code}" if answer is not None else "")


def _stream(url: str, part: Path) -> None:
    import requests

    have = part.stat().st_size if part.exists() else 0
    with requests.get(
        url,
        headers={"Accept-Encoding": "identity", **({"Range": f"bytes={have}-"} if have else {})},
        stream=True,
        timeout=(20, 60),
    ) as answer:
        if answer.status_code == requests.codes.requested_range_not_satisfiable:
            return  # everything is there already
        answer.raise_for_status()
        resumed = answer.status_code == requests.codes.partial_content
        with part.open("ab" if resumed else "wb") as stream:
            for block in answer.iter_content(1 << 20):
                stream.write(block)


def _verify(path: Path, file: PinnedFile, what: str) -> None:
    found = file.digest_of(path)
    if found != file.digest:
        kind = file.algorithm.upper().replace("SHA", "SHA-")
        raise EngramError(
            f"{what} is not the pinned '{file.path}': {kind} {found} ({path.stat().st_size} "
            f"bytes) instead of {file.digest} "
            f"({file.size} bytes). It is broken or has changed at its source; "
            "nothing was put in place."
        )
