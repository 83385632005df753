"""Files of images: those that are not there, broken, or keep numbers elsewhere are refused."""

from __future__ import annotations

import re
from mmap import ACCESS_READ, mmap
from pathlib import Path

from engram.errors import EngramError


def need(path: Path) -> None:
    """Raise `EngramError` unless a file is there."""
    if not path.exists():
        raise EngramError(
            f"'{path}' is not there, or is a link whose content was not fetched. In a clone "
            "of your own: 'datalad get' it; "
            "what Engram fetched: run again with --forcerun fetch_words fetch_scans."
        )


def broken(path: Path, error: Exception) -> EngramError:
    """Return the error of a file that cannot be read."""
    return EngramError(
        f"'{path}' cannot be read ({type(error).__name__}: {error}). It is broken or incomplete: "
        "copy or fetch it again (what Engram fetched: --forcerun fetch_scans)."
    )


def refuse_external(path: Path) -> None:
    """Refuse a GIFTI file whose numbers are in another file.

    Nobody would notice that these changed.
    """
    with path.open("rb") as stream:
        try:
            with mmap(stream.fileno(), 0, access=ACCESS_READ) as content:
                external = content.find(b"ExternalFile") >= 0 and re.search(
                    rb'ExternalFileName\s*=\s*["\'][^"\']|ExternalFileBinary', content
                )
        except ValueError:  # an empty file
            return
    if external:
        raise EngramError(
            f"'{path}' keeps its numbers in another file (GIFTI's ExternalFileBinary). Write them "
            "into the file itself, such as with 'wb_command -gifti-convert GZIP_BASE64_BINARY'."
        )
