"""BOLD: clean a scan, cut it to the story, and add the average listener."""

from __future__ import annotations

import logging
import warnings

import numpy as np
import pandas as pd
import xarray as xr

from engram import timing
from engram.datasets import Dataset
from engram.errors import EngramError
from engram.jobs import progress
from engram.names import AVERAGE

logger = logging.getLogger(__name__)

#: Scans of a story may differ by so many TRs; they are cut to the shortest.
SLACK_TRS = 5


def story_bold(
    dataset: Dataset,
    story: str,
    subjects: list[str],
    words: pd.DataFrame,
    *,
    confounds: bool,
    high_pass: float | None,
    targets: str,
    average: bool,
    trim: int,
    tail: float,
) -> xr.Dataset:
    """Return the BOLD of all listeners of a story, on the story's rows.

    Parameters
    ----------
    dataset : Dataset
    story : str
    subjects : list of str
    words : pandas.DataFrame
        The story's words, with onset and offset in seconds.
    confounds : bool
        Regress out the confounds that come with each scan.
    high_pass : float or None
        Cosine drift regressors below this frequency (Hz).
    targets : {"all", "roi"}
        `roi`: the mean time course over the targets of each region and hemisphere.
    average : bool
        Add the mean over listeners as one more listener, where there are two or more.
    trim, tail : int, float
        Rows dropped from the scan's start, and seconds kept after the last word.

    Returns
    -------
    xarray.Dataset
        ``bold`` (subject, time, target), float32, in standard deviations of each listener's time course; ``time`` is the
        beginning of each row on the story's clock, in seconds. Targets carry hemisphere, roi, and x, y, z where known.

    Raises
    ------
    EngramError
        If the story and the scans hardly overlap in time.
    """
    table = dataset.targets()
    regions: dict[tuple[str, str], np.ndarray] = table.groupby(["hemisphere", "roi"], sort=True).indices
    start = dataset.start(story)
    bold: np.ndarray | None = None
    lengths: dict[str, int] = {}
    first_row = 0
    with_average = average and len(subjects) > 1
    for number, subject in enumerate(progress(subjects, f"story {story}", "listener")):
        raw = dataset.timeseries(subject, story)
        rows = timing.kept_rows(words["onset"].to_numpy(), words["offset"].to_numpy(), start, dataset.tr, len(raw), trim, tail)
        _check_overlap(rows, words, start, dataset.tr, len(raw), story)
        cleaned = zscore(clean(raw, dataset.confounds(subject, story) if confounds else None, dataset.tr, high_pass)[rows])
        if targets == "roi":
            cleaned = zscore(_region_means(cleaned, regions))
        if bold is None:  # in memory once: a story of Narratives is gigabytes
            first_row = rows.start
            bold = np.empty((len(subjects) + with_average, *cleaned.shape), dtype=np.float32)
        lengths[subject] = len(cleaned)
        kept = min(len(cleaned), bold.shape[1])
        bold[number, :kept] = cleaned[:kept]
        bold = bold[:, :kept]
    if bold is None:
        raise EngramError(f"story {story} has no listeners.")
    _check_lengths(lengths, bold.shape[1], story)
    if targets == "roi":
        table = regions_table(table, regions)
    names = list(subjects)
    if with_average:
        bold[-1] = zscore(bold[:-1].mean(0))
        names.append(AVERAGE)
    times = start + dataset.tr * np.arange(first_row, first_row + bold.shape[1])
    coordinates = {name: ("target", table[name].to_numpy()) for name in table.columns if name != "target"}
    result = xr.Dataset(
        {"bold": (("subject", "time", "target"), bold, {"units": "standard deviations of each time course"})},
        coords={
            "subject": names,
            "time": ("time", times, {"units": "s", "description": "Beginning of the TR on the story's clock"}),
            "target": table["target"].to_numpy(),
            **coordinates,
        },
        attrs={"story": story, "tr": dataset.tr, "first_row": first_row},
    )
    logger.info(
        "story %s: %d listeners, rows %d to %d (%.1f to %.1f s), %d targets",
        story,
        len(subjects),
        first_row,
        first_row + len(times) - 1,
        times[0],
        times[-1] + dataset.tr,
        len(table),
    )
    return result


def clean(raw: np.ndarray, confounds: np.ndarray | None, tr: float, high_pass: float | None) -> np.ndarray:
    """Regress confounds and cosine drifts out of time courses and z-score them (nilearn).

    Parameters
    ----------
    raw : array of shape (n_trs, n_targets)
    confounds : array of shape (n_trs, n_confounds), optional
    tr : float
        Seconds.
    high_pass : float or None
        Hz; None: no drift regressors.

    Returns
    -------
    array of shape (n_trs, n_targets)
        Mean 0 and standard deviation 1 over rows.
    """
    from nilearn import signal
    from nilearn.glm.first_level.design_matrix import create_cosine_drift

    regressors = np.zeros((len(raw), 0)) if confounds is None else confounds
    if high_pass is not None:
        # Drifts join the confounds here: asked for both, nilearn leaves its own cosines out wherever a confound (such as
        # slow head motion) resembles one of them.
        regressors = np.column_stack([regressors, create_cosine_drift(high_pass, tr * np.arange(len(raw)))])
    regressors = regressors[:, np.ptp(regressors, axis=0) > 0].astype(np.float64)
    with warnings.catch_warnings():
        # nilearn announces another scale for confounds, on which what they explain does not depend.
        warnings.filterwarnings("ignore", "From release 0.14", DeprecationWarning)
        cleaned: np.ndarray = signal.clean(
            raw.astype(np.float64), detrend=False, standardize="zscore_sample", confounds=regressors if regressors.shape[1] else None, filter=False
        )
    return cleaned


def zscore(values: np.ndarray) -> np.ndarray:
    """Return the values with mean 0 and standard deviation 1 over rows (axis 0)."""
    centred = values - values.mean(0)
    deviation = centred.std(0)
    scaled: np.ndarray = centred / np.where(deviation == 0, 1, deviation)
    return scaled


def _region_means(values: np.ndarray, regions: dict[tuple[str, str], np.ndarray]) -> np.ndarray:
    return np.stack([values[:, index].mean(-1) for index in regions.values()], axis=-1)


def regions_table(table: pd.DataFrame, regions: dict[tuple[str, str], np.ndarray]) -> pd.DataFrame:
    """Return the table of targets when every region is one target: at the mean place of its members."""
    rows = []
    for (hemisphere, roi), index in regions.items():
        place = {name: float(table[name].to_numpy()[index].mean()) for name in ("x", "y", "z") if name in table.columns}
        rows.append({"target": f"{hemisphere}-{roi}", "hemisphere": hemisphere, "roi": roi, **place})
    return pd.DataFrame(rows)


def _check_lengths(lengths: dict[str, int], kept: int, story: str) -> None:
    """Say which scans were cut to the shortest; refuse when one is shorter than a few TRs' worth."""
    longest = max(lengths.values())
    short = {subject: n for subject, n in lengths.items() if n < longest}
    if longest - kept > SLACK_TRS:
        raise EngramError(
            f"story {story}: listeners have unequal numbers of TRs. Most rows: {longest}; fewer: {short}. Leave these listeners out "
            "(dataset: exclude: {subject: reason})."
        )
    if short:
        logger.warning("story %s: all listeners are cut to %d rows; shorter than %d: %s", story, kept, longest, short)


def _check_overlap(rows: slice, words: pd.DataFrame, start: float, tr: float, n_trs: int, story: str) -> None:
    end = start + n_trs * tr
    heard = float(((words["onset"] >= start - tr) & (words["onset"] < end)).mean())
    if rows.stop - rows.start < 2 or heard < 0.5:
        raise EngramError(
            f"story {story}: only {heard:.0%} of its words fall into the scan. The words run from {words['onset'].min():.1f} to "
            f"{words['offset'].max():.1f} s, the scan's {n_trs} rows from {start:.1f} to {end:.1f} s. Is dataset.start (the first row's time on "
            "the words' clock), dataset.tr, or the number of rows wrong?"
        )
    if heard < 0.98:
        logger.warning("story %s: %.1f %% of its words are outside the scan and do not count", story, 100 * (1 - heard))
