"""What headers of BOLD say, read in a moment and without the libraries that read images.

A study is planned by it, and many scans are looked at before a run. Images themselves are read by
nibabel, which reads their headers again.
"""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

from engram.datasets.repetition_time import surface_tr, tr_in_seconds
from engram.errors import EngramError

#: Bytes of headers: of NIfTI-1, of NIfTI-2, and of the beginning of a GIFTI file.
_NIFTI_1, _NIFTI_2, _GIFTI = 348, 540, 1 << 16
#: Seconds of a unit of time of NIfTI, by its code.
_UNITS = {0: 1.0, 8: 1.0, 16: 1e-3, 24: 1e-6}
#: Types of an image's numbers by their codes, as `memoryview` calls them.
_CODES: dict[int, Any] = {2: "B", 4: "h", 8: "i", 16: "f", 64: "d", 256: "b", 512: "H", 768: "I"}
#: The code of the extension of a CIFTI file.
_CIFTI = 32
_VERTICES = re.compile(rb'Dim0\s*=\s*"\s*(\d+)')
_ARRAYS = re.compile(rb'NumberOfDataArrays\s*=\s*"\s*(\d+)')
_PARCEL = re.compile(r'<Parcel\s[^>]*?Name="([^"]*)"')
_STEP = re.compile(r'SeriesStep="([^"]+)"')
_EXPONENT = re.compile(r'SeriesExponent="([^"]+)"')
_SERIES_UNIT = re.compile(r'SeriesUnit="([^"]+)"')
_MODEL = re.compile(r"<BrainModel\s([^>]*)>")
#: First bytes of what stands in the place of a file that was not fetched.
_POINTERS = (
    b"/annex/objects/",
    b"version https://git-lfs",
    b"../.git/annex",
    b".git/annex/objects",
)


@dataclass(frozen=True)
class Header:
    """What a file of BOLD says of itself.

    Attributes
    ----------
    shape : tuple of int
        Of the image: (x, y, z, rows) for a volume, (rows, targets) for CIFTI and GIFTI.
    tr : float or None
        Seconds, where it is given.
    affine : tuple of float
        The upper three rows, of a volume.
    scale : float
        What numbers of the file are multiplied by.
    targets : tuple of str
        Of CIFTI: the names of parcels, or the models of the brain, in order.
    """

    shape: tuple[int, ...]
    tr: float | None
    affine: tuple[float, ...] = ()
    scale: float = 1.0
    targets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def rows(self) -> int:
        """The number of rows."""
        return self.shape[-1] if self.affine else self.shape[0]


def read(path: Path, chosen_format: str) -> Header:
    """Return the header of a file of BOLD.

    Parameters
    ----------
    path : Path
    chosen_format : {"volume", "surface", "dense", "parcels"}

    Raises
    ------
    EngramError
        If the file is not there, was not fetched, is empty, or is no such image.
    """
    check_fetched(path)
    try:
        if chosen_format == "surface":
            return _gifti(path)
        header = _nifti(path)
        return header if chosen_format == "volume" else _cifti(path, header)
    except (OSError, EOFError, zlib.error, struct.error, ValueError) as error:
        raise EngramError(
            f"'{path}' cannot be read as an image ({type(error).__name__}: {error}). It is broken "
            "or incomplete: copy or fetch it again."
        ) from None


def share_inside(path: Path) -> float | None:
    """Return the share of an image's voxels that are not 0, such as those of a mask or an atlas.

    None where its numbers are of a rare type, or the file is not there.
    """
    numbers = _numbers(path)
    return sum(1 for one in numbers if one) / len(numbers) if numbers else None


def is_all_zero(path: Path) -> bool:
    """Tell whether an image has nothing but 0, as a mask of no voxel."""
    numbers = _numbers(path)
    return numbers is not None and not any(numbers)


def _numbers(path: Path) -> memoryview | None:
    """Return an image's numbers; None where these are of a rare type, or the file is not there."""
    try:
        content = _bytes(path, -1)
        order = "<" if struct.unpack_from("<i", content)[0] in (_NIFTI_1, _NIFTI_2) else ">"
        is_first = struct.unpack_from(f"{order}i", content)[0] == _NIFTI_1
        (kind,) = struct.unpack_from(f"{order}h", content, 70 if is_first else 12)
        (begin,) = struct.unpack_from(
            *((f"{order}f", content, 108) if is_first else (f"{order}q", content, 168))
        )
        return memoryview(content)[int(begin) :].cast(_CODES[kind])
    except (OSError, EOFError, KeyError, TypeError, zlib.error, struct.error):
        return None


def check_fetched(path: Path) -> None:
    """Refuse a file that is a link to nowhere, a pointer of git-annex or Git LFS, or empty."""
    if path.is_symlink() and not path.exists():
        raise EngramError(
            f"'{path}' is a link whose content was not fetched. In a clone of DataLad: 'datalad "
            f"get {path.name}' in its folder, or the folder as a whole."
        )
    if not path.is_file():
        raise EngramError(f"'{path}' is not there.")
    size = path.stat().st_size
    if size == 0:
        raise EngramError(f"'{path}' is empty. Copy or fetch it again.")
    if size < 1024:
        with path.open("rb") as stream:
            begin = stream.read(256)
        if any(pointer in begin for pointer in _POINTERS):
            raise EngramError(
                f"'{path}' is a pointer of git-annex or Git LFS, whose content was not fetched "
                f"('{begin[:60].decode(errors='replace').strip()}'). 'git annex get' or "
                "'git lfs pull' brings it."
            )


def _bytes(path: Path, number: int) -> bytes:
    if path.name.endswith(".gz"):
        with gzip.open(path, "rb") as stream:
            return stream.read(number)
    with path.open("rb") as raw:
        return raw.read(number)


def _nifti(path: Path) -> Header:
    content = _bytes(path, _NIFTI_2)
    for order in "<>":
        (size,) = struct.unpack_from(f"{order}i", content)
        if size == _NIFTI_1:
            return _nifti_1(content, order)
        if size == _NIFTI_2:
            return _nifti_2(content, order)
    raise ValueError("it begins with no header of NIfTI")


def _nifti_1(content: bytes, order: str) -> Header:
    if content[344:347] == b"ni1":
        raise ValueError("header and image are two files; save them as one (.nii.gz)")
    dimensions = struct.unpack_from(f"{order}8h", content, 40)
    pixels = struct.unpack_from(f"{order}8f", content, 76)
    q_code, s_code = struct.unpack_from(f"{order}2h", content, 252)
    q_form = struct.unpack_from(f"{order}6f", content, 256)
    rows = struct.unpack_from(f"{order}12f", content, 280)
    (scale,) = struct.unpack_from(f"{order}f", content, 112)
    affine = _affine(pixels, (q_code, s_code), q_form, rows)
    return _described(dimensions, pixels[4], content[123], affine, scale)


def _nifti_2(content: bytes, order: str) -> Header:
    dimensions = struct.unpack_from(f"{order}8q", content, 16)
    pixels = struct.unpack_from(f"{order}8d", content, 104)
    q_code, s_code = struct.unpack_from(f"{order}2i", content, 344)
    q_form = struct.unpack_from(f"{order}6d", content, 352)
    rows = struct.unpack_from(f"{order}12d", content, 400)
    (units,) = struct.unpack_from(f"{order}i", content, 500)
    (scale,) = struct.unpack_from(f"{order}d", content, 176)
    affine = _affine(pixels, (q_code, s_code), q_form, rows)
    return _described(dimensions, pixels[4], units, affine, scale)


def _described(
    dimensions: tuple[int, ...],
    step: float,
    units: int,
    affine: tuple[float, ...],
    scale: float,
) -> Header:
    number = dimensions[0]
    if not 1 <= number <= 7 or any(one < 1 for one in dimensions[1 : number + 1]):
        raise ValueError(f"its dimensions are {dimensions}")
    unit = _UNITS.get(units & 0x38)
    tr = tr_in_seconds(step * unit) if number > 3 and unit is not None else None
    # Where the scale is 0 or no number, there is none.
    there = scale if scale and isfinite(scale) else 1.0
    return Header(tuple(dimensions[1 : number + 1]), tr, affine, there)


def _affine(
    pixels: tuple[float, ...],
    codes: tuple[int, int],
    q_form: tuple[float, ...],
    rows: tuple[float, ...],
) -> tuple[float, ...]:
    """Return the upper three rows of the affine; the sizes of voxels where there is none."""
    return rows if codes[1] else _from_quaternion(pixels, q_form) if codes[0] else pixels[1:4]


def _from_quaternion(pixels: tuple[float, ...], q_form: tuple[float, ...]) -> tuple[float, ...]:
    """Return the upper three rows of the affine that quaternions give (NIfTI's method 2)."""
    b, c, d, *offsets = q_form
    a = max(0.0, 1.0 - (b * b + c * c + d * d)) ** 0.5
    x, y, z = pixels[1:4]
    z = -z if pixels[0] < 0 else z
    rotation = (
        (a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)),
        (2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)),
        (2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c),
    )
    return tuple(
        value
        for row, offset in zip(rotation, offsets, strict=True)
        for value in (row[0] * x, row[1] * y, row[2] * z, offset)
    )


def _gifti(path: Path) -> Header:
    begin = _bytes(path, _GIFTI)
    rows, vertices = _ARRAYS.search(begin), _VERTICES.search(begin)
    if rows is None or vertices is None:
        raise ValueError("it begins with no header of GIFTI")
    return Header((int(rows[1]), int(vertices[1])), surface_tr(path, _GIFTI))


def _cifti(path: Path, nifti: Header) -> Header:
    """Return rows and targets of a CIFTI file, whose extension in XML says what they are."""
    if len(nifti.shape) < 6:
        raise ValueError(f"its shape is {nifti.shape}; CIFTI has its rows in dimension 5")
    with path.open("rb") as stream:
        stream.seek(_NIFTI_2)
        flag, size, code = struct.unpack("<4sii", stream.read(12))
        if code != _CIFTI and struct.pack("<i", code) == struct.pack(">i", _CIFTI):
            (size,) = struct.unpack(">i", struct.pack("<i", size))
            code = _CIFTI
        if not flag[0] or code != _CIFTI:
            raise ValueError("it has no extension of CIFTI")
        text = stream.read(size - 8).decode("utf-8", errors="replace")
    step, unit = _STEP.search(text), _SERIES_UNIT.search(text)
    if step is None or unit is None:
        raise ValueError("its rows are no series in time")
    exponent = _EXPONENT.search(text)
    seconds = float(step[1]) * 10.0 ** float(exponent[1] if exponent else 0)
    tr = tr_in_seconds(seconds) if unit[1] == "SECOND" else None
    targets = tuple(_PARCEL.findall(text)) or tuple(_MODEL.findall(text))
    return Header(nifti.shape[4:6], tr, targets=targets)
