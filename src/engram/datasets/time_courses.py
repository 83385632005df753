"""Time courses of targets: what every scan must fulfil, and z-scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engram.errors import EngramError

#: A mean of more deviations than this leaves single precision (1 part in 17 million) less than
#: three digits of a deviation.
_MOST_OFFSET = 1e4


def check_timeseries(
    values: np.ndarray, targets: list[str], name: str, subject: str, most_constant: float = 0.0
) -> np.ndarray:
    """Return the values; raise `EngramError` if a target has missing values.

    It is raised as well if more than a share of the targets does not vary.
    """
    if len(values) < 2:
        raise EngramError(f"{name}: {len(values)} rows. A time course has a row for each TR.")
    remedy = (
        f"Repair the file, or leave the listener out (dataset: exclude: {{'{subject}': reason}})"
    )
    bad = ~np.isfinite(values).all(axis=0)
    if bad.any():
        column = int(np.argmax(bad))
        row = int(np.argmax(~np.isfinite(values[:, column])))
        what = (
            "a missing value"
            if np.isnan(values[row, column])
            else "a number that is infinite or too large"
        )
        raise EngramError(
            f"{name}: target '{targets[column]}' has {what} in row {row} "
            f"(rows count from 0); {bad.sum()} of {len(targets)} targets are affected. "
            f"{remedy}, or take these targets out of the study (a folder of tables: "
            "out of targets.tsv and every file)."
        )
    refuse_constant(values, targets, name, subject, most_constant)
    return values


def mean_of_runs(
    runs: Sequence[np.ndarray], begins: Sequence[float], tr: float, slack_trs: int, name: str
) -> np.ndarray:
    """Return the mean of a listener's runs of one story, cut to the shortest.

    Parameters
    ----------
    runs : sequence of array of shape (n_trs, n_targets)
    begins : sequence of float
        When the story begins in each, or each in the story, in seconds.
    tr : float
        Seconds.
    slack_trs : int
        TRs that they may differ by.
    name : str
        For messages.

    Raises
    ------
    EngramError
        If they begin at times more than half a TR apart, or differ by more TRs.
    """
    if max(begins) - min(begins) > tr / 2:
        raise EngramError(
            f"{name}: the audio begins at {list(begins)} s in its runs, "
            "too different for a mean. Write 'runs: first'."
        )
    shortest = min(map(len, runs))
    if max(map(len, runs)) > shortest + slack_trs:
        raise EngramError(
            f"{name}: its runs have {[len(run) for run in runs]} TRs, "
            "too different to be averaged. Write 'runs: first'."
        )
    return np.stack([run[:shortest] for run in runs]).mean(0) if len(runs) > 1 else runs[0]


def refuse_constant(
    values: np.ndarray,
    targets: Sequence[str],
    name: str,
    subject: str,
    most_constant: float,
    where: str = "",
) -> np.ndarray:
    """Return which targets do not vary; raise `EngramError` if they are more than a share of all.

    Parameters
    ----------
    values : array of shape (n_rows, n_targets)
    targets : sequence of str
    name, subject : str
        The scan and the listener, for messages.
    most_constant : float
    where : str
        Which rows these are, for messages, where they are not all.

    Returns
    -------
    array of shape (n_targets, )
        Bool.
    """
    constant: np.ndarray = np.ptp(values, axis=0) == 0
    if constant.mean() > most_constant:
        column = int(np.argmax(constant))
        raise EngramError(
            f"{name}: target '{targets[column]}' is constant{where}; {constant.sum()} of "
            f"{len(targets)} targets are. A time course that does not vary cannot be predicted. "
            f"Repair the file, or leave the listener out (dataset: exclude: {{'{subject}': "
            "reason}), or take these targets out of the study (a folder of tables: "
            "out of targets.tsv and every file)."
        )
    return constant


def as_float32(values: np.ndarray) -> np.ndarray:
    """Return time courses or confounds in single precision.

    They are centred where their digits would be lost in it.

    Parameters
    ----------
    values : array of shape (n_rows, n_columns)
        Of any type. A column whose mean is more than 10,000 times its deviation would be rounded
        to steps that matter; its mean, which nothing depends on, is taken off before.

    Returns
    -------
    array of shape (n_rows, n_columns)
        Numbers that are too large become infinite.
    """
    if values.dtype == np.float32 or not len(values):
        return values.astype(np.float32, copy=False)
    # Missing values and those that are too large are the caller's to refuse.
    with np.errstate(over="ignore", invalid="ignore"):
        wide = values.astype(np.float64, copy=False)
        mean, deviation = wide.mean(0), wide.std(0)
        offset = np.where((np.abs(mean) > _MOST_OFFSET * deviation) & (deviation > 0), mean, 0)
        return (wide - offset if offset.any() else values).astype(np.float32)


def zscore(values: np.ndarray) -> np.ndarray:
    """Return the values with mean 0 and standard deviation 1 over rows (axis 0)."""
    centred = values - values.mean(0)
    deviation = centred.std(0)
    scaled: np.ndarray = centred / np.where(deviation == 0, 1, deviation)
    return scaled
