"""BOLD in MNI space, and the regions of an atlas on its grid."""

from __future__ import annotations

import itertools
import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from engram.datasets import roi_sets, time_courses
from engram.datasets.given_folder import is_named
from engram.datasets.images.image_files import broken, need
from engram.datasets.images.surfaces import NO_REGION
from engram.datasets.repetition_time import volume_tr
from engram.errors import EngramError
from engram.files import delimited

logger = logging.getLogger(__name__)

#: Millimetres by which the same voxel of two images may be apart; rounding in headers and of
#: rotations leaves far less.
SAME_PLACE = 0.01
#: Volumes that are read at once.
_AT_ONCE = 16


class Volume:
    """MNI space; the atlas is an image of numbered regions, or a mask.

    The image has a table ``index, name`` beside it, which a mask does without.

    Parameters
    ----------
    grid : Path
        A scan, whose grid the atlas is brought to (nearest neighbour).
    atlas : Path or None
        NIfTI; the table has the same name with ``.tsv``. Without a table every voxel above 0
        belongs to one region, named as the file. None: the voxels of the masks are one region.
    regions : sequence of str or None
    masks : sequence of Path
        Masks on the grid of the scans; voxels that are 0 in one of them are left out.
    smoothing : float, optional
        Full width at half maximum of a Gaussian, in mm, that scans are smoothed with.
    """

    def __init__(
        self,
        grid: Path,
        atlas: Path | None,
        regions: Sequence[str] | None,
        masks: Sequence[Path] = (),
        smoothing: float | None = None,
    ) -> None:
        self._grid_path, self._grid = grid, _load_volume(grid)
        self._smoothing = smoothing
        _check_dimensions(grid, self._grid, 4)
        inside = np.ones(self._grid.shape[:3], dtype=bool)
        for mask in masks:
            inside &= self._read_mask(mask)
        source = atlas or masks[0]
        names, numbers = (
            _volume_regions(atlas, self._on_grid(atlas))
            if atlas is not None
            else ({1: _stem(masks[0]) if len(masks) == 1 else "brain"}, inside.astype(int))
        )
        kept = roi_sets.choose(regions, set(names.values()), "dataset.regions")
        self._inside = inside & np.isin(
            numbers, [number for number, name in names.items() if name in kept]
        )
        absent = sorted(kept - {names[int(number)] for number in np.unique(numbers[self._inside])})
        if not self._inside.any() or (absent and regions is not None):
            raise EngramError(
                f"'{source}' has no voxel of {absent} on the grid of '{grid}'. Is it in the same "
                "space?"
            )
        if absent:
            logger.warning("no voxel of %s is on the grid of '%s'", ", ".join(absent), grid)
        self._names = [names[int(number)] for number in numbers[self._inside]]

    def _on_grid(self, atlas: Path) -> np.ndarray:
        """Return the values of an atlas on the scans' grid."""
        import nibabel
        from nilearn.image import resample_to_img

        image = _load_volume(atlas)
        _check_dimensions(atlas, image, 3)
        first = nibabel.Nifti1Image(
            np.zeros(self._grid.shape[:3], dtype=np.uint8), self._grid.affine
        )
        try:
            # On the scans' own grid nothing is resampled: a voxel at the edge that lies 1e-8 mm
            # outside would be lost.
            if (
                image.shape == first.shape
                and displacement(image.affine, first.affine, first.shape) < SAME_PLACE
            ):
                values: np.ndarray = image.get_fdata()
                return values
            logger.info(
                "'%s' is brought to the grid of '%s' by nearest neighbours", atlas, self._grid_path
            )
            values = resample_to_img(
                image, first, interpolation="nearest", force_resample=True, copy_header=True
            ).get_fdata()
        except Exception as error:
            # The image's data are read here: a truncated file fails in gzip or zlib.
            raise broken(atlas, error) from error
        return values

    def _read_mask(self, mask: Path) -> np.ndarray:
        """Return which voxels a mask has; it must lie on the scans' grid."""
        image = _load_volume(mask)
        _check_dimensions(mask, image, 3)
        apart = (
            displacement(image.affine, self._grid.affine, image.shape)
            if image.shape == self._grid.shape[:3]
            else np.inf
        )
        if not apart < SAME_PLACE:
            raise EngramError(
                f"the mask '{mask}' (shape {image.shape}) does not lie on the grid of "
                f"'{self._grid_path}' (shape {self._grid.shape[:3]})"
                + (f": voxels are up to {apart:.3g} mm apart" if np.isfinite(apart) else "")
                + ". Resample it to the scans' grid (nilearn.image.resample_to_img with "
                "interpolation='nearest')."
            )
        try:
            found: np.ndarray = np.asanyarray(image.dataobj) > 0
        except Exception as error:
            raise broken(mask, error) from error
        return found

    def targets(self) -> pd.DataFrame:
        """Return every voxel with a region.

        Columns are target, hemisphere (by its side of the midline), roi, and x, y, z in mm.
        """
        from nibabel.affines import apply_affine

        places = apply_affine(self._grid.affine, np.argwhere(self._inside))
        sides = np.select([places[:, 0] < 0, places[:, 0] > 0], ["L", "R"], "B")
        names = [f"V{voxel}" for voxel in np.flatnonzero(self._inside)]
        return pd.DataFrame(
            {
                "target": names,
                "hemisphere": sides,
                "roi": self._names,
                **dict(zip("xyz", places.T, strict=True)),
            }
        )

    def read(self, paths: Sequence[Path]) -> np.ndarray:
        """Return a scan's BOLD from its file."""
        image = _load_volume(paths[0])
        if image.ndim != 4 or image.shape[:3] != self._inside.shape:
            raise EngramError(
                f"'{paths[0]}' has the shape {image.shape}, '{self._grid_path}' "
                f"{self._grid.shape}: all scans need the same voxels. Resample it to the others' "
                "grid, or leave the listener out (dataset.exclude)."
            )
        apart = displacement(image.affine, self._grid.affine, self._inside.shape)
        if not apart < SAME_PLACE:
            raise EngramError(
                f"'{paths[0]}' lies elsewhere in space than '{self._grid_path}': voxels are up "
                f"to {apart:.3g} mm apart. Their affines:\n{image.affine}\nand\n"
                f"{self._grid.affine}\nResample it to the others' grid, or leave the listener "
                "out (dataset.exclude)."
            )
        try:
            return time_courses.as_float32(self._voxels(image).T)
        except Exception as error:  # a truncated file fails in gzip, zlib or numpy
            raise broken(paths[0], error) from error

    def _voxels(self, image: Any) -> np.ndarray:
        """Return the voxels in use, of shape (n_voxels, n_trs), read a few volumes at a time.

        So a scan is never in memory with all its voxels, of which most are no brain.
        """
        n_trs = image.shape[3]
        voxels: np.ndarray | None = None
        for begin in range(0, n_trs, _AT_ONCE):
            part = np.asanyarray(image.dataobj[..., begin : begin + _AT_ONCE])
            if self._smoothing is not None:
                part = self._smoothed(part)
            if voxels is None:
                voxels = np.empty((int(self._inside.sum()), n_trs), dtype=part.dtype)
            voxels[:, begin : begin + _AT_ONCE] = part[self._inside]
        assert voxels is not None
        return voxels

    def _smoothed(self, part: np.ndarray) -> np.ndarray:
        """Return volumes after a Gaussian (nilearn); missing values stay where they are."""
        import nibabel
        from nilearn.image import smooth_img

        finite = np.isfinite(part)
        image = nibabel.Nifti1Image(np.where(finite, part, 0).astype(np.float64), self._grid.affine)
        smooth: np.ndarray = smooth_img(image, self._smoothing).get_fdata()
        return np.where(finite, smooth, np.nan)

    def tr(self, path: Path) -> float | None:
        """Return the TR of the file's header in seconds, where it gives one."""
        return volume_tr(_load_volume(path))


def displacement(one: np.ndarray, other: np.ndarray, shape: Sequence[int]) -> float:
    """Return how far apart two affines put the same voxel of an image, in mm, at most.

    That is at one of its corners.

    Entries of affines cannot be compared by themselves: an angle moves the far end of a large image
    more than its entry tells.
    """
    from nibabel.affines import apply_affine

    corners = np.array(list(itertools.product(*((0, length - 1) for length in shape[:3]))))
    return float(
        np.linalg.norm(apply_affine(one, corners) - apply_affine(other, corners), axis=1).max()
    )


def _load_volume(path: Path) -> Any:
    import nibabel

    need(path)
    try:
        # The file stays open: parts of a compressed one are read one after the other, and each
        # opening would begin at its beginning.
        image = nibabel.load(path, keep_file_open=True)
    except Exception as error:
        raise broken(path, error) from error
    if len({str(holder.filename) for holder in image.file_map.values()}) > 1:
        raise EngramError(
            f"'{path}' is a pair of files, header and image. Save it as one file (.nii.gz)."
        )
    return nibabel.funcs.squeeze_image(image) if image.ndim == 4 and image.shape[3] == 1 else image


def _check_dimensions(path: Path, image: Any, dimensions: int) -> None:
    if image.ndim != dimensions:
        raise EngramError(
            f"'{path}' has the shape {image.shape}; an image with {dimensions} "
            "dimensions was expected."
        )


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".nii")


def _volume_regions(atlas: Path, values: np.ndarray) -> tuple[dict[int, str], np.ndarray]:
    """Return the regions' names by number, and the number of every voxel."""
    stem = _stem(atlas)
    table = atlas.with_name(stem + ".tsv")
    if not is_named(table):  # a mask, of zeros and ones or of probabilities
        return {1: stem}, (values > 0).astype(int)
    names: dict[int, str] = {}
    for line, row in enumerate(delimited.read_rows(table, ("index", "name")), start=2):
        number, name = row["index"].strip(), row["name"].strip()
        if not re.fullmatch(r"-?\d+(\.0*)?", number):
            raise EngramError(
                f"'{table}', line {line}: index '{number}' is no whole number. It is the "
                "region's number in the image."
            )
        if int(float(number)) in names:
            raise EngramError(
                f"'{table}', line {line}: index {number} is there twice. Each region of the image "
                "has a number of its own."
            )
        names[int(float(number))] = name
    return {
        number: name for number, name in names.items() if name.lower() not in NO_REGION
    }, np.rint(values)
