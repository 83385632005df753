"""Atlases in MNI space that nilearn downloads, in one form.

That is an image of numbered regions and a table of their names.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from engram.errors import EngramError
from engram.files.storage import atomic


def fetch(name: str, folder: Path) -> None:
    """Bring an atlas into a folder.

    It gets ``atlas.nii.gz``, and ``atlas.tsv`` with the columns index and name.

    Parameters
    ----------
    name : str
        One of harvard-oxford-cort, harvard-oxford-sub, aal, juelich, destrieux,
        schaefer-<number of parcels>.
    folder : Path

    Raises
    ------
    EngramError
        If it cannot be had.
    """
    from nilearn import image

    raw = folder / ".nilearn"
    raw.mkdir(parents=True, exist_ok=True)
    try:
        atlas = _fetcher(name)(data_dir=str(raw))
        loaded = image.load_img(atlas["maps"])
    except Exception as error:
        # Nilearn raises the errors of its HTTP library and of archives as they come.
        raise EngramError(
            f"the atlas '{name}' could not be downloaded by nilearn ({type(error).__name__}: "
            f"{str(error)[:200]}). Check the network and run again, or give an image and a table "
            "of your own (dataset.atlas)."
        ) from error
    with (
        atomic(folder / "atlas.tsv") as path,
        path.open("w", encoding="utf-8", newline="") as stream,
    ):
        writer = csv.writer(stream, delimiter="\t", lineterminator="\n")
        writer.writerow(["index", "name"])
        writer.writerows(_names(atlas, np.unique(np.rint(loaded.get_fdata()))))
    with atomic(folder / "atlas.nii.gz") as path:
        loaded.to_filename(path)


def _fetcher(name: str) -> Callable[..., Any]:
    from functools import partial

    from nilearn import datasets

    kind, _, detail = name.rpartition("-")
    if kind == "harvard-oxford":
        return partial(datasets.fetch_atlas_harvard_oxford, f"{detail}-maxprob-thr25-2mm")
    if kind == "schaefer":
        return partial(datasets.fetch_atlas_schaefer_2018, n_rois=int(detail))
    if name == "juelich":
        return partial(datasets.fetch_atlas_juelich, "maxprob-thr25-2mm")
    return {"aal": datasets.fetch_atlas_aal, "destrieux": datasets.fetch_atlas_destrieux_2009}[name]


def _names(atlas: Any, numbers: np.ndarray) -> list[tuple[int, str]]:
    """Return the number and name of every region.

    They come from nilearn's look-up table where it gives one, else from the labels in order.
    """
    table = atlas.get("lut")
    if table is not None:
        return [
            (int(number), str(name))
            for number, name in zip(table["index"], table["name"], strict=True)
        ]
    labels = [
        label.decode() if isinstance(label, bytes) else str(label) for label in atlas["labels"]
    ]
    return [(int(number), labels[int(number)]) for number in numbers if int(number) < len(labels)]
