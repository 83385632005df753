"""One run at a time on a folder of results.

Snakemake locks its working directory. Two runs from two working directories on the same results do
not see each other's lock, and would write the same files. This lock lies in the folder of results,
and ends with the process that holds it, however that ends.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import IO

from engram.errors import EngramError

#: The lock's file, below the results.
NAME = ".run"
#: Held open for as long as this process lives, by path.
_HELD: dict[Path, IO[str]] = {}


def take(results: str | Path) -> None:
    """Lock a folder of results until this process ends.

    Parameters
    ----------
    results : path
        Made where it is not there.

    Raises
    ------
    EngramError
        If a run from another working directory holds it. Runs from this one are left to Snakemake's
        own lock, which knows which files each writes.

    Notes
    -----
    File systems that know no locks (some network file systems), and folders that cannot be
    written, are passed over.
    """
    path = Path(results).absolute() / NAME
    if path in _HELD:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+", encoding="utf-8")
    except OSError:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = _holder(file)
        file.close()
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES) and holder.get("directory") != str(
            Path.cwd()
        ):
            raise EngramError(
                f"another run writes to '{results}': process {holder.get('process', '?')} "
                f"on {holder.get('host', '?')}, begun in '{holder.get('directory', '?')}'. Wait "
                "until it ends, or give this study other results (pathvars: {results: ...})."
            ) from None
        return
    _HELD[path] = file
    with suppress(OSError):  # a full disk
        file.truncate(0)
        json.dump(
            {"process": os.getpid(), "host": socket.gethostname(), "directory": str(Path.cwd())},
            file,
        )
        file.flush()


def _holder(file: IO[str]) -> dict[str, object]:
    """Return what the run that holds the lock wrote of itself."""
    try:
        file.seek(0)
        found = json.loads(file.read())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
