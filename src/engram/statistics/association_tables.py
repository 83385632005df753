"""The association score F = R_mem - R.

It is given by region and listener, beside its controls, and tested over texts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from engram.associations.control_texts import CONTROLS
from engram.statistics import columns, significance
from engram.statistics.variant_effects import Effects, by_layer, by_listener
from engram.vocabulary import ORIGINAL_TEXT, RANDOM, WITH_ASSOCIATIONS

ASSOCIATION = (
    "Association scores F = R_mem - R at each model's reported layer, by region: "
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
    "F": "Association score, mean over listeners.",
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


def against_random(one: Effects, name: str, seed: int) -> Iterator[dict[str, Any]]:
    """Yield, for each region, what a text changes beside what random texts do.

    It comes with intervals and tests; p-values are uncorrected.

    Parameters
    ----------
    one : Effects
    name : str
        What the difference from the first variant is called: its columns begin with it.
    seed : int
        Of the bootstrap.
    """
    single = one.single
    difference = one.difference(WITH_ASSOCIATIONS)[single]
    above = difference - one.mean_difference(RANDOM)[single]
    null = np.stack([one.difference(text)[single].mean(0) for text in one.of_kind(RANDOM)])
    by_story = one.over_stimuli([WITH_ASSOCIATIONS], one.of_kind(RANDOM))
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
            f"{name}_random": null[:, number].mean(),
            f"{name}_minus_random": above[:, number].mean(),
            "difference_low": difference_low,
            "difference_high": difference_high,
            "n_random": len(null),
            "p_texts": significance.text_test(difference[:, number].mean(), null[:, number]),
            "smallest_p": 1 / (1 + len(null)),
            "detectable": significance.detectable(null[:, number]) if len(null) > 1 else np.nan,
            "p_listeners": significance.listener_test(above[:, number]),
            "effect_size": _over_spread(above[:, number].mean(), null[:, number]),
            "n_stories": len(by_story),
            "p_stories": significance.story_test(by_story[:, number]),
        }


def with_corrected(table: pd.DataFrame, family: Sequence[str]) -> pd.DataFrame:
    """Return a table of `against_random` with its p-values corrected within families too."""
    return table.assign(
        **{
            f"{name}_fdr": significance.corrected(table, name, family)
            for name in ("p_texts", "p_listeners", "p_stories")
        }
    )


def _over_spread(difference: float, null: np.ndarray) -> float:
    spread = null.std(ddof=1) if len(null) > 1 else 0.0
    return float(difference / spread) if spread > 0 else np.nan


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
            if variant in (ORIGINAL_TEXT, WITH_ASSOCIATIONS):
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
    "F": "Association score.",
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
    "F": "Association score.",
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
