"""A story's words and BOLD, row by row, and their correlation by lag."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engram.datasets.roi_sets import members
from engram.encoding import timing
from engram.vocabulary import AVERAGE

if TYPE_CHECKING:
    import xarray as xr

#: Destrieux's labels of auditory cortex: Heschl's gyrus and sulcus, and the plane behind them.
AUDITORY = ("G_temp_sup-G_T_transv", "S_temporal_transverse", "G_temp_sup-Plan_tempo")
#: Lags of BOLD behind words, in seconds; the haemodynamic response peaks 4 to 6 s after its cause.
LAGS, EXPECTED = (-9.0, 18.0), (4.0, 6.0)


@dataclass(frozen=True)
class Course:
    """A story's words and BOLD, row by row.

    Attributes
    ----------
    story : str
    tr : float
        Seconds.
    times : array of shape (n_rows, )
        Beginning of each row, seconds on the story's clock.
    words : array of shape (n_rows, )
        Words with their onset in the row.
    bold : array of shape (n_rows, )
        Mean over targets of the average listener, in standard deviations.
    n_listeners, n_targets : int
        Behind the mean.
    auditory : bool
        Whether the targets are auditory cortex, or all there are.
    """

    story: str
    tr: float
    times: np.ndarray
    words: np.ndarray
    bold: np.ndarray
    n_listeners: int
    n_targets: int
    auditory: bool


def course(dataset: xr.Dataset, onsets: np.ndarray) -> Course:
    """Return a story's words and BOLD, row by row.

    Parameters
    ----------
    dataset : xarray.Dataset
        As `engram.bold.story_bold.story_bold` returns it.
    onsets : array of shape (n_words, )
        Seconds on the story's clock.
    """
    regions = dataset["roi"].values
    auditory = np.isin(regions, list(members(AUDITORY, set(regions))))
    index = np.flatnonzero(auditory) if auditory.any() else np.arange(len(regions))
    subjects = dataset["subject"].values
    whom = (
        dataset["bold"].sel(subject=AVERAGE)
        if AVERAGE in subjects
        else dataset["bold"].mean("subject")
    )
    mean = whom.isel(target=index).mean("target").values.astype(float)
    times, tr = dataset["time"].values, float(dataset.attrs["tr"])
    words = timing.delayed_features(np.ones((len(onsets), 1)), onsets, times, tr, [0])[:, 0]
    return Course(
        str(dataset.attrs["story"]),
        tr,
        times,
        words,
        mean,
        int((subjects != AVERAGE).sum()),
        len(index),
        bool(auditory.any()),
    )


def lagged(one: Course) -> tuple[np.ndarray, np.ndarray]:
    """Return lags in seconds and the correlation of BOLD with the words so much earlier.

    Both are (n_lags, ). The correlation is NaN where either is constant.
    """
    rows = np.arange(int(np.ceil(LAGS[0] / one.tr)), int(np.floor(LAGS[1] / one.tr)) + 1)
    rows = rows[np.abs(rows) < len(one.words) - 2]
    found = []
    for lag in rows.tolist():
        words = one.words[max(0, -lag) : len(one.words) - max(0, lag)]
        bold = one.bold[max(0, lag) : len(one.bold) - max(0, -lag)]
        found.append(np.corrcoef(words, bold)[0, 1] if np.ptp(words) and np.ptp(bold) else np.nan)
    return rows * one.tr, np.array(found)


def peak(one: Course) -> tuple[float, float] | None:
    """Return the lag of the highest correlation, in seconds, and that correlation.

    There is none where words or BOLD do not vary.
    """
    lags, r = lagged(one)
    if not np.isfinite(r).any():
        return None
    best = int(np.nanargmax(r))
    return float(lags[best]), float(r[best])
