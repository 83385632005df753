"""Keys of git-annex: each holds the size and the checksum of a file.

A dataset's git repository has them in the place of large files, so that these can be had from
elsewhere and verified without git-annex.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from engram.errors import EngramError

#: Checksums that keys hold, as Python calls them; `MD5E` is `MD5` with the file's extension.
_ALGORITHMS = {"MD5": "md5", "SHA1": "sha1", "SHA256": "sha256", "SHA512": "sha512"}
_KEY = re.compile(r"(?P<backend>[A-Z0-9]+?)E?-s(?P<size>\d+)--(?P<digest>[0-9a-f]+)(?:\.[^/]*)?")
#: Where git-annex keeps content: the target of a link, or what a pointer file holds.
_OBJECTS = "annex/objects/"


@dataclass(frozen=True)
class Key:
    """What a key says of a file's content: size in bytes, and a checksum."""

    name: str
    size: int
    algorithm: str
    digest: str


def read_key(name: str) -> Key:
    """Return what a key says.

    Raises
    ------
    EngramError
        If it is no key, or holds no checksum that can be compared.
    """
    match = _KEY.fullmatch(name)
    if match is None or match["backend"] not in _ALGORITHMS:
        raise EngramError(
            f"'{name[:100]}' is no key of git-annex with a size and a checksum (such as "
            f"MD5E-s123--0cc1...; known are {', '.join(_ALGORITHMS)}). Its file cannot be "
            "verified: fetch by DataLad instead (dataset.source)."
        )
    algorithm = _ALGORITHMS[match["backend"]]
    return Key(name, int(match["size"]), algorithm, match["digest"])


def named_key(content: bytes) -> str | None:
    """Return the key that a link's target or a pointer file names; None for other content."""
    if len(content) > 4096 or _OBJECTS.encode() not in content:
        return None
    return content.decode("utf-8", "replace").strip().splitlines()[0].rsplit("/", 1)[-1]
