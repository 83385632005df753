"""Word rate: the baseline that knows only how many words each TR holds."""

from __future__ import annotations

import numpy as np
import xarray as xr

from engram.features.vectors import to_dataset


def word_rate(n_words: int) -> xr.Dataset:
    """Return the baseline: one layer with one unit that is 1 for every word.

    So a TR holds its number of words.
    """
    result = to_dataset(np.ones((1, n_words, 1), dtype=np.float32))
    # The mean over a TR's words would say only whether there are any.
    result.attrs["words_to_trs"] = "sum"
    return result
