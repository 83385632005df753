"""Whether an image holds all the numbers that its header promises, told without reading it.

A copy that broke off has a whole header. The last bytes of a compressed file say how long it is.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from math import prod
from pathlib import Path

from engram.errors import EngramError

_NIFTI_1, _NIFTI_2 = 348, 540
#: Bytes that are unpacked at once.
_PIECE = 1 << 22
#: The flag of gzip that a file of many pieces has (bgzip); its end tells the last piece's length.
_EXTRA = 4


def check_whole(path: Path) -> None:
    """Refuse a NIfTI or CIFTI file that ends before its last number.

    Parameters
    ----------
    path : Path
        Its header can be read.

    Raises
    ------
    EngramError
        If it is cut short.
    """
    packed = path.name.endswith(".gz")
    with gzip.open(path, "rb") if packed else path.open("rb") as stream:
        expected = _promised(stream.read(_NIFTI_2))
    found = _unpacked(path, expected) if packed else path.stat().st_size
    if found < expected:
        raise EngramError(
            f"'{path}' is cut short: it holds {found / 1e6:,.1f} MB of the {expected / 1e6:,.1f} "
            "MB that its header promises. Copy or fetch it again."
        )


def _promised(header: bytes) -> int:
    """Return how many bytes an image has, by its header."""
    order = "<" if struct.unpack_from("<i", header)[0] in (_NIFTI_1, _NIFTI_2) else ">"
    if struct.unpack_from(f"{order}i", header)[0] == _NIFTI_1:
        shape = struct.unpack_from(f"{order}8h", header, 40)
        (bits,) = struct.unpack_from(f"{order}h", header, 72)
        (begin,) = struct.unpack_from(f"{order}f", header, 108)
    else:
        shape = struct.unpack_from(f"{order}8q", header, 16)
        (bits,) = struct.unpack_from(f"{order}h", header, 14)
        (begin,) = struct.unpack_from(f"{order}q", header, 168)
    return int(begin) + prod(shape[1 : shape[0] + 1]) * bits // 8


def _unpacked(path: Path, expected: int) -> int:
    """Return how many bytes a compressed file has; as many as expected where its end says so."""
    with path.open("rb") as raw:
        flags = raw.read(4)[3]
        raw.seek(-4, 2)
        (length,) = struct.unpack("<I", raw.read(4))
    if length == expected % (1 << 32) or flags & _EXTRA:
        return expected
    found = 0  # cut short, or made of several pieces
    try:
        with gzip.open(path, "rb") as stream:
            while piece := stream.read(_PIECE):
                found += len(piece)
    except (OSError, EOFError, zlib.error):
        pass
    return found
