"""BOLD of a story's listeners in 16-bit numbers, and as a dataset with named dimensions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from engram.datasets.time_courses import zscore

#: The largest 16-bit number.
_LARGEST = 32767


class PackedBold:
    """BOLD of a story's listeners, packed one listener at a time.

    All listeners are in memory once, as 16-bit numbers: a story of Narratives is gigabytes.
    Rows are counted on the clock of the first listener.

    Parameters
    ----------
    n_listeners : int
    with_average : bool
        Keep room for the average listener behind the others.
    rows : slice
        Rows of the first listener's BOLD.
    n_targets : int

    Attributes
    ----------
    has_average : bool
    begin, end : int
        The rows that all listeners so far have in common.
    step : numpy.float32
        What one step of the 16-bit numbers stands for: the z-score of one row among n is the
        square root of n at most, which gets the largest number.
    """

    def __init__(self, n_listeners: int, with_average: bool, rows: slice, n_targets: int) -> None:
        n_rows = rows.stop - rows.start
        self.begin, self.end, self._origin = rows.start, rows.stop, rows.start
        self.step = np.float32(np.sqrt(n_rows) / _LARGEST)
        self.has_average = with_average
        self._bold = np.zeros((n_listeners + with_average, n_rows, n_targets), dtype=np.int16)
        self._sum = np.zeros((n_rows, n_targets), dtype=np.float32)

    def add(self, number: int, values: np.ndarray, rows: slice) -> None:
        """Pack a listener's BOLD.

        Parameters
        ----------
        number : int
            The listener's place among the others.
        values : array of shape (n_rows, n_targets)
            z-scores.
        rows : slice
            Rows that these are.
        """
        self.begin, self.end = max(self.begin, rows.start), min(self.end, rows.stop)
        here = slice(self.begin - self._origin, self.end - self._origin)
        there = slice(self.begin - rows.start, self.end - rows.start)
        self._sum[here] += values[there]
        self._bold[number, here] = self._in_steps(values[there])

    def total(self) -> np.ndarray:
        """Return the sum over listeners, of shape (n_rows, n_targets), in their common rows."""
        return self._sum[self.begin - self._origin : self.end - self._origin]

    def packed(self) -> np.ndarray:
        """Return all listeners in their common rows, of shape (n_subjects, n_rows, n_targets).

        The average listener is the last one, where there is one.
        """
        bold = self._bold[:, self.begin - self._origin : self.end - self._origin]
        if self.has_average:
            bold[-1] = self._in_steps(zscore(self.total()))
        return bold

    def _in_steps(self, values: np.ndarray) -> np.ndarray:
        return np.rint(np.clip(values / self.step, -_LARGEST, _LARGEST))


def to_dataset(
    bold: np.ndarray,
    step: np.float32,
    subjects: Sequence[str],
    times: np.ndarray,
    targets: pd.DataFrame,
    attributes: dict[str, object],
) -> xr.Dataset:
    """Return BOLD (n_subjects, n_rows, n_targets), in numbers of steps.

    Its dimensions are named, and its targets described.
    """
    described = {
        name: ("target", targets[name].to_numpy())
        for name in targets.columns
        if name not in ("target", "vertex")
    }
    return xr.Dataset(
        {
            "bold": (
                ("subject", "time", "target"),
                bold,
                {"units": "standard deviations of each time course", "scale_factor": step},
            )
        },
        coords={
            "subject": list(subjects),
            "time": (
                "time",
                times,
                {"units": "s", "description": "Beginning of the TR on the story's clock"},
            ),
            "target": targets["target"].to_numpy(),
            **described,
        },
        attrs=attributes,
    )
