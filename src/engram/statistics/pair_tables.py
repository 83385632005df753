"""Table of minimal pairs: how often a model finds the right sentence more probable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from engram.features.minimal_pairs import ALL
from engram.files import storage

#: The columns of scored pairs that are text.
TEXT = {"good": str, "bad": str, "phenomenon": str}

SCORED = (
    "Minimal pairs with the log probability of both sentences for a causal model, each read by "
    "itself behind the token for the beginning of a text."
)
SCORED_COLUMNS = {
    "good": "The sentence that is right.",
    "bad": "The one that is not.",
    "phenomenon": "What they differ in.",
    "good_log_p": "Log probability of the right sentence: the sum over its tokens, natural log.",
    "bad_log_p": "The same of the other one.",
    "good_tokens": "Tokens of the right sentence that were predicted.",
    "bad_tokens": "Those of the other one.",
}
PAIRS = (
    "How often causal models find the right sentence of a minimal pair more probable, by "
    f"phenomenon; '{ALL}' is the mean over phenomena. A pair is decided by the sum of log "
    "probabilities over tokens, as in BLiMP; chance is 0.5, and a tie counts as wrong. Intervals "
    "take pairs as independent."
)
PAIRS_COLUMNS = {
    "model": "Model.",
    "series": "The series that it is a checkpoint of; n/a for other models.",
    "step": "Training steps; n/a for other models.",
    "phenomenon": f"What pairs differ in; '{ALL}': the mean over phenomena.",
    "n_pairs": "Pairs.",
    "accuracy": "Share of pairs whose right sentence is the more probable one (sum over tokens).",
    "low": "95 % interval (Wilson) over pairs; n/a for the mean over phenomena.",
    "high": "Its upper end.",
    "accuracy_of_means": "The same share where the mean over tokens decides.",
}


def pairs_table(
    files: Mapping[str, str], series: Mapping[str, Sequence[str | int]]
) -> pd.DataFrame:
    """Return how consistent models are (the columns of `PAIRS_COLUMNS`).

    Parameters
    ----------
    files : mapping
        Scored pairs by model (`SCORED_COLUMNS`).
    series : mapping
        Of checkpoints, the series and the step.
    """
    rows = [
        {"model": model, **_of_series(series.get(model)), **row}
        for model, path in files.items()
        for row in _of_model(storage.read_table(path, dtype=TEXT))
    ]
    return pd.DataFrame(rows, columns=list(PAIRS_COLUMNS))


def _of_series(found: Sequence[str | int] | None) -> dict[str, object]:
    return (
        {"series": None, "step": None}
        if found is None
        else dict(zip(("series", "step"), found, strict=True))
    )


def _of_model(pairs: pd.DataFrame) -> Iterator[dict[str, object]]:
    """Yield the mean over phenomena, and a row for each of them."""
    means = pairs["good_log_p"] / pairs["good_tokens"], pairs["bad_log_p"] / pairs["bad_tokens"]
    decided = pd.DataFrame(
        {
            "phenomenon": pairs["phenomenon"],
            "accuracy": (pairs["good_log_p"] > pairs["bad_log_p"]).astype(float),
            "accuracy_of_means": (means[0] > means[1]).astype(float),
        }
    )
    by_phenomenon = decided.groupby("phenomenon", sort=False)
    shares = by_phenomenon[["accuracy", "accuracy_of_means"]].mean()
    yield {
        "phenomenon": ALL,
        "n_pairs": len(pairs),
        **{name: float(value) for name, value in shares.mean().items()},
        "low": np.nan,
        "high": np.nan,
    }
    for phenomenon, part in by_phenomenon:
        low, high = _wilson(int(part["accuracy"].sum()), len(part))
        found = {name: float(value) for name, value in shares.loc[phenomenon].items()}
        about = {"phenomenon": phenomenon, "n_pairs": len(part)}
        yield {**about, **found, "low": low, "high": high}


def _wilson(right: int, pairs: int) -> tuple[float, float]:
    from scipy import stats

    found = stats.binomtest(right, pairs).proportion_ci(method="wilson")
    return float(found.low), float(found.high)
