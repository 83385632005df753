"""Where a text's insertions stand among its null texts' in distance and surprisal."""

from __future__ import annotations

import numpy as np
import pandas as pd

from engram.features.variants import kind_of
from engram.statistics import columns
from engram.vocabulary import DEALT, RANDOM

INSERTIONS = (
    "How far insertions are from what was heard just before, and how surprising they are there, "
    "beside null texts. Both are reported and not matched: they belong to what is tested."
)
INSERTIONS_COLUMNS = {
    **columns.MODEL_AND_TEXT,
    "kind": "associations, or a kind of control text.",
    "n_texts": "Texts that were measured, the first ones of their kind.",
    "measure": (
        "distance: 1 minus the cosine between the mean input embeddings of content words of the "
        "insertion and of the story's 50 words before it, less the story's mean embedding; "
        "surprisal: bits a token, behind these words."
    ),
    "value": "Mean over insertions, stories and texts.",
    "null": "The kind of control texts that are the null.",
    "n_null": "Null texts that were measured.",
    "null_mean": "Mean over null texts.",
    "null_sd": "Their standard deviation.",
    "z": "Value minus mean, over standard deviation; n/a where null texts are all the same.",
    "null_below": "Share of null texts with a smaller value; n/a for the null itself.",
}


def insertion_table(measures: pd.DataFrame) -> pd.DataFrame:
    """Return where texts stand among their null texts (the columns of `INSERTIONS_COLUMNS`).

    Parameters
    ----------
    measures : pandas.DataFrame
        As `engram.associations.insertion_measures.measures_table` makes it, of all stories.
    """
    rows = []
    for (model, text), part in measures.groupby(["model", "text"], sort=False):
        kind = part["variant"].map(kind_of)
        null = DEALT if (kind == DEALT).any() else RANDOM
        for name in ("distance", "surprisal"):
            values = _over_stories(part, name)
            of_kind = values.groupby(kind_of, sort=False)
            of_null = values[[kind_of(variant) == null for variant in values.index]]
            spread = of_null.std() if len(of_null) > 1 else np.nan
            rows += [
                {
                    "model": model,
                    "text": text,
                    "kind": one,
                    "n_texts": len(own),
                    "measure": name,
                    "value": own.mean(),
                    "null": null,
                    "n_null": len(of_null),
                    "null_mean": of_null.mean(),
                    "null_sd": spread,
                    "z": (own.mean() - of_null.mean()) / spread if spread > 1e-12 else np.nan,
                    "null_below": np.nan if one == null else (of_null < own.mean()).mean(),
                }
                for one, own in of_kind
            ]
    return pd.DataFrame(rows, columns=list(INSERTIONS_COLUMNS))


def _over_stories(part: pd.DataFrame, name: str) -> pd.Series:
    """Return a measure of each text, mean over the insertions of all stories."""
    weighted = part[name] * part["insertions"]
    by_text = part["variant"]
    total: pd.Series = weighted.groupby(by_text, sort=False).sum(min_count=1)
    return total / part["insertions"].groupby(by_text, sort=False).sum()
