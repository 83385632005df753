"""What language models predict beyond nuisance features, and associations beyond both.

Here are the tables of their unique contributions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from engram.encoding.nuisance.bands import LANGUAGE, RATE, WITH_LANGUAGE
from engram.files import storage
from engram.statistics import significance
from engram.statistics.association_tables import against_random, with_corrected
from engram.statistics.reported_scores import by_area, stimulus_stories
from engram.statistics.variant_effects import read_effects
from engram.vocabulary import AVERAGE, SHUFFLED

TABLE = (
    "What language models predict beyond nuisance features, at each model's reported layer, "
    "by region: banded ridge regression with all bands, minus that with the nuisance bands alone, "
    "on the same rows and folds. Tests over listeners generalise to other listeners of the same "
    "stories, those over stories to other stories. Confounds such as head motion were regressed "
    "out of the BOLD before."
)
COLUMNS = {
    "model": "Model.",
    "beyond": "The nuisance features: the word rate alone, or all.",
    "layer": "Reported layer.",
    "hemisphere": "L, R, or B (both, or neither).",
    "roi": "Region.",
    "n_targets": "Targets in the region, as they were scored.",
    "n_listeners": "Listeners; 'average' is not among them.",
    "n_stories": "Stories, versions of one counted as one.",
    "language": "R of the language model alone, with the same solver; mean over listeners.",
    "nuisance": "R of the nuisance features alone.",
    "both": "R of both.",
    "unique": (
        "R of both minus that of the nuisance features: what only the language model predicts."
    ),
    "low": "95 % bootstrap interval (BCa) over listeners.",
    "high": "Its upper end.",
    "effect_size": "Mean over standard deviation of the listeners' unique contributions.",
    "detectable": (
        "Smallest unique contribution, either way, that a test over these listeners would have "
        "found with 80 % power (normal approximation)."
    ),
    "p_listeners": (
        "Two-sided p over listeners (Wilcoxon): holds for other listeners of these stories only."
    ),
    "p_listeners_fdr": (
        "The same, corrected for the regions of this model and these features (Benjamini-Hochberg)."
    ),
    "p_stories": "Two-sided p over stories (Wilcoxon); n/a with fewer than six.",
    "p_stories_fdr": "The same, corrected as above.",
}

ASSOCIATIONS = (
    "What associations predict beyond nuisance features and the story alone, at each model's "
    "reported layer, by region: banded ridge regression with a band for what the insertions "
    "change in the model's features, minus that without this band, on the same rows and folds. "
    "A band of no use costs or gains something by its size, so the same is done with random "
    "texts, which have the same places and numbers of words, and content of other stories; "
    "what counts is the difference from these. Tested over texts. Tests over listeners generalise "
    "to other listeners of these texts, not to other texts or stories."
)
ASSOCIATIONS_COLUMNS = {
    "model": "Model.",
    "text": "Name of the associations.",
    "beyond": "The nuisance features, beside which the story alone always stands.",
    "layer": "Layer, fixed beforehand.",
    "hemisphere": "L, R, or B (both, or neither).",
    "roi": "Region.",
    "n_targets": "Targets in the region, as they were scored.",
    "n_listeners": "Listeners; 'average' is not among them.",
    "n_stories": "Stories, versions of one counted as one.",
    "original": "R of the nuisance features and the story alone, mean over listeners.",
    "unique": "R with what the insertions change, minus that.",
    "unique_low": "95 % bootstrap interval (BCa) over listeners.",
    "unique_high": "Its upper end.",
    "unique_random": "The same of random texts, mean over texts and listeners.",
    "unique_minus_random": (
        "Unique contribution minus that of random texts: what only the associations predict."
    ),
    "difference_low": "95 % bootstrap interval (BCa) of this difference over listeners.",
    "difference_high": "Its upper end.",
    "n_random": "Random texts: `nuisance: {random_texts: ...}`, or all.",
    "p_texts": (
        "One-sided p over texts: (1 + random texts whose unique contribution reaches this "
        "one) / (1 + random texts)."
    ),
    "p_texts_fdr": (
        "The same, corrected for the regions of this text and model (Benjamini-Hochberg)."
    ),
    "smallest_p": "The smallest p that so many texts can give.",
    "detectable": (
        "Smallest unique contribution above the random texts' mean that would have been "
        "found with 80 % power."
    ),
    "p_listeners": (
        "Two-sided p over listeners (Wilcoxon) of the difference: holds for other "
        "listeners of these texts only."
    ),
    "p_listeners_fdr": "The same, corrected as above.",
    "effect_size": "The difference over the standard deviation of random texts.",
    "p_stories": "Two-sided p over stories (Wilcoxon) of the difference; n/a with fewer than six.",
    "p_stories_fdr": "The same, corrected as above.",
    "unique_shuffled": (
        "Unique contribution of this text's associations at other places, mean over texts: "
        "what is wrong, when is right."
    ),
}


def associations_table(files: Mapping[tuple[str, str], Sequence[str]], seed: int) -> pd.DataFrame:
    """Return what associations predict beyond nuisance features and the story alone.

    The columns are those of `ASSOCIATIONS_COLUMNS`.

    Parameters
    ----------
    files : mapping
        By model and text, as `engram.encoding.nuisance.associations.score_associations`
        made them, of all groups.
    seed : int
        Of the bootstrap.
    """
    rows = []
    for (model, text), paths in files.items():
        one, beyond = read_effects(paths), storage.open_dataset(paths[0]).attrs["nuisance"]
        shuffled = one.mean_difference(SHUFFLED)[one.single].mean(0)
        for number, row in enumerate(against_random(one, "unique", seed)):
            rows.append(
                {
                    "model": model,
                    "text": text,
                    "beyond": beyond,
                    **row,
                    "unique_shuffled": shuffled[number],
                }
            )
    return with_corrected(pd.DataFrame(rows), ["model", "text"])[list(ASSOCIATIONS_COLUMNS)]


def nuisance_table(files: Mapping[str, Sequence[str]], seed: int) -> pd.DataFrame:
    """Return what language models predict beyond nuisance features (the columns of `COLUMNS`).

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
    table = pd.DataFrame(rows, columns=[name for name in COLUMNS if not name.endswith("_fdr")])
    for name in ("p_listeners", "p_stories"):
        table[f"{name}_fdr"] = significance.corrected(table, name, ["model", "beyond"])
    return table[list(COLUMNS)]


def _by_story(read: Sequence[xr.Dataset], beyond: str) -> np.ndarray:
    """Return the unique contribution in each stimulus, (n_stimuli, n_regions).

    It is the mean over those who heard it.
    """
    heard: dict[str, list[np.ndarray]] = {}
    for one in read:
        unique = (
            (one["r"].sel(features=beyond + WITH_LANGUAGE) - one["r"].sel(features=beyond))
            .transpose("story", "subject", "region")
            .values
        )
        for name, values in zip(one["story"].values.tolist(), unique, strict=True):
            heard.setdefault(name, []).extend(values)
    names = list(heard)
    return np.stack(
        [
            np.mean([value for number in index for value in heard[names[number]]], axis=0)
            for index in stimulus_stories(names).values()
        ]
    )
