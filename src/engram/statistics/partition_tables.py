"""Explained variance, parted: what each group of feature spaces explains alone, and what is shared.

Parts follow from the R squared of all sets of groups (`engram.encoding.partitions`), as the areas
of a Venn diagram follow from those of unions (Borcard, Legendre & Drapeau 1992, Ecology 73:1045).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from engram.bold.regions import regions_of
from engram.encoding.partitions import TOGETHER, subsets
from engram.files import storage
from engram.statistics import columns, significance
from engram.statistics.reported_scores import by_stimulus
from engram.vocabulary import AVERAGE

if TYPE_CHECKING:
    import xarray as xr

#: Kinds of rows: the R squared of all groups together, of each by itself, and the parts.
ALL, ALONE, UNIQUE, SHARED = "all", "alone", "unique", "shared"
#: Between the names of groups that share a part.
_AND = " & "

PARTITIONS = (
    "What groups of feature spaces explain of the BOLD, by region: R squared of banded ridge "
    "regression with a band for each group, on the rows and folds of R. Unique: what all groups "
    "explain minus what all but this one do. Shared: what these groups explain and no other does, "
    "whichever of them is asked. Unique and shared parts sum to what all groups explain. Parts "
    "below 0 are kept: one that is below 0 beyond its interval means that groups explain more "
    "together than apart, or that a group costs more than it explains. Tests over listeners "
    "generalise to other listeners of the same stories, those over stories to other stories."
)
PARTITIONS_COLUMNS = {
    "partition": "Name of the partition.",
    "kind": (
        "all: R squared of all groups together; alone: of one group by itself; unique: what only "
        "this group explains; shared: what several groups explain, each of them."
    ),
    "part": "The group, or the groups that share.",
    **columns.REGION_AS_SCORED,
    **columns.N_LISTENERS,
    **columns.N_STORIES,
    "r2": "Share of variance, mean over listeners.",
    **columns.interval("low", "high"),
    "share": "The same as a share of what all groups explain; n/a where that is not above 0.",
    "effect_size": "Mean over standard deviation of the listeners' shares of variance.",
    **columns.p_listeners(
        "stories",
        how="for the regions and parts of this partition and kind (Benjamini-Hochberg)",
    ),
    **columns.p_stories(),
}


def parts_of(explained: Mapping[str, np.ndarray]) -> dict[tuple[str, ...], np.ndarray]:
    """Return the part of each set of groups: what all of these explain, and no other group does.

    Parameters
    ----------
    explained : mapping
        R squared of each set of groups fitted together, by the names of its groups with `TOGETHER`
        between them; the set of all groups is the last one.

    Returns
    -------
    dict
        By the names of groups: unique parts of one, shared parts of several. They sum to the R
        squared of all groups.
    """
    names = list(explained)[-1].split(TOGETHER)
    whole = explained[TOGETHER.join(names)]

    def lost(some: tuple[str, ...]) -> np.ndarray:
        rest = [name for name in names if name not in some]
        return whole - explained[TOGETHER.join(rest)] if rest else whole

    # What is lost with a set is the sum of the parts of all sets inside it: Moebius inversion.
    return {
        part: np.sum(
            [(-1) ** (len(part) - len(some)) * lost(some) for some in subsets(part)], axis=0
        )
        for part in subsets(names)
    }


def partitions_table(files: Mapping[str, Sequence[str]], seed: int) -> pd.DataFrame:
    """Return the parts of each partition by region.

    The columns are those of `PARTITIONS_COLUMNS`.

    Parameters
    ----------
    files : mapping
        By partition, as `engram.encoding.partitions.score_partition` made them, of all groups of
        listeners.
    seed : int
        Of the bootstrap.
    """
    rows = []
    for partition, paths in files.items():
        read = [_of_listeners(storage.open_dataset(path).load()) for path in paths]
        regions = regions_of(read[0])
        found = [_parted(one) for one in read]
        whole = np.concatenate([one[ALL, ""].mean(0) for one in found]).mean(0)
        for kind, part in found[0]:
            # (listener, region), and (stimulus, region).
            values = np.concatenate([one[kind, part].mean(0) for one in found]).astype(float)
            by_story = by_stimulus(
                (story, mine)
                for one, parts in zip(read, found, strict=True)
                for story, mine in zip(one["story"].values.tolist(), parts[kind, part], strict=True)
            )
            for number, region in enumerate(regions):
                low, high = significance.interval(values[:, number], seed)
                mean = values[:, number].mean()
                rows.append(
                    {
                        "partition": partition,
                        "kind": kind,
                        "part": part or TOGETHER.join(_groups(read[0])),
                        **dict(zip(("hemisphere", "roi", "n_targets"), region, strict=True)),
                        "n_listeners": len(values),
                        "n_stories": len(by_story),
                        "r2": mean,
                        "low": low,
                        "high": high,
                        "share": mean / whole[number] if whole[number] > 0 else np.nan,
                        "effect_size": significance.effect_size(values[:, number]),
                        "p_listeners": significance.listener_test(values[:, number]),
                        "p_stories": significance.story_test(by_story[:, number]),
                    }
                )
    table = pd.DataFrame(
        rows, columns=[name for name in PARTITIONS_COLUMNS if not name.endswith("_fdr")]
    )
    for name in ("p_listeners", "p_stories"):
        table[f"{name}_fdr"] = significance.corrected(table, name, ["partition", "kind"])
    return table[list(PARTITIONS_COLUMNS)]


def _of_listeners(scores: xr.Dataset) -> xr.Dataset:
    names = [name for name in scores["subject"].values.tolist() if name != AVERAGE]
    return scores.sel(subject=names)


def _groups(scores: xr.Dataset) -> list[str]:
    last: str = scores["set"].values[-1]
    return last.split(TOGETHER)


def _parted(scores: xr.Dataset) -> dict[tuple[str, str], np.ndarray]:
    """Return all kinds of rows of a group of listeners: (story, subject, region) each."""
    r2 = scores["r2"].transpose("set", "story", "subject", "region").values.astype(np.float64)
    explained = dict(zip(scores["set"].values.tolist(), r2, strict=True))
    groups = _groups(scores)
    return dict(_rows(explained, groups))


def _rows(
    explained: Mapping[str, np.ndarray], groups: Sequence[str]
) -> Iterator[tuple[tuple[str, str], np.ndarray]]:
    yield (ALL, ""), explained[TOGETHER.join(groups)]
    for name in groups:
        yield (ALONE, name), explained[name]
    for part, values in parts_of(explained).items():
        yield (UNIQUE if len(part) == 1 else SHARED, _AND.join(part)), values
