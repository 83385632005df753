"""Tables of feature spaces: what each covers, and its scores beside those of dealt values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from engram.files import storage
from engram.statistics import chance_table, columns, significance
from engram.statistics.reported_scores import by_area

if TYPE_CHECKING:
    import xarray as xr

#: Names of units, and words without a value, that a row names.
_NAMED = 12

FEATURES = (
    "What is laid over each story beside language models, and how much of the story it covers. "
    "Words without a value of their own have the story's mean."
)
FEATURES_COLUMNS = {
    "model": "Name of the feature space.",
    "kind": "Kind of the space (`features: {<name>: {kind: ...}}`).",
    "story": "Story.",
    "layers": "Layers, each scored by itself.",
    "units": "Units: numbers of a word.",
    "words": "Words of the story.",
    "known_words": "Words with a value of their own.",
    "coverage": "Share of words with a value of their own.",
    "types": "Different words of the story.",
    "known_types": "Different words with a value of their own.",
    "unit_names": f"What units are called, the first {_NAMED}; n/a where they have no names.",
    "without": f"Words without a value, the {_NAMED} most frequent; n/a where there are none.",
}


def features_table(
    files: Sequence[tuple[Mapping[str, str], str]],
    words: Mapping[str, str],
    kinds: Mapping[str, str],
) -> pd.DataFrame:
    """Return what each feature space covers of each story (the columns of `FEATURES_COLUMNS`).

    Parameters
    ----------
    files : sequence of (key, path)
        Spaces in the form of activations; keys have ``model`` and ``story``.
    words : mapping
        Paths of words tables by story.
    kinds : mapping
        Kind of each space.
    """
    rows = []
    for key, path in files:
        said = storage.read_words(words[key["story"]])["word"].str.casefold()
        with storage.open_dataset(path) as read:
            row = {"model": key["model"], "kind": kinds[key["model"]], "story": key["story"]}
            rows.append({**row, **_coverage(read, said)})
    return pd.DataFrame(rows, columns=list(FEATURES_COLUMNS))


def _coverage(read: xr.Dataset, words: pd.Series) -> dict[str, object]:
    known = read["known"].values.astype(bool)
    if "onset" in read.coords:  # rows are times: it covers all words
        known = np.ones(len(words), dtype=bool)
    names = read["unit"].values.tolist() if "unit" in read.coords else []
    without = Counter(words[~known])
    return {
        "layers": read.sizes["layer"],
        "units": read.sizes["unit"],
        "words": len(known),
        "known_words": int(known.sum()),
        "coverage": float(known.mean()),
        "types": words.nunique(),
        "known_types": words[known].nunique(),
        "unit_names": ", ".join(map(str, names[:_NAMED])) or None,
        "without": " ".join(word for word, _ in without.most_common(_NAMED)) or None,
    }


DEALS = (
    "R of feature spaces whose values belong to words, by region, beside R when the values are "
    "dealt to other words: by entry of the table, within bins of frequency and word class, in all "
    "stories alike; words without a value keep none. Everything is fitted anew. Corrected over the "
    "regions of a space by the maximum statistic. The test generalises to other assignments of "
    "these values to words, with these listeners and stories."
)
DEALS_COLUMNS = {
    "model": "Name of the feature space.",
    **columns.FIXED_LAYER,
    **columns.PLACE,
    "n_targets": "Targets that were scored: 1 where it is the region's mean time course.",
    **columns.N_LISTENERS,
    "n_stories": "Stories.",
    "entries": "Entries of the table that the stories have words of.",
    "dealt_entries": "Those that share a bin with another, and so can get its values.",
    "score": "Brain score R of these targets, mean over listeners.",
    **columns.interval("low", "high"),
    "null_mean": "Mean R over deals.",
    "null_sd": "Their standard deviation.",
    "null_95": "Their 95th percentile.",
    "effect": "R minus the mean over deals: what the values themselves add.",
    "effect_size": "The same over their standard deviation.",
    "detectable": (
        "Smallest R that would have been found with 80 % power before correction, from the spread "
        "of deals, taken as normal."
    ),
    "detectable_corrected": "The same after correction, were it in this region alone.",
    "n_deals": "Deals.",
    "smallest_p": "The smallest p that so many deals can give.",
    "p": "One-sided p: (1 + deals whose R reaches this one) / (1 + deals).",
    **columns.maximum("p", "the regions of this space", "deals"),
}


def deals_table(files: Mapping[str, Sequence[str]], seed: int) -> pd.DataFrame:
    """Return R of spaces beside R of their dealt values (the columns of `DEALS_COLUMNS`).

    Parameters
    ----------
    files : mapping
        By space, as `engram.encoding.dealt_scores.score_deals` made them, of all groups.
    seed : int
        Of the bootstrap.
    """
    rows = [row for model, paths in files.items() for row in _of_space(model, paths, seed)]
    return pd.DataFrame(rows, columns=list(DEALS_COLUMNS))


def _of_space(model: str, paths: Sequence[str], seed: int) -> Iterator[dict[str, object]]:
    read = [storage.open_dataset(path).load() for path in paths]
    r = np.concatenate([one["r"].values for one in read])
    null = sum(one.sizes["subject"] / len(r) * one["r_dealt"].values for one in read)
    corrected = chance_table.corrected(r, np.asarray(null))
    stories = {story for one in read for story in one["story"].values.tolist()}
    for number, area in enumerate(by_area(model, read[0])):
        score, mine = float(r[:, number].mean()), np.asarray(null)[:, number]
        low, high = significance.interval(r[:, number], seed)
        yield {
            **area,
            "n_listeners": len(r),
            "n_stories": len(stories),
            "entries": int(read[0].attrs["entries"]),
            "dealt_entries": int(read[0].attrs["movable"]),
            "score": score,
            "low": low,
            "high": high,
            "effect": score - float(mine.mean()),
            "n_deals": len(mine),
            **chance_table.against(score, mine),
            **{name: values[number] for name, values in corrected.items()},
        }
