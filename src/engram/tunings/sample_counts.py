"""Counts of what a set of tuning samples holds, and their table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from engram.tunings.sample_overlap import most_alike
from engram.tunings.samples import Sample

#: What `counts` gives, in the order of tables.
_COUNTED = (
    "samples",
    "splits",
    "granularities",
    "instructions",
    "passages",
    "input_words",
    "output_words",
    "most_alike",
)
COUNTS = "What the samples of each tuning are."
COUNTS_COLUMNS = {
    "tuning": "Name of the tuning.",
    "count": (
        "What is counted; words are those between spaces; 'most alike share' is the largest share "
        "of 5-grams that two passages have in common."
    ),
    "value": "The number; for 'most alike lines' the two lines.",
}


def counts(samples: Sequence[Sample]) -> dict[str, Any]:
    """Return what a set holds, by split and granularity, and the two passages most alike.

    That is samples, instructions, passages, and words of inputs and outputs.
    """
    share, line, other = most_alike(samples)
    return {
        "samples": len(samples),
        "splits": dict(Counter(sample.split or "none" for sample in samples)),
        "granularities": dict(Counter(sample.granularity or "none" for sample in samples)),
        "instructions": len({sample.instruction for sample in samples}),
        "passages": len({sample.input for sample in samples}),
        "input_words": _lengths(sample.input for sample in samples),
        "output_words": _lengths(sample.output for sample in samples),
        "most_alike": {"share": round(share, 3), "lines": [line, other]},
    }


def _lengths(texts: Iterable[str]) -> dict[str, float]:
    lengths = [len(text.split()) for text in texts]
    return {"mean": round(float(np.mean(lengths)), 2), "min": min(lengths), "max": max(lengths)}


def counts_table(counted: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Return what sets hold, by the name of the tuning, from `counts`.

    The columns are those of `COUNTS_COLUMNS`.
    """
    rows = []
    for tuning, one in counted.items():
        for name in _COUNTED:
            value = one[name]
            parts = value.items() if isinstance(value, Mapping) else [("", value)]
            rows += [
                (tuning, f"{name} {part}".strip().replace("_", " "), f"{number}")
                for part, number in parts
            ]
    return pd.DataFrame(rows, columns=list(COUNTS_COLUMNS))
