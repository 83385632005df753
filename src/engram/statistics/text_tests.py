"""Tests over texts: what a text with associations changes, beside what random texts change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from engram.statistics import significance
from engram.statistics.variant_effects import Effects
from engram.vocabulary import RANDOM, WITH_ASSOCIATIONS


def against_random(one: Effects, name: str, seed: int) -> Iterator[dict[str, Any]]:
    """Yield, for each region, what a text changes beside what random texts do.

    It comes with intervals and tests; p-values are uncorrected.

    Parameters
    ----------
    one : Effects
    name : str
        What the difference from the first variant is called: its columns begin with it.
    seed : int
        Of the bootstrap.
    """
    single = one.single
    difference = one.difference(WITH_ASSOCIATIONS)[single]
    above = difference - one.mean_difference(RANDOM)[single]
    null = np.stack([one.difference(text)[single].mean(0) for text in one.of_kind(RANDOM)])
    by_story = one.over_stimuli([WITH_ASSOCIATIONS], one.of_kind(RANDOM))
    for number, (hemisphere, roi, n_targets) in enumerate(one.regions):
        low, high = significance.interval(difference[:, number], seed)
        difference_low, difference_high = significance.interval(above[:, number], seed)
        yield {
            "layer": one.layer,
            "hemisphere": hemisphere,
            "roi": roi,
            "n_targets": n_targets,
            "n_listeners": int(single.sum()),
            "original": one.original[single, number].mean(),
            name: difference[:, number].mean(),
            f"{name}_low": low,
            f"{name}_high": high,
            f"{name}_random": null[:, number].mean(),
            f"{name}_minus_random": above[:, number].mean(),
            "difference_low": difference_low,
            "difference_high": difference_high,
            "n_random": len(null),
            "p_texts": significance.text_test(difference[:, number].mean(), null[:, number]),
            "smallest_p": 1 / (1 + len(null)),
            "detectable": significance.detectable(null[:, number]) if len(null) > 1 else np.nan,
            "p_listeners": significance.listener_test(above[:, number]),
            "effect_size": _over_spread(above[:, number].mean(), null[:, number]),
            "n_stories": len(by_story),
            "p_stories": significance.story_test(by_story[:, number]),
        }


def with_corrected(table: pd.DataFrame, family: Sequence[str]) -> pd.DataFrame:
    """Return a table of `against_random` with its p-values corrected within families too."""
    return table.assign(
        **{
            f"{name}_fdr": significance.corrected(table, name, family)
            for name in ("p_texts", "p_listeners", "p_stories")
        }
    )


def _over_spread(difference: float, null: np.ndarray) -> float:
    spread = null.std(ddof=1) if len(null) > 1 else 0.0
    return float(difference / spread) if spread > 0 else np.nan
