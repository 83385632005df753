"""Tests over texts: what a text with associations changes, beside what null texts change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from engram.statistics import maximum_statistic, significance
from engram.statistics.variant_effects import Effects, null_kind, null_texts
from engram.vocabulary import WITH_ASSOCIATIONS

#: Effects of texts, by model and text.
Found = Mapping[tuple[str, str], Effects]
#: The text and the model whose test was named beforehand, as the configuration has them.
Primary = Mapping[str, str] | None
#: The families of tests.
PRIMARY, OTHERS, ALL = "primary", "others", "all"


@dataclass(frozen=True)
class Corrected:
    """Tests of a text that a model read, corrected for all that were made with them.

    Attributes
    ----------
    p, detectable : arrays of shape (n_regions, )
        Corrected p, and the effect above the null's mean that would have been found.
    family : str
        The family of tests.
    n_family : int
        How many tests there are in it: regions, texts and models.
    n_draws : int
        Draws of the null that all of them have.
    """

    p: np.ndarray
    detectable: np.ndarray
    family: str
    n_family: int
    n_draws: int


def statistic(one: Effects) -> np.ndarray:
    """Return the difference that the text makes, mean over single listeners: (n_regions, )."""
    result: np.ndarray = one.difference(WITH_ASSOCIATIONS)[one.single].mean(axis=0)
    return result


def null_draws(one: Effects) -> np.ndarray:
    """Return the same of each null text: (n_texts, n_regions)."""
    result: np.ndarray = np.stack(
        [one.difference(name)[one.single].mean(axis=0) for name in null_texts(one)]
    )
    return result


def families(found: Found, primary: Primary) -> dict[str, list[tuple[str, str]]]:
    """Return the models and texts of each family of tests.

    Regions of the text and model that were named beforehand are a family of their own; all others
    are corrected together.
    """
    named = (primary["model"], primary["text"]) if primary else None
    if named not in found:
        return {ALL: list(found)}
    others = [key for key in found if key != named]
    return {PRIMARY: [key for key in found if key == named], **({OTHERS: others} if others else {})}


def corrected(found: Found, primary: Primary = None) -> dict[tuple[str, str], Corrected]:
    """Return the tests of each text and model, corrected by the maximum statistic.

    A draw of the null is the null text of one number in all regions, of every text and model.
    Where texts have different numbers of them, the family has those that all have.

    Parameters
    ----------
    found : mapping
        By model and text.
    primary : mapping or None
        `text` and `model` that were named beforehand.
    """
    result = {}
    for family, keys in families(found, primary).items():
        nulls = [null_draws(found[key]) for key in keys]
        n_draws = min((len(null) for null in nulls), default=0)
        observed = np.concatenate([statistic(found[key]) for key in keys])
        null = np.concatenate([null[:n_draws] for null in nulls], axis=1)
        p = maximum_statistic.corrected_p(observed, null)
        detectable = maximum_statistic.detectable(null)
        first = 0
        for key in keys:
            mine = slice(first, first := first + len(found[key].regions))
            result[key] = Corrected(p[mine], detectable[mine], family, len(observed), n_draws)
    return result


def against_null(one: Effects, tests: Corrected, name: str, seed: int) -> Iterator[dict[str, Any]]:
    """Yield, for each region, what a text changes beside what null texts do.

    It comes with intervals and tests.

    Parameters
    ----------
    one : Effects
    tests : Corrected
        Of the same text and model.
    name : str
        What the difference from the first variant is called: its columns begin with it.
    seed : int
        Of the bootstrap.
    """
    single, kind = one.single, null_kind(one)
    difference = one.difference(WITH_ASSOCIATIONS)[single]
    above = difference - one.mean_difference(kind)[single]
    null = null_draws(one)
    by_story = one.over_stimuli([WITH_ASSOCIATIONS], one.of_kind(kind))
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
            "null": kind,
            f"{name}_null": null[:, number].mean(),
            f"{name}_minus_null": above[:, number].mean(),
            "difference_low": difference_low,
            "difference_high": difference_high,
            "n_null": len(null),
            "p_texts": significance.text_test(difference[:, number].mean(), null[:, number]),
            "smallest_p": 1 / (1 + len(null)),
            "detectable": significance.detectable(null[:, number]),
            "p_texts_corrected": tests.p[number],
            "detectable_corrected": tests.detectable[number],
            "family": tests.family,
            "n_family": tests.n_family,
            "n_draws": tests.n_draws,
            "p_listeners": significance.listener_test(above[:, number]),
            "effect_size": _over_spread(above[:, number].mean(), null[:, number]),
            "n_stories": len(by_story),
            "p_stories": significance.story_test(by_story[:, number]),
        }


def with_fdr(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of `against_null` with p-values over listeners and stories corrected too.

    A text's regions, read by a model, are a family of these.
    """
    return table.assign(
        **{
            f"{name}_fdr": significance.corrected(table, name, ["model", "text"])
            for name in ("p_listeners", "p_stories")
        }
    )


def _over_spread(difference: float, null: np.ndarray) -> float:
    spread = null.std(ddof=1) if len(null) > 1 else 0.0
    return float(difference / spread) if spread > 0 else np.nan
