"""The table of spaces: all that is scored beside each other, with the word rate as the baseline.

It is gathered from tables of scores, chance and comparisons, which say what each number is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from engram.statistics import columns
from engram.vocabulary import AVERAGE, ORIGINAL, WORD_RATE

#: In the place of a region: all targets.
ALL = "all"

SPACES = (
    "Everything that is scored, at its reported layer, by region and over all targets: R, R as a "
    "share of the noise ceiling, R minus that of the word rate, and p against chance. Gathered "
    "from scores.tsv, comparisons.tsv and chance.tsv. Tests over listeners generalise to other "
    "listeners of the same stories."
)
SPACES_COLUMNS = {
    "model": "What is scored: a language model, a feature space, or a baseline.",
    "kind": "Kind of the feature space, 'language model', or 'baseline'.",
    **columns.FIXED_LAYER,
    **columns.HEMISPHERE,
    "roi": "Region; 'all': all targets, each counting the same.",
    "n_targets": "Targets.",
    **columns.N_LISTENERS,
    "score": "Brain score R, mean over listeners and stories.",
    "ceiling": "Noise ceiling of a listener's R, mean over listeners; n/a where there is none.",
    "share": "R over the ceiling, both means over listeners.",
    "average": "R of the average listener; n/a without one.",
    "average_share": "The same over the average listener's ceiling.",
    "difference": "R minus R of the word rate, mean over listeners; n/a where that is not scored.",
    **columns.interval("low", "high"),
    "p_difference": "Two-sided p of the difference over listeners (Wilcoxon).",
    "p_difference_fdr": "The same, corrected over regions of this pair (Benjamini-Hochberg).",
    "p_chance": "One-sided p of R against circular shifts of BOLD; n/a over all targets.",
    "p_chance_corrected": "The same, corrected over regions by the maximum statistic.",
}
_AREA = ["hemisphere", "roi"]


def spaces_table(
    scores: pd.DataFrame,
    chance: pd.DataFrame,
    comparisons: pd.DataFrame,
    kinds: Mapping[str, str],
) -> pd.DataFrame:
    """Return everything that is scored beside each other (the columns of `SPACES_COLUMNS`).

    Parameters
    ----------
    scores : pandas.DataFrame
        Of `engram.statistics.score_tables`.
    chance : pandas.DataFrame
        Of `engram.statistics.chance_table`, which has the reported layers.
    comparisons : pandas.DataFrame
        Of `engram.statistics.comparisons`.
    kinds : mapping
        What each is, by its name.
    """
    layers = dict(zip(chance["model"], chance["layer"], strict=True))
    found = []
    for model, layer in layers.items():
        here = scores[
            (scores["model"] == model) & (scores["layer"] == layer) & (scores["text"] == ORIGINAL)
        ]
        mine = pd.concat([_by_area(here, _AREA), _by_area(here, [])])
        mine = mine.merge(_differences(comparisons, model), on=_AREA, how="left")
        tested = chance[chance["model"] == model].set_index(_AREA)[["p", "p_corrected"]]
        tested.columns = pd.Index(["p_chance", "p_chance_corrected"])
        mine = mine.merge(tested, left_on=_AREA, right_index=True, how="left")
        found.append(mine.assign(model=model, kind=kinds[model], layer=layer))
    return pd.concat(found)[list(SPACES_COLUMNS)].reset_index(drop=True)


def _by_area(scores: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Return scores and ceilings by region, or over all targets where `by` is empty."""
    single = scores["subject"] != AVERAGE
    parts = []
    for kind, rows in (("score", scores[single]), ("average", scores[~single])):
        # A mean over stories first, so that each listener counts once; targets count the same.
        each = rows.groupby(["subject", *_AREA], sort=False)[["score", "ceiling", "n_targets"]]
        listeners = each.mean().reset_index()
        found = [
            {
                **dict(zip(_AREA, area if by else ("B", ALL), strict=True)),
                "n_targets": int(part.groupby(_AREA)["n_targets"].first().sum()),
                "n_listeners": part["subject"].nunique(),
                kind: np.average(part["score"], weights=part["n_targets"]),
                f"{kind}_ceiling": np.average(part["ceiling"], weights=part["n_targets"]),
            }
            for area, part in (listeners.groupby(list(by), sort=False) if by else [("", listeners)])
            if len(part)
        ]
        names = [*_AREA, "n_targets", "n_listeners", kind, f"{kind}_ceiling"]
        parts.append(pd.DataFrame(found, columns=names))
    of_listeners, of_average = parts
    both = of_listeners.merge(
        of_average.drop(columns=["n_targets", "n_listeners"]), on=_AREA, how="left"
    )
    return both.rename(columns={"score_ceiling": "ceiling"}).assign(
        share=lambda table: table["score"] / table["ceiling"],
        average_share=lambda table: table["average"] / table["average_ceiling"],
    )


def _differences(comparisons: pd.DataFrame, model: str) -> pd.DataFrame:
    """Return how a model differs from the word rate, whichever of both was named first."""
    pairs = comparisons[comparisons["question"] == "models"]
    first = pairs[(pairs["a"] == model) & (pairs["b"] == WORD_RATE)]
    second = pairs[(pairs["b"] == model) & (pairs["a"] == WORD_RATE)]
    second = second.assign(
        difference=-second["difference"], low=-second["high"], high=-second["low"]
    )
    return pd.concat([first, second])[
        [*_AREA, "difference", "low", "high", "p_listeners", "p_listeners_fdr"]
    ].rename(columns={"p_listeners": "p_difference", "p_listeners_fdr": "p_difference_fdr"})
