"""Maps on the cortex: GIFTI files for each hemisphere.

Connectome Workbench and nilearn open them.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from engram.datasets.images.surfaces import VERTICES
from engram.errors import EngramError
from engram.files import storage
from engram.statistics.score_tables import mean_scores
from engram.vocabulary import AVERAGE, DEALT, ORIGINAL, RANDOM, WITH_ASSOCIATIONS

if TYPE_CHECKING:
    import xarray as xr

#: What the map of each listener's correlation with the others' mean is called.
INTER_SUBJECT = "inter-subject correlation"
_STRUCTURES = {"L": "CortexLeft", "R": "CortexRight"}


def score_maps(files: Sequence[str]) -> dict[str, np.ndarray]:
    """Return a model's scores, averaged over single listeners, by the name of the layer.

    Parameters
    ----------
    files : sequence of paths
        Scores of every group for one model and text.

    Returns
    -------
    dict of arrays of shape (n_targets, )
    """
    sums: dict[str, np.ndarray] = {}
    listeners = 0
    for path in files:
        with storage.open_dataset(path) as scores:
            single = scores["subject"].values != AVERAGE
            listeners += int(single.sum())
            for layer in range(scores.sizes["layer"]):
                name = layer_name(layer)
                sums[name] = sums.get(name, 0.0) + mean_scores(scores, layer)[single].sum(0)
    return {name: values / max(listeners, 1) for name, values in sums.items()}


#: Names of the maps of a text in their file.
ASSOCIATION, ASSOCIATION_NULL, ASSOCIATION_DIFFERENCE = "F", "F of null texts", "F minus null"


def association_maps(files: Sequence[str]) -> dict[str, np.ndarray]:
    """Return F at the reported layer, that of null texts, and the difference.

    They are means over single listeners, by name.

    Parameters
    ----------
    files : sequence of paths
        Scores of every group for one model and text
        (`engram.encoding.variant_scoring.score_variants`).

    Returns
    -------
    dict of arrays of shape (n_targets, )
    """
    import xarray as xr

    parts = []
    for path in files:
        with storage.open_dataset(path) as scores:
            r = scores["r_kind"].mean("story")[:, scores["subject"].values != AVERAGE]
            parts.append((r - r.sel(kind=ORIGINAL)).transpose("subject", "kind", "target"))
    f = xr.concat(parts, "subject").mean("subject")
    kind = DEALT if DEALT in f["kind"].values else RANDOM
    mine, null = (f.sel(kind=of).values for of in (WITH_ASSOCIATIONS, kind))
    return {ASSOCIATION: mine, ASSOCIATION_NULL: null, ASSOCIATION_DIFFERENCE: mine - null}


def layer_name(layer: int) -> str:
    """Return what the map of a layer is called in its file."""
    return f"layer {layer:02d}"


def ceiling_maps(files: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the ceilings of the average and of single listeners, and inter-subject correlation.

    They are averaged over stories (and listeners).
    """
    kinds = ("average listener", "single listeners", INTER_SUBJECT)
    parts: dict[str, list[np.ndarray]] = {kind: [] for kind in kinds}
    for path in files:
        with storage.open_dataset(path) as ceiling:
            parts["average listener"].append(ceiling["average"].values)
            parts["single listeners"].append(ceiling["single"].mean("subject").values)
            parts[INTER_SUBJECT].append(ceiling["loo"].mean("subject").values)
    # A story with fewer than four listeners has no ceilings: the mean is over the other stories.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return {name: np.nanmean(values, axis=0) for name, values in parts.items()}


def write_maps(
    paths: Mapping[str, str], maps: Mapping[str, np.ndarray], places: xr.Dataset, space: str
) -> None:
    """Write maps of targets as maps of vertices, NaN where there is no target.

    Parameters
    ----------
    paths : mapping
        Where each hemisphere's file goes (``.shape.gii``).
    maps : mapping
        Arrays of shape (n_targets, ), by name; each becomes an array of the file.
    places : xarray.Dataset
        Which vertices belong to which target, as `engram.bold.targets.vertex_map` makes it.
    space : {"fsaverage6", "fsaverage5"}
    """
    import nibabel
    from nibabel.gifti import GiftiDataArray, GiftiImage, GiftiMetaData

    for side, path in paths.items():
        arrays = [
            GiftiDataArray(
                _on_vertices(values, places, side, space),
                intent="NIFTI_INTENT_SHAPE",
                meta=GiftiMetaData({"Name": name}),
            )
            for name, values in maps.items()
        ]
        image = GiftiImage(
            meta=GiftiMetaData({"AnatomicalStructurePrimary": _STRUCTURES[side]}), darrays=arrays
        )
        with storage.atomic(path) as temporary:
            nibabel.save(image, temporary)


def _on_vertices(values: np.ndarray, places: xr.Dataset, side: str, space: str) -> np.ndarray:
    here = places["vertex_hemisphere"].values == side
    on_vertices = np.full(VERTICES[space], np.nan, dtype=np.float32)
    on_vertices[places["vertex_number"].values[here]] = values[places["vertex_target"].values[here]]
    return on_vertices


def region_maps(values: pd.Series, places: xr.Dataset, space: str) -> dict[str, np.ndarray]:
    """Return maps of regions' values, by hemisphere.

    All vertices of a region have its value, others NaN.

    Parameters
    ----------
    values : pandas.Series
        By hemisphere and region.
    places : xarray.Dataset
        Which vertices belong to which target, and targets to which region
        (a story's ceilings, say).
    space : {"fsaverage6", "fsaverage5"}

    Returns
    -------
    dict of arrays of shape (n_vertices, )
    """
    keys = pd.MultiIndex.from_arrays([places["hemisphere"].values, places["roi"].values])
    of_targets = values.reindex(keys).to_numpy(float)
    return {side: _on_vertices(of_targets, places, side, space) for side in _STRUCTURES}


def read_maps(path: str | Path, hemisphere: str) -> dict[str, np.ndarray]:
    """Return the maps of a file by name: float32, of shape (n_vertices, ).

    Raises
    ------
    EngramError
        If the file says that it is of the other hemisphere.
    """
    import nibabel

    image = nibabel.load(path)
    structure = image.meta.get("AnatomicalStructurePrimary")
    if structure != _STRUCTURES[hemisphere]:
        raise EngramError(
            f"'{path}' is a map of {structure}; expected is {_STRUCTURES[hemisphere]}. "
            "Delete it and run again: it is written again."
        )
    return {array.meta["Name"]: array.data for array in image.darrays}


def on_fsaverage5(values: np.ndarray) -> np.ndarray:
    """Return a map of fsaverage5 or fsaverage6 on fsaverage5.

    Its vertices are the first of fsaverage6's.
    """
    return values[: VERTICES["fsaverage5"]]
