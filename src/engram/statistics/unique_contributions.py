"""Tables of unique contributions: of language models and of associations.

A language model's is what it predicts beyond nuisance features; that of associations, what they
predict beyond nuisance features and the story alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from engram.encoding.nuisance.bands import LANGUAGE, RATE, WITH_LANGUAGE
from engram.files import storage
from engram.statistics import columns, significance, text_tests
from engram.statistics.reported_scores import by_area, by_stimulus
from engram.statistics.text_tests import Primary
from engram.statistics.variant_effects import read_effects
from engram.vocabulary import AVERAGE, SHUFFLED

if TYPE_CHECKING:
    import xarray as xr

ASSOCIATIONS = (
    "What associations predict beyond nuisance features and the story alone, at each model's "
    "reported layer, by region: banded ridge regression with a band for what the insertions "
    "change in the model's features, minus that without this band, on the same rows and folds. "
    "A band of no use costs or gains something by its size, so the same is done with null "
    "texts, which have the same places and numbers of words, and content of other stories (random) "
    "or this text's words dealt anew (dealt); what counts is the difference from these. Tested "
    "over texts, corrected over regions, texts and models by the maximum statistic. Tests over "
    "listeners generalise to other listeners of these texts, not to other texts or stories."
)
ASSOCIATIONS_COLUMNS = {
    **columns.MODEL_AND_TEXT,
    "beyond": "The nuisance features, beside which the story alone always stands.",
    **columns.FIXED_LAYER,
    **columns.REGION_AS_SCORED,
    **columns.N_LISTENERS,
    **columns.N_STORIES,
    "original": "R of the nuisance features and the story alone, mean over listeners.",
    "unique": "R with what the insertions change, minus that.",
    **columns.interval("unique_low", "unique_high"),
    **columns.null_texts(": `nuisance: {random_texts: ...}`, or all"),
    "unique_null": "The same of null texts, mean over texts and listeners.",
    "unique_minus_null": (
        "Unique contribution minus that of null texts: what only the associations predict."
    ),
    **columns.interval("difference_low", "difference_high", of="this difference"),
    **columns.p_texts("whose unique contribution reaches this one"),
    **columns.detectable("unique contribution", "the null texts' mean"),
    **columns.p_listeners("texts", of="the difference", how=columns.WITHIN_TEXT),
    "effect_size": "The difference over the standard deviation of null texts.",
    **columns.p_stories(of="the difference"),
    "unique_shuffled": (
        "Unique contribution of this text's associations at each other's places, mean over "
        "texts: insertions stand where they did, with the wrong content."
    ),
}


def associations_table(
    files: Mapping[tuple[str, str], Sequence[str]], seed: int, primary: Primary = None
) -> pd.DataFrame:
    """Return what associations predict beyond nuisance features and the story alone.

    The columns are those of `ASSOCIATIONS_COLUMNS`.

    Parameters
    ----------
    files : mapping
        By model and text, as `engram.encoding.nuisance.associations.score_associations`
        made them, of all groups.
    seed : int
        Of the bootstrap.
    primary : mapping or None
        The text and the model that were named beforehand.
    """
    rows = []
    found = {key: read_effects(paths) for key, paths in files.items()}
    tests = text_tests.corrected(found, primary)
    for (model, text), one in found.items():
        beyond = storage.open_dataset(files[model, text][0]).attrs["nuisance"]
        shuffled = one.mean_difference(SHUFFLED)[one.single].mean(0)
        for number, row in enumerate(
            text_tests.against_null(one, tests[model, text], "unique", seed)
        ):
            rows.append(
                {
                    "model": model,
                    "text": text,
                    "beyond": beyond,
                    **row,
                    "unique_shuffled": shuffled[number],
                }
            )
    return text_tests.with_fdr(pd.DataFrame(rows))[list(ASSOCIATIONS_COLUMNS)]


NUISANCE = (
    "What language models predict beyond nuisance features, at each model's reported layer, "
    "by region: banded ridge regression with all bands, minus that with the nuisance bands alone, "
    "on the same rows and folds. Tests over listeners generalise to other listeners of the same "
    "stories, those over stories to other stories. Confounds such as head motion were regressed "
    "out of the BOLD before."
)
NUISANCE_COLUMNS = {
    "model": "Model.",
    "beyond": "The nuisance features: the word rate alone, or all.",
    "layer": "Reported layer.",
    **columns.REGION_AS_SCORED,
    **columns.N_LISTENERS,
    **columns.N_STORIES,
    "language": "R of the language model alone, with the same solver; mean over listeners.",
    "nuisance": "R of the nuisance features alone.",
    "both": "R of both.",
    "unique": (
        "R of both minus that of the nuisance features: what only the language model predicts."
    ),
    **columns.interval("low", "high"),
    "effect_size": "Mean over standard deviation of the listeners' unique contributions.",
    "detectable": (
        "Smallest unique contribution, either way, that a test over these listeners would have "
        "found with 80 % power (normal approximation)."
    ),
    **columns.p_listeners(
        "stories",
        how="for the regions of this model and these features (Benjamini-Hochberg)",
    ),
    **columns.p_stories(),
}


def nuisance_table(files: Mapping[str, Sequence[str]], seed: int) -> pd.DataFrame:
    """Return what language models predict beyond nuisance features.

    The columns are those of `NUISANCE_COLUMNS`.

    Parameters
    ----------
    files : mapping
        By model, as `engram.encoding.nuisance.language.score_language` made them, of all groups.
    seed : int
        Of the bootstrap.
    """
    rows = []
    for model, paths in files.items():
        read = [storage.open_dataset(path).load() for path in paths]
        one = read[0]
        listeners = [
            part.sel(subject=[name for name in part["subject"].values.tolist() if name != AVERAGE])
            for part in read
        ]
        # (features, subject, region).
        r = np.concatenate([part["r"].mean("story").values for part in listeners], axis=1)
        sets = one["features"].values.tolist()
        for beyond in (name for name in sets if name + WITH_LANGUAGE in sets):
            unique_by_story = _by_story(listeners, beyond)
            alone, both = r[sets.index(beyond)], r[sets.index(beyond + WITH_LANGUAGE)]
            for number, area in enumerate(by_area(model, one)):
                unique = (both - alone)[:, number].astype(float)
                low, high = significance.interval(unique, seed)
                rows.append(
                    {
                        **area,
                        "beyond": RATE if beyond == RATE else one.attrs["nuisance"],
                        "n_listeners": len(unique),
                        "n_stories": len(unique_by_story),
                        "language": r[sets.index(LANGUAGE), :, number].mean(),
                        "nuisance": alone[:, number].mean(),
                        "both": both[:, number].mean(),
                        "unique": unique.mean(),
                        "low": low,
                        "high": high,
                        "effect_size": significance.effect_size(unique),
                        "detectable": significance.detectable_mean(unique),
                        "p_listeners": significance.listener_test(unique),
                        "p_stories": significance.story_test(unique_by_story[:, number]),
                    }
                )
    table = pd.DataFrame(
        rows, columns=[name for name in NUISANCE_COLUMNS if not name.endswith("_fdr")]
    )
    for name in ("p_listeners", "p_stories"):
        table[f"{name}_fdr"] = significance.corrected(table, name, ["model", "beyond"])
    return table[list(NUISANCE_COLUMNS)]


def _by_story(read: Sequence[xr.Dataset], beyond: str) -> np.ndarray:
    """Return the unique contribution in each stimulus, (n_stimuli, n_regions).

    It is the mean over those who heard it.
    """
    pairs: list[tuple[str, np.ndarray]] = []
    for one in read:
        unique = (
            (one["r"].sel(features=beyond + WITH_LANGUAGE) - one["r"].sel(features=beyond))
            .transpose("story", "subject", "region")
            .values
        )
        pairs += zip(one["story"].values.tolist(), unique, strict=True)
    return by_stimulus(pairs)
