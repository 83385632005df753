"""Whether what an encoder learned in one language predicts listeners of another."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr

from engram.statistics import chance_table, columns, significance
from engram.statistics.reported_scores import by_area

TRANSFER = (
    "R of encoders that are fitted on listeners of one language and tested on those of another, by "
    "region, at each model's reported layer. Each section of the story is predicted from its text "
    "in the tested language by what the other sections taught in the other language. Chance: "
    "tested BOLD is shifted in time within each section, by 20 s or more and by the same distance "
    "for all listeners. Corrected over the regions of a model by the maximum statistic. The test "
    "generalises to other BOLD of these listeners with these sections."
)
TRANSFER_COLUMNS = {
    "model": "Model, or another feature space of both studies.",
    **columns.FIXED_LAYER,
    **columns.REGION_AS_SCORED,
    **columns.N_LISTENERS,
    "n_stories": "Sections.",
    "score": "R across languages, mean over sections, then listeners.",
    **columns.interval("low", "high"),
    "within": (
        "The same where the encoder is fitted on the other listeners of the tested language, on "
        "the other sections: what there is to transfer."
    ),
    "specific": "R within minus R across languages, mean over listeners.",
    **columns.interval("specific_low", "specific_high"),
    "null_mean": "Mean R across languages over shifts.",
    "null_95": "Their 95th percentile.",
    "n_shifts": "Shifts.",
    "p": "One-sided p: (1 + shifts whose R reaches this one) / (1 + shifts).",
    **columns.maximum("p", "the regions of this model", "shifts"),
}


def transfer_table(found: Mapping[str, xr.Dataset], seed: int) -> pd.DataFrame:
    """Return R across languages by region (the columns of `TRANSFER_COLUMNS`).

    Parameters
    ----------
    found : mapping
        By model, as `engram.encoding.across_languages.transferred` returns it.
    seed : int
        Of the bootstrap.
    """
    rows = []
    for model, one in found.items():
        across, within = (one[name].mean("story").values for name in ("r", "r_within"))
        null = one["r_shifted"].values
        corrected = chance_table.corrected(across, null)["p_corrected"]
        for number, area in enumerate(by_area(model, one)):
            mine, specific = across[:, number], within[:, number] - across[:, number]
            against = chance_table.against(float(mine.mean()), null[:, number])
            rows.append(
                {
                    **area,
                    "n_listeners": len(mine),
                    "n_stories": one.sizes["story"],
                    "score": mine.mean(),
                    **_ends("", mine, seed),
                    "within": within[:, number].mean(),
                    "specific": specific.mean(),
                    **_ends("specific_", specific, seed),
                    **{name: against[name] for name in ("null_mean", "null_95", "p")},
                    "n_shifts": len(null),
                    "p_corrected": corrected[number],
                }
            )
    return pd.DataFrame(rows, columns=list(TRANSFER_COLUMNS))


def _ends(prefix: str, values: np.ndarray, seed: int) -> dict[str, float]:
    low, high = significance.interval(values, seed)
    return {f"{prefix}low": low, f"{prefix}high": high}
