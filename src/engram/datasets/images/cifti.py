"""BOLD in CIFTI files: grayordinates (.dtseries.nii), or parcels (.ptseries.nii)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from engram.datasets import roi_sets, time_courses
from engram.datasets.images.image_files import broken, need
from engram.datasets.images.parcels import check_parcels, hemisphere, without_sides
from engram.datasets.images.surfaces import NO_REGION
from engram.datasets.repetition_time import tr_in_seconds
from engram.errors import EngramError

#: Structures of CIFTI by side: their names end so.
_LEFT, _RIGHT = "_LEFT", "_RIGHT"
_STRUCTURE = re.compile(r"CIFTI_STRUCTURE_|(_LEFT|_RIGHT)$")


class Dense:
    """Grayordinates: vertices of both hemispheres, and voxels of structures below the cortex.

    Parameters
    ----------
    grid : Path
        A scan, whose grayordinates all scans must have.
    atlas : Path or None
        A ``.dlabel.nii`` with the regions of grayordinates; None: each structure is a region.
    regions : sequence of str or None
    """

    def __init__(self, grid: Path, atlas: Path | None, regions: Sequence[str] | None) -> None:
        self._path, self._axis = grid, _axes(grid)[1]
        self._table = _grayordinates(self._axis)
        if atlas is not None:
            self._table["roi"] = _labels(atlas, self._table)
        kept = roi_sets.choose(regions, set(self._table["roi"]) - {""}, "dataset.regions")
        self._kept = self._table["roi"].isin(kept).to_numpy()

    def targets(self) -> pd.DataFrame:
        """Return every grayordinate with a region: target, hemisphere, roi."""
        found = self._table.loc[self._kept, ["target", "hemisphere", "roi"]]
        return found.reset_index(drop=True)

    def read(self, paths: Sequence[Path]) -> np.ndarray:
        """Return a scan's BOLD from its file."""
        axis = _axes(paths[0])[1]
        if axis != self._axis:
            raise EngramError(
                f"'{paths[0]}' has other grayordinates ({len(axis)}) than '{self._path}' "
                f"({len(self._axis)}). All scans need the same (dataset.entities: den), or leave "
                "the listener out (dataset.exclude)."
            )
        return _values(paths[0])[:, self._kept]

    def tr(self, path: Path) -> float | None:
        """Return the step of the file's series in seconds, where it gives one."""
        return series_tr(path)


class Parcels:
    """Parcels, whose names the files give; each is a target and a region.

    Parameters
    ----------
    grid : Path
        A scan, whose parcels all scans must have in its order.
    regions : sequence of str or None
    """

    def __init__(self, grid: Path, regions: Sequence[str] | None) -> None:
        self._path, axis = grid, _axes(grid)[1]
        self._names = list(map(str, axis.name))
        repeated = sorted({name for name in self._names if self._names.count(name) > 1})
        if repeated:
            raise EngramError(f"'{grid}' has the parcel(s) {repeated[:5]} twice.")
        sides = [
            hemisphere(name, *_extent(axis, number), grid)
            for number, name in enumerate(self._names)
        ]
        rois = without_sides(self._names, sides)
        kept = roi_sets.choose(regions, set(rois), "dataset.regions")
        self._table = pd.DataFrame({"target": self._names, "hemisphere": sides, "roi": rois})
        self._kept = self._table["roi"].isin(kept).to_numpy()

    def targets(self) -> pd.DataFrame:
        """Return the parcels: target, hemisphere, roi."""
        return self._table[self._kept].reset_index(drop=True)

    def read(self, paths: Sequence[Path]) -> np.ndarray:
        """Return a scan's BOLD from its file."""
        check_parcels(paths[0], list(map(str, _axes(paths[0])[1].name)), self._path, self._names)
        return _values(paths[0])[:, self._kept]

    def tr(self, path: Path) -> float | None:
        """Return the step of the file's series in seconds, where it gives one."""
        return series_tr(path)


def series_tr(path: Path) -> float | None:
    """Return the step of a CIFTI file's series in seconds, where it gives one."""
    series = _axes(path)[0]
    return tr_in_seconds(float(series.step)) if series.unit == "SECOND" else None


def _load(path: Path) -> Any:
    import nibabel

    need(path)
    try:
        image = nibabel.load(path)
    except Exception as error:
        raise broken(path, error) from error
    if not isinstance(image, nibabel.Cifti2Image):
        raise EngramError(f"'{path}' is no CIFTI file, as its name says.")
    return image


def _axes(path: Path) -> tuple[Any, Any]:
    """Return what rows and columns of a file are."""
    from nibabel import cifti2

    header = _load(path).header
    axes = tuple(header.get_axis(number) for number in range(header.number_of_mapped_indices))
    wanted = cifti2.ParcelsAxis if path.name.endswith(".ptseries.nii") else cifti2.BrainModelAxis
    if (
        len(axes) != 2
        or not isinstance(axes[0], cifti2.SeriesAxis)
        or not isinstance(axes[1], wanted)
    ):
        raise EngramError(
            f"'{path}' has {' and '.join(type(axis).__name__ for axis in axes)}; a series in time "
            f"and {'parcels' if wanted is cifti2.ParcelsAxis else 'grayordinates'} were expected."
        )
    return axes[0], axes[1]


def _values(path: Path) -> np.ndarray:
    try:
        return time_courses.as_float32(np.asanyarray(_load(path).dataobj))
    except EngramError:
        raise
    except Exception as error:
        raise broken(path, error) from error


def _grayordinates(axis: Any) -> pd.DataFrame:
    """Return a row for each grayordinate: target, hemisphere, roi (its structure)."""
    parts = []
    for structure, rows, _ in axis.iter_structures():
        side = "L" if structure.endswith(_LEFT) else "R" if structure.endswith(_RIGHT) else "B"
        name = _STRUCTURE.sub("", structure).lower().replace("_", "-")
        places = (
            [str(vertex) for vertex in axis.vertex[rows]]
            if axis.surface_mask[rows].all()
            else ["x".join(map(str, voxel)) for voxel in axis.voxel[rows]]
        )
        targets = [f"{name}-{side}-{place}" for place in places]
        parts.append(pd.DataFrame({"target": targets, "hemisphere": side, "roi": name}))
    return pd.concat(parts, ignore_index=True)


def _labels(atlas: Path, table: pd.DataFrame) -> np.ndarray:
    """Return the region of each grayordinate that an atlas gives, empty where it gives none."""
    from nibabel import cifti2

    image = _load(atlas)
    header = image.header
    axes = [header.get_axis(number) for number in range(header.number_of_mapped_indices)]
    if not (
        len(axes) == 2
        and isinstance(axes[0], cifti2.LabelAxis)
        and isinstance(axes[1], cifti2.BrainModelAxis)
    ):
        raise EngramError(f"'{atlas}' has no labels of grayordinates (a .dlabel.nii is needed).")
    try:
        keys = np.asanyarray(image.dataobj)[0]
    except Exception as error:
        raise broken(atlas, error) from error
    names = {key: name for key, (name, _) in axes[0].label[0].items()}
    found = dict(
        zip(
            _grayordinates(axes[1])["target"],
            (names.get(int(key), "") for key in keys),
            strict=True,
        )
    )
    regions = table["target"].map(found).fillna("").to_numpy(str)
    regions[np.isin(np.char.lower(regions), NO_REGION)] = ""
    if not (regions != "").any():
        raise EngramError(f"'{atlas}' has no grayordinate of the scans.")
    return regions


def _extent(axis: Any, number: int) -> tuple[set[str], float | None]:
    """Return the sides of a parcel's structures, and the mean x of its voxels in mm."""
    structures = [name for name, vertices in axis.vertices[number].items() if len(vertices)]
    sides = {
        "L" if name.endswith(_LEFT) else "R" if name.endswith(_RIGHT) else "B"
        for name in structures
    }
    voxels = axis.voxels[number]
    if not len(voxels) or axis.affine is None:
        return sides, None
    from nibabel.affines import apply_affine

    return sides, float(apply_affine(axis.affine, np.asarray(voxels))[:, 0].mean())
