"""BOLD on surfaces that listeners share, and the regions of their vertices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from engram.datasets import roi_sets, time_courses
from engram.datasets.images.image_files import broken, need, refuse_external
from engram.datasets.repetition_time import surface_tr
from engram.errors import EngramError

#: Vertices of a hemisphere; those of fsaverage5 are the first of fsaverage6's.
VERTICES = {"fsaverage6": 40962, "fsaverage5": 10242}
#: Vertices of fsaverage's hemispheres from the coarsest in use to the finest.
_AVERAGE_SURFACES = (10242, 40962, 163842)
#: Labels of an annotation that are no region.
NO_REGION = ("unknown", "medial_wall", "???", "background")
#: The region of all vertices where there is no atlas.
WHOLE = "cortex"


class Surface:
    """A surface that listeners share, such as a FreeSurfer average.

    The atlas is an annotation (``.annot``) or a GIFTI label file for each hemisphere.

    Parameters
    ----------
    name : str
        Such as fsaverage6.
    atlas : dict
        A file for each hemisphere, L and R; None: all its vertices are one region.
    regions : sequence of str or None
    n_vertices : int, optional
        Of a hemisphere; None: those that `VERTICES` gives a surface of this name.
    """

    def __init__(
        self,
        name: str,
        atlas: Mapping[str, Path | None],
        regions: Sequence[str] | None,
        n_vertices: int | None = None,
    ) -> None:
        self.name, self._n_vertices = name, n_vertices or VERTICES[name]
        labels = {
            side: np.full(self._n_vertices, WHOLE) if path is None else self._labels(path)
            for side, path in atlas.items()
        }
        kept = roi_sets.choose(
            regions, set(np.concatenate(list(labels.values()))) - {""}, "dataset.regions"
        )
        self._regions = {
            side: np.where(np.isin(names, sorted(kept)), names, "")
            for side, names in labels.items()
        }

    def _labels(self, path: Path) -> np.ndarray:
        """Return the region of each vertex."""
        labels = read_regions(path)
        # The vertices of a coarser average surface are the first of a finer one's.
        if len(labels) != self._n_vertices and (
            len(labels) not in _AVERAGE_SURFACES
            or self._n_vertices not in _AVERAGE_SURFACES
            or len(labels) < self._n_vertices
        ):
            raise EngramError(
                f"'{path}' labels {len(labels)} vertices; {self.name} has {self._n_vertices} "
                "a hemisphere (an atlas of a finer fsaverage will do too). "
                "Is dataset.atlas right?"
            )
        return labels[: self._n_vertices]

    def targets(self) -> pd.DataFrame:
        """Return every vertex with a region: target, hemisphere, roi, vertex."""
        tables = []
        for side, regions in self._regions.items():
            vertices = np.flatnonzero(regions != "")
            tables.append(
                pd.DataFrame(
                    {
                        "target": [f"{side}{vertex}" for vertex in vertices],
                        "hemisphere": side,
                        "roi": regions[vertices],
                        "vertex": vertices,
                    }
                )
            )
        return pd.concat(tables, ignore_index=True)

    def read(self, paths: Sequence[Path]) -> np.ndarray:
        """Return a scan's BOLD from its two files."""
        sides = [
            read_surface(path, self.name, self._n_vertices)[:, regions != ""]
            for path, regions in zip(paths, self._regions.values(), strict=True)
        ]
        lengths = [len(side) for side in sides]
        if len(set(lengths)) > 1:
            raise EngramError(
                f"'{paths[0]}' and its other hemisphere have {lengths} TRs; both must have "
                "the same number. Fetch the files again."
            )
        return np.concatenate(sides, axis=1)

    def tr(self, path: Path) -> float | None:
        """Return the file's TimeStep in seconds, where it gives one."""
        return surface_tr(path)


def read_surface(path: Path, space: str, n_vertices: int | None = None) -> np.ndarray:
    """Read a scan's BOLD on one hemisphere: float32, of shape (n_trs, n_vertices).

    Without `n_vertices` there must be as many as `VERTICES` gives a surface of this name.
    """
    import nibabel

    need(path)
    refuse_external(path)
    try:
        image = nibabel.load(path)
        values = time_courses.as_float32(np.stack([array.data for array in image.darrays]))
    except Exception as error:  # a truncated file fails in the XML parser, in zlib or in numpy
        raise broken(path, error) from error
    if values.ndim != 2:
        raise EngramError(
            f"'{path}' holds an array of shape {values.shape[1:]}; a time series has an array "
            "for each TR, of one number a vertex."
        )
    expected = n_vertices or VERTICES[space]
    if values.shape[1] != expected:
        raise EngramError(
            f"'{path}' has {values.shape[1]} vertices; {space} has {expected} "
            "a hemisphere. Is dataset.space right?"
        )
    return values


def count_vertices(path: Path) -> int:
    """Return how many vertices a scan's BOLD on one hemisphere has."""
    import nibabel

    need(path)
    refuse_external(path)
    try:
        return len(nibabel.load(path).darrays[0].data)
    except Exception as error:
        raise broken(path, error) from error


def read_regions(path: Path) -> np.ndarray:
    """Read the region of every vertex from an annotation or a GIFTI label file.

    It is empty for the medial wall and the like.
    """
    import nibabel

    need(path)
    try:
        if path.name.endswith(".gii"):
            refuse_external(path)
            image = nibabel.load(path)
            table = {label.key: getattr(label, "label", "") for label in image.labeltable.labels}
            regions = np.array([table.get(int(key), "") for key in image.darrays[0].data])
        else:
            labels, _, names = nibabel.freesurfer.read_annot(path)
            # A vertex without a label has -1: the last, empty name.
            regions = np.array([name.decode() for name in names] + [""])[labels]
    except EngramError:
        raise
    except Exception as error:
        raise broken(path, error) from error
    regions[np.isin(np.char.lower(regions), NO_REGION)] = ""
    return regions
