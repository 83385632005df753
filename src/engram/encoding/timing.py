"""From words to TRs: which row a word falls into, and the FIR design.

Definitions: row k of a scan covers the time from ``start + k * tr`` to ``start + (k + 1) * tr``
of the story's clock; a word belongs to the row that holds its onset; under delay d it acts on row
k + d. Nothing crosses a story's border.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engram.bold.story_rows import ROUNDING

#: Lobes of the Lanczos kernel on either side, in rows (Lanczos resampling as in the
#: voxelwise-modelling literature, e.g. Huth et al. 2016).
LANCZOS_LOBES = 3


def fir_delays(tr: float, longest: float, delays: Sequence[int] | None) -> list[int]:
    """Return the FIR delays in rows.

    They are those given, or 1 to the last whole row within `longest` seconds (at least 1).
    """
    if delays is not None:
        return list(delays)
    return list(range(1, max(1, int(np.floor(longest / tr + ROUNDING))) + 1))


def fold_gap(delays: Sequence[int], how: str) -> int:
    """Return how many rows next to a test block share words with it.

    They come from the last delay, and from the kernel's reach if any.
    """
    return max(delays) + (LANCZOS_LOBES if how == "lanczos" else 0)


def delayed_features(
    vectors: np.ndarray,
    onsets: np.ndarray,
    times: np.ndarray,
    tr: float,
    delays: Sequence[int],
    how: str = "sum",
) -> np.ndarray:
    """Return one story's design matrix.

    Parameters
    ----------
    vectors : array of shape (n_words, n_units)
        A vector for each word.
    onsets : array of shape (n_words, )
        Seconds on the story's clock.
    times : array of shape (n_rows, )
        Beginning of each row, in seconds on the same clock; rows follow each other at `tr`.
    tr : float
        Seconds.
    delays : sequence of int
        In rows.
    how : {"sum", "mean", "lanczos"}
        How the words of a row become its features.

    Returns
    -------
    array of shape (n_rows, n_delays * n_units)
        Float32, delay by delay. Words before the first row enter through their delays;
        where no word has been yet, features are 0.
    """
    row = np.floor((onsets - times[0]) / tr + ROUNDING).astype(int)
    first = min(int(row.min()), 0)  # the grid begins with the story, which may be before the scan
    n_rows = len(times)
    if how == "lanczos":
        centres = times[0] + (np.arange(first, n_rows) + 0.5) * tr
        grid = _lanczos((centres[:, None] - onsets[None, :]) / tr) @ vectors.astype(np.float32)
    else:
        grid = np.zeros((n_rows - first, vectors.shape[1]), dtype=np.float32)
        inside = row < n_rows
        np.add.at(grid, row[inside] - first, vectors[inside])
        if how == "mean":
            counts = np.bincount(row[inside] - first, minlength=len(grid))
            grid /= np.maximum(counts, 1)[:, None]
    design = np.zeros((n_rows, len(delays), vectors.shape[1]), dtype=np.float32)
    for index, delay in enumerate(delays):
        source = np.arange(n_rows) - delay - first
        has_source = source >= 0
        design[has_source, index] = grid[source[has_source]]
    return design.reshape(n_rows, -1)


def _lanczos(distance: np.ndarray) -> np.ndarray:
    """Return the Lanczos kernel at distances in rows, float32."""
    kernel = np.sinc(distance) * np.sinc(distance / LANCZOS_LOBES)
    return np.where(np.abs(distance) < LANCZOS_LOBES, kernel, 0.0).astype(np.float32)
