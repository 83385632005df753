"""Tables of the tuning effect M = (R_sft - R) / R: by region, tuned model, listener and layer.

Losses of the tunings have a table of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from engram.statistics import columns, maximum_statistic, significance, variant_effects
from engram.statistics.variant_effects import Effects
from engram.vocabulary import ASSOCIATION, TUNING_CONTROLS

Found = Mapping[tuple[str, str], Effects]


TUNING = (
    "Tuning effects at each model's reported layer, by region, on the stories as they were heard: "
    "the score R_sft of the model tuned to associate, minus that of the base model, and M, "
    "the same as a share of R. Controls are tuned on as many tokens in as many steps: shuffled, "
    "on other passages' associations; generic, on the passages' own continuations. Tested over "
    "seeds, corrected over the regions of a model and tuning by the maximum statistic; tests over "
    "listeners generalise to other listeners of these tuned models only."
)
TUNING_COLUMNS = {
    **columns.MODEL_AND_TUNING,
    "method": "lora, frozen (upper layers train) or full.",
    **columns.FIXED_LAYER,
    **columns.HEMISPHERE,
    "roi": "Region, or set of regions.",
    "n_targets": "Targets in it.",
    **columns.N_LISTENERS,
    "n_seeds": "Tuned models: seeds.",
    "original": "R of the base model, mean over listeners.",
    "difference": "R_sft - R, mean over seeds and listeners.",
    **columns.interval("difference_low", "difference_high"),
    "M": (
        "Difference over R, a ratio of means over listeners; read it beside null_sd, "
        "and not at all where R is near 0."
    ),
    **columns.interval("M_low", "M_high", of="the ratio"),
    "null_sd": (
        "Standard deviation of M over control tunings: how far M strays without association."
    ),
    "n_shuffled": "Control tunings on other passages' associations.",
    "difference_shuffled": "Their R minus R of the base model.",
    "M_shuffled": "The same over R.",
    "minus_shuffled": "Difference minus that of the shuffled.",
    **columns.interval("minus_shuffled_low", "minus_shuffled_high"),
    "p_shuffled": (
        "One-sided p over seeds: labels of tunings and shuffled controls permuted; "
        "n/a with fewer than four of either."
    ),
    "p_shuffled_corrected": (
        "The same, corrected over the regions of this model and tuning by the maximum statistic: "
        "the share of labellings, this one among them, whose largest standardised difference over "
        "regions reaches this one's; each region is standardised over all labellings."
    ),
    "n_generic": "Control tunings on the passages' own continuations.",
    "difference_generic": "Their R minus R of the base model.",
    "M_generic": "The same over R.",
    "minus_generic": "Difference minus that of the generic.",
    **columns.interval("minus_generic_low", "minus_generic_high"),
    "p_generic": "One-sided p over seeds, as above.",
    "p_generic_corrected": "The same, corrected as above.",
    "smallest_p": "The smallest p that so many seeds can give.",
    "effect_size": (
        "Difference minus that of all control tunings, over the standard deviation of seeds "
        "within conditions (pooled)."
    ),
    "detectable": (
        "Smallest difference above all control tunings that a test over these seeds would have "
        "found with 80 % power before correction (t test)."
    ),
    "detectable_corrected": (
        "Smallest difference above either kind of control tunings that the test over seeds would "
        "have found with 80 % power after correction, were it in this region alone; regions are "
        "taken as independent, which is the worst case; n/a where no size is enough."
    ),
    **columns.N_STORIES,
    **columns.p_stories(
        of="the difference minus that of all controls",
        how="for the regions of this model and tuning (Benjamini-Hochberg)",
    ),
    **columns.p_listeners("tuned models", of="the difference minus that of all controls"),
    "difference_average": "R_sft - R of the average listener; in no test.",
}


def tuning_table(effects: Found, methods: Mapping[str, str], seed: int) -> pd.DataFrame:
    """Return the tuning effects by region, with controls and tests.

    The columns are those of `TUNING_COLUMNS`.

    Parameters
    ----------
    effects : mapping
        By base model and tuning.
    methods : mapping
        By tuning.
    seed : int
        Of the bootstrap.
    """
    rows = []
    for (model, tuning), one in effects.items():
        corrected = _corrected(one)
        of_all = {"model": model, "tuning": tuning, "method": methods[tuning]}
        for number in range(len(one.regions)):
            p = {f"p_{kind}_corrected": values[number] for kind, values in corrected.items()}
            rows.append(of_all | _region_row(one, number, seed) | p)
    if not rows:
        return pd.DataFrame(columns=list(TUNING_COLUMNS))
    table = pd.DataFrame(rows)
    for name in ("p_listeners", "p_stories"):
        table[f"{name}_fdr"] = significance.corrected(table, name, ["model", "tuning"])
    return table[list(TUNING_COLUMNS)]


def _corrected(one: Effects) -> dict[str, np.ndarray]:
    """Return the p over seeds of each region, against each control, corrected over regions."""
    mine, *theirs = (_by_seed(one, kind) for kind in (ASSOCIATION, *TUNING_CONTROLS))
    few = significance.FEWEST_SEEDS
    return {
        kind: (
            maximum_statistic.seed_p(mine, controls)
            if min(len(mine), len(controls)) >= few
            else np.full(len(one.regions), np.nan)
        )
        for kind, controls in zip(TUNING_CONTROLS, theirs, strict=True)
    }


def _by_seed(one: Effects, kind: str) -> np.ndarray:
    """Return the difference of each seed of a kind, mean over listeners: (n_seeds, n_regions)."""
    seeds = [one.difference(name)[one.single].mean(axis=0) for name in one.of_kind(kind)]
    return np.reshape(seeds, (len(seeds), len(one.regions)))


def _region_row(one: Effects, number: int, seed: int) -> dict[str, Any]:
    hemisphere, roi, n_targets = one.regions[number]
    single = one.single
    original, mine = one.original[single, number], one.mean_difference(ASSOCIATION)[single, number]
    by_seed = {kind: _by_seed(one, kind)[:, number] for kind in (ASSOCIATION, *TUNING_CONTROLS)}
    controls = np.concatenate([by_seed[kind] for kind in TUNING_CONTROLS])
    n_controls = max(len(by_seed[kind]) for kind in TUNING_CONTROLS)
    row = {
        "layer": one.layer,
        "hemisphere": hemisphere,
        "roi": roi,
        "n_targets": n_targets,
        "n_listeners": int(single.sum()),
        "n_seeds": len(by_seed[ASSOCIATION]),
        "original": original.mean(),
        "difference": mine.mean(),
        **_ends("difference", significance.interval(mine, seed)),
        "M": mine.mean() / original.mean(),
        **_ends("M", significance.ratio_interval(mine, original, seed)),
        "null_sd": np.std(controls / original.mean(), ddof=1) if len(controls) > 1 else np.nan,
        "smallest_p": significance.smallest_seed_p(len(by_seed[ASSOCIATION]), n_controls),
        "p_listeners": np.nan,
        **_over_seeds(by_seed, len(one.regions)),
        "n_stories": len(one.r_stimulus),
        "p_stories": np.nan,
        "difference_average": (
            one.mean_difference(ASSOCIATION)[~single, number].mean() if (~single).any() else np.nan
        ),
    }
    for kind in TUNING_CONTROLS:
        theirs = one.mean_difference(kind)[single, number]
        row |= {
            f"n_{kind}": len(by_seed[kind]),
            f"difference_{kind}": theirs.mean(),
            f"M_{kind}": theirs.mean() / original.mean(),
            f"minus_{kind}": (mine - theirs).mean(),
            **_ends(f"minus_{kind}", significance.interval(mine - theirs, seed)),
            f"p_{kind}": significance.seed_test(by_seed[ASSOCIATION], by_seed[kind]),
        }
    if len(controls):
        both = np.mean(
            [
                one.difference(name)[single, number]
                for kind in TUNING_CONTROLS
                for name in one.of_kind(kind)
            ],
            axis=0,
        )
        row["p_listeners"] = significance.listener_test(mine - both)
        names = [name for kind in TUNING_CONTROLS for name in one.of_kind(kind)]
        row["p_stories"] = significance.story_test(
            one.over_stimuli(one.of_kind(ASSOCIATION), names)[:, number]
        )
    return row


def _over_seeds(by_seed: Mapping[str, np.ndarray], n_regions: int) -> dict[str, float]:
    """Return what the spread of seeds within conditions makes of the difference from controls.

    It is NaN with fewer than two of either.
    """
    tunings, controls = (
        by_seed[ASSOCIATION],
        np.concatenate([by_seed[kind] for kind in TUNING_CONTROLS]),
    )
    conditions = [values for values in by_seed.values() if len(values) > 1]
    if len(tunings) < 2 or len(controls) < 2 or not conditions:
        return dict.fromkeys(("effect_size", "detectable", "detectable_corrected"), np.nan)
    spread = float(
        np.sqrt(
            np.average(
                [values.var(ddof=1) for values in conditions],
                weights=[len(values) - 1 for values in conditions],
            )
        )
    )
    return {
        "effect_size": (tunings.mean() - controls.mean()) / spread if spread > 0 else np.nan,
        "detectable": significance.detectable_difference(spread, len(tunings), len(controls)),
        "detectable_corrected": spread * _detectable_spreads(by_seed, n_regions),
    }


def _detectable_spreads(by_seed: Mapping[str, np.ndarray], n_regions: int) -> float:
    """Return the smallest difference that is found after correction, in spreads of a seed.

    It is that against the kind of controls with fewer seeds, of those that are tested.
    """
    tunings = len(by_seed[ASSOCIATION])
    tested = [
        n
        for n in (len(by_seed[kind]) for kind in TUNING_CONTROLS)
        if min(n, tunings) >= significance.FEWEST_SEEDS
    ]
    if not tested:
        return np.nan
    return maximum_statistic.detectable_seed_spreads(tunings, min(tested), n_regions)


def _ends(name: str, interval: tuple[float, float]) -> dict[str, float]:
    return {f"{name}_low": interval[0], f"{name}_high": interval[1]}


MODELS_TABLE = (
    "Every tuned model, by region: what its seed alone does is the spread of a condition."
)
MODELS_COLUMNS = {
    **columns.MODEL_AND_TUNING,
    "condition": "association, shuffled or generic.",
    "seed": "Number of the seed.",
    **columns.PLACE,
    "difference": "R minus that of the base model, mean over listeners.",
    "M": "The same over R of the base model.",
}


def models_table(effects: Found) -> pd.DataFrame:
    """Return every tuned model's difference from its base (the columns of `MODELS_COLUMNS`)."""
    rows = []
    for (model, tuning), one in effects.items():
        original = one.original[one.single].mean(0)
        for name in one.variants[1:]:
            condition, _, seed = name.rpartition("-")
            difference = one.difference(name)[one.single].mean(0)
            for number, (hemisphere, roi, _) in enumerate(one.regions):
                rows.append(
                    (
                        model,
                        tuning,
                        condition,
                        int(seed),
                        hemisphere,
                        roi,
                        difference[number],
                        difference[number] / original[number],
                    )
                )
    return pd.DataFrame(rows, columns=list(MODELS_COLUMNS))


LISTENERS_TABLE = (
    "Tuning by listener, at each model's reported layer, beside the means of control tunings."
)
LISTENERS_COLUMNS = {
    **columns.MODEL_AND_TUNING,
    **columns.SUBJECT,
    **columns.PLACE,
    "original": "R of the base model.",
    "difference": "R_sft - R, mean over seeds.",
    **{f"difference_{kind}": f"Mean over the {kind} tunings." for kind in TUNING_CONTROLS},
}


def listeners_table(effects: Found) -> pd.DataFrame:
    """Return the differences by listener (the columns of `LISTENERS_COLUMNS`)."""
    parts = []
    for (model, tuning), one in effects.items():
        values = {"original": one.original, "difference": one.mean_difference(ASSOCIATION)}
        values |= {f"difference_{kind}": one.mean_difference(kind) for kind in TUNING_CONTROLS}
        parts.append(variant_effects.by_listener(one, values).assign(model=model, tuning=tuning))
    return pd.concat(parts, ignore_index=True)[list(LISTENERS_COLUMNS)]


LAYERS_TABLE = "Tuning by layer, of the first seed of each condition: a description, in no test."
LAYERS_COLUMNS = {
    **columns.MODEL_AND_TUNING,
    "condition": "association, shuffled or generic.",
    **columns.LAYER,
    **columns.SUBJECTS,
    **columns.PLACE,
    "original": "R of the base model.",
    "difference": "R minus that.",
    "M": "The same over R, a ratio of means.",
}


def layers_table(effects: Found) -> pd.DataFrame:
    """Return the differences by layer (the columns of `LAYERS_COLUMNS`)."""
    rows = []
    for (model, tuning), one in effects.items():
        for subjects, layer, number, values in variant_effects.by_layer(one):
            hemisphere, roi, _ = one.regions[number]
            original = values[0]
            for variant, value in zip(one.layer_variants[1:], values[1:], strict=True):
                condition = variant.rpartition("-")[0]
                rows.append(
                    (
                        model,
                        tuning,
                        condition,
                        layer,
                        subjects,
                        hemisphere,
                        roi,
                        original,
                        value - original,
                        (value - original) / original,
                    )
                )
    return pd.DataFrame(rows, columns=list(LAYERS_COLUMNS))


CURVES_TABLE = "Losses while models were tuned: nats per output token."
CURVES_COLUMNS = {
    **columns.MODEL_AND_TUNING,
    "condition": "association, shuffled or generic.",
    "seed": "Number of the seed.",
    "step": "Step.",
    "training": "Mean loss of the steps since the last line; n/a before the first.",
    "validation": "Loss on samples that no step trains on.",
    "trained_parameters": "Parameters that train.",
    "all_parameters": "Parameters of the model.",
    "trained_tokens": "Output tokens trained on in all: the same in every condition.",
}


def curves_table(cards: Mapping[tuple[str, str, str], Mapping[str, Any]]) -> pd.DataFrame:
    """Return the losses of every tuning (the columns of `CURVES_COLUMNS`), from its card.

    They are ordered by base model, tuning and variant.
    """
    rows = []
    for (model, tuning, variant), card in cards.items():
        condition, _, seed = variant.rpartition("-")
        common = {
            name: card[name] for name in ("trained_parameters", "all_parameters", "trained_tokens")
        }
        rows += [
            {
                "model": model,
                "tuning": tuning,
                "condition": condition,
                "seed": int(seed),
                **point,
                **common,
            }
            for point in card["curve"]
        ]
    return pd.DataFrame(rows)[list(CURVES_COLUMNS)]
