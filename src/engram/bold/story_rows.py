"""Rows of a scan that a story covers.

Row k of a scan covers the time from ``start + k * tr`` to
``start + (k + 1) * tr`` of the story's clock.
"""

from __future__ import annotations

import numpy as np

#: Onsets this much (in rows) before a row's beginning count as in it: decimal times
#: are not exact in binary.
ROUNDING = 1e-6


def kept_rows(
    onsets: np.ndarray,
    offsets: np.ndarray,
    start: float,
    tr: float,
    n_trs: int,
    trim: int,
    tail: float,
) -> slice:
    """Return the rows of a scan that belong to the story.

    Parameters
    ----------
    onsets, offsets : array of shape (n_words, )
        Seconds on the story's clock.
    start : float
        Time of row 0 on the story's clock, in seconds.
    tr : float
        Seconds.
    n_trs : int
        Rows of the scan.
    trim : int
        Rows dropped from the scan's start.
    tail : float
        Seconds kept after the last word's offset.

    Returns
    -------
    slice
        From the row of the first word's onset (or `trim`, if later) to the last row that begins
        before the last offset plus `tail`; it may be empty.
    """
    first = int(np.floor((onsets.min() - start) / tr + ROUNDING))
    last = int(np.ceil((offsets.max() + tail - start) / tr - ROUNDING))
    begin = max(first, trim, 0)
    return slice(begin, max(begin, min(last, n_trs)))
