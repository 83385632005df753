"""The entries of a space in all stories of a study, and the deals among them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from engram.errors import EngramError
from engram.features import deals

#: Entries that other values can come to, at least: with fewer a deal is hardly another one.
FEWEST = 6


def dealt_space(
    read: Sequence[xr.Dataset],
    words: Sequence[pd.DataFrame],
    name: str,
    number: int,
    seed: int,
    frequency: str,
    language: str,
) -> xr.Dataset:
    """Return the values of a space by entry, and to which entry each deal gives them.

    Parameters
    ----------
    read : sequence of xarray.Dataset
        The space over each story of the study (`engram.features.space.Space`), with entries.
    words : sequence of pandas.DataFrame
        The words tables of the same stories.
    name : str
        Of the space.
    number, seed : int
    frequency : {"story", "column"}
        Whether bins go by how often an entry comes in the stories, or by `log_frequency`.
    language : str

    Returns
    -------
    xarray.Dataset
        ``values`` (layer, entry, unit), ``donor`` (deal, entry), ``bin`` (entry).

    Raises
    ------
    EngramError
        If too few entries share a bin with another, or the words have no `log_frequency`.
    """
    values = _by_entry(read)
    tokens = Counter(entry for one in read for entry in one["entry"].values.tolist())
    known = sorted(values)
    bin_of = deals.bins(
        [deals.word_class(entry, language) for entry in known],
        _frequencies(known, tokens, read, words, frequency),
    )
    movable = _movable(bin_of, name)
    return xr.Dataset(
        {
            "values": (
                ("layer", "entry", "unit"),
                np.stack([values[entry] for entry in known], axis=1),
                {"units": "arbitrary"},
            ),
            "donor": (
                ("deal", "entry"),
                deals.drawn_deals(bin_of, number, seed, name),
                {"description": "Index of the entry whose values an entry gets"},
            ),
            "bin": ("entry", bin_of, {"description": "Bin of frequency and word class"}),
        },
        coords={"entry": known},
        attrs={"movable": movable},
    )


def _by_entry(read: Sequence[xr.Dataset]) -> dict[str, np.ndarray]:
    """Return the values (n_layers, n_units) of each entry, as they were before centring."""
    values: dict[str, np.ndarray] = {}
    for one in read:
        own = one["activation"].values + one["mean"].values[:, None]
        for place, entry in enumerate(one["entry"].values.tolist()):
            if entry and entry not in values:
                values[entry] = own[:, place]
    return values


def _movable(bin_of: np.ndarray, name: str) -> int:
    """Return how many entries share a bin with another; refuse a space with hardly any."""
    movable = int(sum(size for size in np.bincount(bin_of) if size > 1))
    if movable < FEWEST:
        raise EngramError(
            f"features.{name}: {len(bin_of)} entries of its table are in the stories, and "
            f"{movable} share a bin of frequency and word class with another: there is nothing "
            "to deal. Write deals: 0, or take a larger table."
        )
    return movable


def _frequencies(
    known: Sequence[str],
    tokens: Counter[str],
    read: Sequence[xr.Dataset],
    words: Sequence[pd.DataFrame],
    frequency: str,
) -> np.ndarray:
    """Return how frequent each entry is: (n_entries, )."""
    if frequency == "story":
        return np.array([tokens[entry] for entry in known], dtype=float)
    if any("log_frequency" not in table for table in words):
        raise EngramError(
            "bins: column needs a column 'log_frequency' in the words table of every story "
            "(docs/data/tables.md). Write bins: story."
        )
    given = pd.concat(
        [
            pd.Series(table["log_frequency"].to_numpy(float), index=one["entry"].values)
            for one, table in zip(read, words, strict=True)
        ]
    )
    means = given.groupby(level=0).mean().reindex(list(known))
    return means.fillna(means.mean()).to_numpy()


def dealt_vectors(
    values: np.ndarray, known: Sequence[str], donor: np.ndarray, entries: Sequence[str]
) -> np.ndarray:
    """Return the vectors of a story's words under a deal, centred over those with an entry.

    Parameters
    ----------
    values : array of shape (n_entries, n_units)
    known : sequence of str
        Their entries.
    donor : array of shape (n_entries, )
        Of which entry each has the values.
    entries : sequence of str
        Of the story's words, "" for none.

    Returns
    -------
    array of shape (n_words, n_units)
        Float32.
    """
    place = {entry: number for number, entry in enumerate(known)}
    index = np.array([place.get(entry, -1) for entry in entries])
    has, result = index >= 0, np.zeros((len(index), values.shape[1]))
    own = values[donor[index[has]]]
    result[has] = own - own.mean(0)
    return result.astype(np.float32)
