"""What was found in files of Python, kept for later processes by the files' content.

Every process of Snakemake takes the digests of code anew, each job's too; most of that time goes
into parsing. An entry holds for one content, and a file of entries for one version of Python and
one code that made them: nothing has to be thrown away by hand, and checkouts of several versions
share a folder. A cache that is damaged, or cannot be written, is as none.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

#: Entries that are kept, the newest ones: a few times as many as there are files.
_MOST = 2000


class DigestCache:
    """Entries by the content of files.

    Parameters
    ----------
    folder : path
        Where entries are kept, in a file of their maker. It is not made.
    made_by : path
        The file of Python that makes entries: after an edit of it none holds.
    """

    def __init__(self, folder: Path, made_by: Path) -> None:
        code = b"".join(path.read_bytes() for path in (made_by, Path(__file__)))
        maker = _hash(sys.version.encode() + code)
        self._file = folder / f"engram-code-{maker[:16]}.json"
        self._entries: dict[str, list[Any]] = {}
        self._has_new = False
        with suppress(OSError, ValueError):
            kept = json.loads(self._file.read_bytes())
            if isinstance(kept, dict):
                self._entries = kept

    def entry(self, content: str, make: Callable[[], list[Any]]) -> list[Any]:
        """Return the entry of a content: plain values, made where there is none."""
        key = _hash(content.encode())
        if key not in self._entries:
            self._entries[key] = make()
            self._has_new = True
        return self._entries[key]

    def save(self) -> None:
        """Write the entries, if there are new ones."""
        if not self._has_new:
            return
        self._has_new = False
        kept = dict(list(self._entries.items())[-_MOST:])
        temporary = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        with suppress(OSError):  # no such folder, or one that is read only
            temporary.write_text(json.dumps(kept))
            temporary.replace(self._file)


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
