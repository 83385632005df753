"""Tables of the association effect F = R_mem - R: by region, control text, listener and layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from engram.associations.control_texts import CONTROLS
from engram.statistics import columns, significance
from engram.statistics.text_tests import against_random, with_corrected
from engram.statistics.variant_effects import Effects, by_layer, by_listener
from engram.vocabulary import ORIGINAL, RANDOM, WITH_ASSOCIATIONS

ASSOCIATION = (
    "Association effects F = R_mem - R at each model's reported layer, by region: "
    "the score of the story with associations written into it, minus that of the story alone, "
    "read in the same windows. Tested over texts: F of this text among the F of random texts, "
    "which have the same places and numbers of words, and content of other stories. Tests over "
    "listeners generalise to other listeners of these texts, not to other texts or stories."
)
ASSOCIATION_COLUMNS = {
    **columns.MODEL_AND_TEXT,
    "written_by": "Who wrote them: manual (people), or what kind of model.",
    **columns.FIXED_LAYER,
    **columns.REGION,
    **columns.N_LISTENERS,
    "original": "R of the story alone, mean over listeners.",
    "F": "Association effect, mean over listeners.",
    **columns.interval("F_low", "F_high"),
    "F_random": "F of random texts, mean over texts and listeners.",
    "F_minus_random": "F minus that.",
    **columns.interval("difference_low", "difference_high", of="the difference"),
    "n_random": "Random texts.",
    **columns.p_texts("that reach F"),
    "smallest_p": "The smallest p that so many texts can give.",
    "detectable": (
        "Smallest F above the random texts' mean that would have been found with 80 % power."
    ),
    **columns.p_listeners("texts", of="F minus random"),
    "effect_size": "F minus that of random texts, over the standard deviation of random texts.",
    **columns.N_STORIES,
    **columns.p_stories(of="F minus random"),
    "F_shuffled": (
        "F of this text's associations at each other's places, mean over texts: insertions stand "
        "where they did, with the wrong content."
    ),
    "F_displaced": (
        "F of this text's associations 20 or more words away from their places: the right "
        "content, at the wrong time."
    ),
    "F_repeat": "F of repeated story text at the same places: mere extra text.",
    "F_average": "F of the average listener; in no test.",
}


def association_table(
    effects: Mapping[tuple[str, str], Effects], written_by: Mapping[str, str], seed: int
) -> pd.DataFrame:
    """Return F by region, with its controls and tests (the columns of `ASSOCIATION_COLUMNS`).

    Parameters
    ----------
    effects : mapping
        By model and text.
    written_by : mapping
        By text.
    seed : int
        Of the bootstrap.
    """
    rows = []
    for (model, text), one in effects.items():
        means = {kind: one.mean_difference(kind) for kind in CONTROLS if kind != RANDOM}
        f = one.difference(WITH_ASSOCIATIONS)
        for number, row in enumerate(against_random(one, "F", seed)):
            rows.append(
                {
                    "model": model,
                    "text": text,
                    "written_by": written_by[text],
                    **row,
                    **{
                        f"F_{kind}": mean[one.single, number].mean() for kind, mean in means.items()
                    },
                    "F_average": f[~one.single, number].mean() if (~one.single).any() else np.nan,
                }
            )
    return with_corrected(pd.DataFrame(rows), ["model", "text"])[list(ASSOCIATION_COLUMNS)]


CONTROLS_TABLE = (
    "F of every control text, tested among the random texts as the text with associations is "
    "(a random text among the other random ones)."
)
CONTROLS_COLUMNS = {
    **columns.MODEL_AND_TEXT,
    "variant": "The control and its number.",
    **columns.PLACE,
    "F": "Mean over listeners.",
    "p_texts": "One-sided p over texts.",
    **columns.corrected("p_texts", columns.WITHIN_TEXT),
}


def controls_table(effects: Mapping[tuple[str, str], Effects]) -> pd.DataFrame:
    """Return F of every control text with its test (the columns of `CONTROLS_COLUMNS`)."""
    rows: list[dict[str, Any]] = []
    for (model, text), one in effects.items():
        random = one.of_kind("random")
        null = {variant: one.difference(variant)[one.single].mean(0) for variant in random}
        for variant in one.variants:
            if variant in (ORIGINAL, WITH_ASSOCIATIONS):
                continue
            f = one.difference(variant)[one.single].mean(0)
            others = (
                np.stack([values for name, values in null.items() if name != variant])
                if len(null) > 1 or variant not in null
                else np.empty((0, len(f)))
            )
            for number, (hemisphere, roi, _) in enumerate(one.regions):
                p = significance.text_test(f[number], others[:, number])
                rows.append(
                    {
                        "model": model,
                        "text": text,
                        "variant": variant,
                        "hemisphere": hemisphere,
                        "roi": roi,
                        "F": f[number],
                        "p_texts": p,
                    }
                )
    table = pd.DataFrame(rows, columns=[name for name in CONTROLS_COLUMNS if name != "p_texts_fdr"])
    table["p_texts_fdr"] = significance.corrected(table, "p_texts", ["model", "text", "variant"])
    return table[list(CONTROLS_COLUMNS)]


LISTENERS_TABLE = "F by listener, at each model's reported layer, beside the means of its controls."
LISTENERS_COLUMNS = {
    **columns.MODEL_AND_TEXT,
    **columns.SUBJECT,
    **columns.PLACE,
    "original": "R of the story alone.",
    "F": "Association effect.",
    **{f"F_{kind}": f"Mean over the {kind} texts." for kind in CONTROLS},
}


def listeners_table(effects: Mapping[tuple[str, str], Effects]) -> pd.DataFrame:
    """Return F by listener (the columns of `LISTENERS_COLUMNS`)."""
    parts = []
    for (model, text), one in effects.items():
        values = {
            "original": one.original,
            "F": one.difference(WITH_ASSOCIATIONS),
            **{f"F_{kind}": one.mean_difference(kind) for kind in CONTROLS},
        }
        parts.append(by_listener(one, values).assign(model=model, text=text))
    return pd.concat(parts, ignore_index=True)[list(LISTENERS_COLUMNS)]


LAYERS_TABLE = (
    "F by layer: a description, in no test. At layer 0 it is 0 for models without learned "
    "positions; elsewhere what it is there comes from positions alone."
)
LAYERS_COLUMNS = {
    **columns.MODEL_AND_TEXT,
    **columns.LAYER,
    **columns.SUBJECTS,
    **columns.PLACE,
    "original": "R of the story alone.",
    "F": "Association effect.",
}


def layers_table(effects: Mapping[tuple[str, str], Effects]) -> pd.DataFrame:
    """Return F by layer (the columns of `LAYERS_COLUMNS`)."""
    rows = []
    for (model, text), one in effects.items():
        for subjects, layer, number, (original, with_text) in by_layer(one):
            hemisphere, roi, _ = one.regions[number]
            rows.append(
                (model, text, layer, subjects, hemisphere, roi, original, with_text - original)
            )
    return pd.DataFrame(rows, columns=list(LAYERS_COLUMNS))
