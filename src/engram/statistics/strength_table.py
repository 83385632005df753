"""Does F grow with the strength of associations? Strong and weak responses at the same places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from engram.errors import EngramError
from engram.statistics import columns, maximum_statistic, significance
from engram.statistics.variant_effects import Effects
from engram.vocabulary import DEALT, WITH_ASSOCIATIONS

STRENGTH = (
    "F of strong responses minus F of weak responses to the same cues at the same places, by "
    "region, at the reported layer. Tested over texts: the difference among those of dealt texts, "
    "in pairs by number, in which the same cues have the strong and the weak responses to "
    "the same other cues."
)
STRENGTH_COLUMNS = {
    "model": "Model.",
    "strong": "Text of strong responses.",
    "weak": "Text of weak responses.",
    **columns.FIXED_LAYER,
    **columns.REGION,
    **columns.N_LISTENERS,
    "F_strong": "F of strong responses, mean over listeners.",
    "F_weak": "F of weak responses.",
    "difference": "F of strong responses minus F of weak ones.",
    **columns.interval("difference_low", "difference_high"),
    "difference_dealt": "The same of dealt texts, mean over pairs.",
    "dealt_low": "Their 2.5 % quantile over pairs.",
    "dealt_high": "Their 97.5 % quantile.",
    "n_dealt": "Pairs of dealt texts.",
    "p_texts": "One-sided p over texts: (1 + pairs that reach the difference) / (1 + pairs).",
    **columns.maximum("p_texts", "the regions of this model and these two texts", "pairs"),
    "smallest_p": "The smallest p that so many pairs can give.",
    **columns.detectable("difference", "that of dealt texts"),
}


def strength_table(
    effects: Mapping[tuple[str, str], Effects], pairs: Sequence[Sequence[str]], seed: int
) -> pd.DataFrame:
    """Return F of strong minus F of weak responses (the columns of `STRENGTH_COLUMNS`).

    Parameters
    ----------
    effects : mapping
        By model and text.
    pairs : sequence of (strong, weak)
        Names of texts with the same places.
    seed : int
        Of the bootstrap.

    Raises
    ------
    EngramError
        If two texts do not have the same listeners, regions and dealt texts.
    """
    rows = []
    for model in dict.fromkeys(model for model, _ in effects):
        for strong, weak in pairs:
            above, below = effects[model, strong], effects[model, weak]
            _check_alike(above, below, f"{model}: '{strong}' and '{weak}'")
            for row in _rows(above, below, seed):
                rows.append({"model": model, "strong": strong, "weak": weak, **row})
    return pd.DataFrame(rows, columns=list(STRENGTH_COLUMNS))


def _rows(above: Effects, below: Effects, seed: int) -> list[dict[str, object]]:
    """Return the row of each region."""
    single = above.single
    strong, weak = (one.difference(WITH_ASSOCIATIONS)[single] for one in (above, below))
    null = np.stack(
        [
            (above.difference(name) - below.difference(name))[single].mean(0)
            for name in above.of_kind(DEALT)
        ]
    )
    observed = (strong - weak).mean(axis=0)
    p = maximum_statistic.corrected_p(observed, null)
    detectable = maximum_statistic.detectable(null)
    found = []
    for number, (hemisphere, roi, n_targets) in enumerate(above.regions):
        difference = (strong - weak)[:, number]
        low, high = significance.interval(difference, seed)
        dealt_low, dealt_high = np.quantile(null[:, number], (0.025, 0.975))
        found.append(
            {
                "layer": above.layer,
                "hemisphere": hemisphere,
                "roi": roi,
                "n_targets": n_targets,
                "n_listeners": int(single.sum()),
                "F_strong": strong[:, number].mean(),
                "F_weak": weak[:, number].mean(),
                "difference": observed[number],
                "difference_low": low,
                "difference_high": high,
                "difference_dealt": null[:, number].mean(),
                "dealt_low": dealt_low,
                "dealt_high": dealt_high,
                "n_dealt": len(null),
                "p_texts": significance.text_test(observed[number], null[:, number]),
                "p_texts_corrected": p[number],
                "smallest_p": 1 / (1 + len(null)),
                "detectable": significance.detectable(null[:, number]),
                "detectable_corrected": detectable[number],
            }
        )
    return found


def _check_alike(above: Effects, below: Effects, what: str) -> None:
    """Refuse scores that cannot be subtracted number by number."""
    for name, mine, others in (
        ("listeners", above.subjects, below.subjects),
        ("regions", above.regions, below.regions),
        ("dealt texts", above.of_kind(DEALT), below.of_kind(DEALT)),
    ):
        if mine != others or not mine:
            raise EngramError(
                f"{what} cannot be compared: {name} differ ({len(mine)} and {len(others)}). "
                "Score both anew."
            )
