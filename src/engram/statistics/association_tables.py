"""Tables of the association effect F = R_mem - R: by region, control text, listener and layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from engram.associations.control_texts import CONTROLS
from engram.statistics import columns, maximum_statistic, significance, text_tests
from engram.statistics.text_tests import Found, Primary
from engram.statistics.variant_effects import by_layer, by_listener, null_texts
from engram.vocabulary import DEALT, ORIGINAL, RANDOM, WITH_ASSOCIATIONS

ASSOCIATION = (
    "Association effects F = R_mem - R at each model's reported layer, by region: "
    "the score of the story with associations written into it, minus that of the story alone, "
    "read in the same windows. Tested over texts: F of this text among the F of null texts, "
    "which have the same places and numbers of words, and content of other stories (random) or "
    "this text's words dealt anew (dealt); corrected over regions, texts and models by the maximum "
    "statistic. Tests over listeners generalise to other listeners of these texts, not to other "
    "texts or stories."
)
ASSOCIATION_COLUMNS = {
    **columns.MODEL_AND_TEXT,
    "written_by": "Who wrote them: manual (people), what kind of model, or which norms.",
    **columns.FIXED_LAYER,
    **columns.REGION,
    **columns.N_LISTENERS,
    "original": "R of the story alone, mean over listeners.",
    "F": "Association effect, mean over listeners.",
    **columns.interval("F_low", "F_high"),
    **columns.null_texts(""),
    "F_null": "F of null texts, mean over texts and listeners.",
    "F_minus_null": "F minus that.",
    **columns.interval("difference_low", "difference_high", of="the difference"),
    **columns.p_texts("that reach F"),
    **columns.detectable("F", "the null texts' mean"),
    **columns.p_listeners("texts", of="F minus that of null texts", how=columns.WITHIN_TEXT),
    "effect_size": "F minus that of null texts, over the standard deviation of null texts.",
    **columns.N_STORIES,
    **columns.p_stories(of="F minus that of null texts"),
    "F_shuffled": (
        "F of this text's associations at each other's places, mean over texts: insertions stand "
        "where they did, with the wrong content."
    ),
    "F_displaced": (
        "F of this text's associations 20 or more words away from their places: the right "
        "content, at the wrong time."
    ),
    "F_repeat": "F of repeated story text at the same places: mere extra text.",
    "F_passage": "F of what was just heard, in another order: about the passage, no association.",
    "F_cues": (
        "Of norms: F of responses to cues that are not in the story, as frequent and of the same "
        "parts of speech, at the same places."
    ),
    "F_average": "F of the average listener; in no test.",
}


def association_table(
    effects: Found, written_by: Mapping[str, str], seed: int, primary: Primary = None
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
    primary : mapping or None
        The text and the model that were named beforehand.
    """
    rows = []
    tests = text_tests.corrected(effects, primary)
    for (model, text), one in effects.items():
        means = {
            kind: one.mean_difference(kind) for kind in CONTROLS if kind not in (RANDOM, DEALT)
        }
        f = one.difference(WITH_ASSOCIATIONS)
        for number, row in enumerate(text_tests.against_null(one, tests[model, text], "F", seed)):
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
    return text_tests.with_fdr(pd.DataFrame(rows))[list(ASSOCIATION_COLUMNS)]


CONTROLS_TABLE = (
    "F of every control text, tested among the null texts as the text with associations is "
    "(a null text among the other null texts, of which a few always stand out: p is a rank). "
    "Corrected over the regions of this control text alone."
)
CONTROLS_COLUMNS = {
    **columns.MODEL_AND_TEXT,
    "variant": "The control and its number.",
    **columns.PLACE,
    "F": "Mean over listeners.",
    "p_texts": "One-sided p over texts.",
    **columns.maximum("p_texts", "the regions of this control text", "null texts"),
}


def controls_table(effects: Found) -> pd.DataFrame:
    """Return F of every control text with its test (the columns of `CONTROLS_COLUMNS`)."""
    rows: list[dict[str, Any]] = []
    for (model, text), one in effects.items():
        null = dict(zip(null_texts(one), text_tests.null_draws(one), strict=True))
        for variant in one.variants:
            if variant in (ORIGINAL, WITH_ASSOCIATIONS):
                continue
            f = one.difference(variant)[one.single].mean(0)
            others = np.reshape(
                [values for name, values in null.items() if name != variant], (-1, len(f))
            )
            corrected = maximum_statistic.corrected_p(f, others)
            for number, (hemisphere, roi, _) in enumerate(one.regions):
                rows.append(
                    {
                        "model": model,
                        "text": text,
                        "variant": variant,
                        "hemisphere": hemisphere,
                        "roi": roi,
                        "F": f[number],
                        "p_texts": significance.text_test(f[number], others[:, number]),
                        "p_texts_corrected": corrected[number],
                    }
                )
    return pd.DataFrame(rows, columns=list(CONTROLS_COLUMNS))


LISTENERS_TABLE = "F by listener, at each model's reported layer, beside the means of its controls."
LISTENERS_COLUMNS = {
    **columns.MODEL_AND_TEXT,
    **columns.SUBJECT,
    **columns.PLACE,
    "original": "R of the story alone.",
    "F": "Association effect.",
    **{f"F_{kind}": f"Mean over the {kind} texts." for kind in CONTROLS},
}


def listeners_table(effects: Found) -> pd.DataFrame:
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


def layers_table(effects: Found) -> pd.DataFrame:
    """Return F by layer (the columns of `LAYERS_COLUMNS`)."""
    rows = []
    for (model, text), one in effects.items():
        for subjects, layer, number, (original, with_text) in by_layer(one):
            hemisphere, roi, _ = one.regions[number]
            rows.append(
                (model, text, layer, subjects, hemisphere, roi, original, with_text - original)
            )
    return pd.DataFrame(rows, columns=list(LAYERS_COLUMNS))
