"""Repeats: BOLD of each time that a listener heard the same story, for ceilings."""

from __future__ import annotations

import numpy as np
import xarray as xr

from engram.bold.cleaning import clean
from engram.bold.targets import region_means
from engram.datasets.protocols import Dataset, Repeated
from engram.datasets.time_courses import zscore
from engram.jobs.progress import progress

#: The largest 16-bit number.
_LARGEST = 32767


def repeated_bold(
    dataset: Dataset,
    story: str,
    subject: str,
    rows: slice,
    high_pass: float | None,
    regions: dict[tuple[str, str], np.ndarray] | None,
) -> xr.DataArray | None:
    """Return each repeat of a story, cleaned and cut as the scan that is scored.

    Parameters
    ----------
    dataset : Dataset
    story, subject : str
    rows : slice
        The rows that are kept.
    high_pass : float or None
        Hz; cosine drifts below are regressed out.
    regions : dict or None
        Rows of the table of targets by region, where the study takes their means.

    Returns
    -------
    xarray.DataArray or None
        (repeat, time, target), z-scored, in 16-bit numbers of steps; None where the dataset has no
        repeats of the story.
    """
    found = dataset.repeats(subject, story) if isinstance(dataset, Repeated) else None
    if found is None:
        return None
    step = np.float32(np.sqrt(rows.stop - rows.start) / _LARGEST)
    packed = []
    for number, raw in enumerate(progress(found, f"story {story}", "repeat")):
        name = f"sub-{subject}, story {story}, repeat {number + 1}"
        cleaned = zscore(clean(raw, None, dataset.tr, high_pass, name)[rows])
        if regions is not None:
            cleaned = zscore(region_means(cleaned, regions, name))
        packed.append(np.rint(np.clip(cleaned / step, -_LARGEST, _LARGEST)).astype(np.int16))
    return xr.DataArray(
        np.stack(packed),
        dims=("repeat", "time", "target"),
        attrs={"units": "standard deviations of each time course", "scale_factor": step},
    )
