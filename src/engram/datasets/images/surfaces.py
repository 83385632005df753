"""BOLD on FreeSurfer's average surfaces, and the regions of their vertices."""

from __future__ import annotations

from collections.abc import Sequence
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


class Surface:
    """A FreeSurfer average surface.

    The atlas is an annotation (``.annot``) or a GIFTI label file for each hemisphere.
    """

    def __init__(self, name: str, atlas: dict[str, Path], regions: Sequence[str] | None) -> None:
        self.name = name
        labels = {side: read_regions(path) for side, path in atlas.items()}
        for side, path in atlas.items():
            # The vertices of a coarser average surface are the first of a finer one's.
            if len(labels[side]) not in _AVERAGE_SURFACES or len(labels[side]) < VERTICES[name]:
                raise EngramError(
                    f"'{path}' labels {len(labels[side])} vertices; {name} has {VERTICES[name]} "
                    "a hemisphere (an atlas of a finer fsaverage will do too). "
                    "Is dataset.atlas right?"
                )
            labels[side] = labels[side][: VERTICES[name]]
        kept = roi_sets.choose(
            regions, set(np.concatenate(list(labels.values()))) - {""}, "dataset.regions"
        )
        self._regions = {
            side: np.where(np.isin(names, sorted(kept)), names, "")
            for side, names in labels.items()
        }

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
            read_surface(path, self.name)[:, regions != ""]
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


def read_surface(path: Path, space: str) -> np.ndarray:
    """Read a scan's BOLD on one hemisphere: float32, of shape (n_trs, n_vertices)."""
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
    if values.shape[1] != VERTICES[space]:
        raise EngramError(
            f"'{path}' has {values.shape[1]} vertices; {space} has {VERTICES[space]} "
            "a hemisphere. Is dataset.space right?"
        )
    return values


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
