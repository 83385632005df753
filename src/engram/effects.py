"""The association score F = R_mem - R: by region and listener, beside its controls, tested over texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from engram import inference, storage
from engram.augment import AUGMENTED_TEXT, CONTROLS, ORIGINAL_TEXT
from engram.encoding import region_indices
from engram.names import AVERAGE

ASSOCIATION = (
    "Association scores F = R_mem - R at each model's reported layer, by region: the score of the story with associations written into it, minus that of the "
    "story alone, read in the same windows. Tested over texts: F of this text among the F of random texts, which have the same places and numbers of words, "
    "and content of other stories. Tests over listeners generalise to other listeners of these texts, not to other texts or stories."
)
ASSOCIATION_COLUMNS = {
    "model": "Model.",
    "augmentation": "Name of the associations.",
    "written_by": "Who wrote them: manual (people), or what kind of model.",
    "layer": "Layer, fixed beforehand.",
    "hemisphere": "L, R, or B (both, or neither).",
    "roi": "Region.",
    "n_targets": "Targets in the region.",
    "n_listeners": "Listeners; 'average' is not among them.",
    "original": "R of the story alone, mean over listeners.",
    "F": "Association score, mean over listeners.",
    "F_low": "95 % bootstrap interval (BCa) over listeners.",
    "F_high": "Its upper end.",
    "F_random": "F of random texts, mean over texts and listeners.",
    "F_minus_random": "F minus that.",
    "difference_low": "95 % bootstrap interval (BCa) of the difference over listeners.",
    "difference_high": "Its upper end.",
    "n_random": "Random texts.",
    "p_texts": "One-sided p over texts: (1 + random texts that reach F) / (1 + random texts).",
    "p_texts_fdr": "The same, corrected for the regions of this augmentation and model (Benjamini-Hochberg).",
    "smallest_p": "The smallest p that so many texts can give.",
    "detectable": "Smallest F above the random texts' mean that would have been found with 80 % power.",
    "p_listeners": "Two-sided p over listeners (Wilcoxon) of F minus random: holds for other listeners of these texts only.",
    "p_listeners_fdr": "The same, corrected as above.",
    "F_shuffled": "F of this text's associations at other places, mean over texts: what is wrong, when is right.",
    "F_displaced": "F of this text's associations 20 or more words away: what is right, when is wrong.",
    "F_repeat": "F of repeated story text at the same places: mere extra text.",
    "F_average": "F of the average listener; in no test.",
}
CONTROLS_TABLE = "F of every control text, tested among the random texts as the augmented one is (a random text among the other random ones)."
CONTROLS_COLUMNS = {
    "model": "Model.",
    "augmentation": "Name of the associations.",
    "text": "The control and its number.",
    "hemisphere": "L, R, or B (both, or neither).",
    "roi": "Region.",
    "F": "Mean over listeners.",
    "p_texts": "One-sided p over texts.",
    "p_texts_fdr": "The same, corrected for the regions of this text and model (Benjamini-Hochberg).",
}
LISTENERS_TABLE = "F by listener, at each model's reported layer, beside the means of its controls."
LISTENERS_COLUMNS = {
    "model": "Model.",
    "augmentation": "Name of the associations.",
    "subject": "Listener, or 'average'.",
    "hemisphere": "L, R, or B (both, or neither).",
    "roi": "Region.",
    "original": "R of the story alone.",
    "F": "Association score.",
    **{f"F_{kind}": f"Mean over the {kind} texts." for kind in CONTROLS},
}
LAYERS_TABLE = (
    "F by layer: a description, in no test. At layer 0 it is 0 for models without learned positions; elsewhere what it is there comes from positions alone."
)
LAYERS_COLUMNS = {
    "model": "Model.",
    "augmentation": "Name of the associations.",
    "layer": "Layer; 0 is the embeddings.",
    "subjects": "'listeners': mean over single listeners; 'average': the average listener.",
    "hemisphere": "L, R, or B (both, or neither).",
    "roi": "Region.",
    "original": "R of the story alone.",
    "F": "Association score.",
}


@dataclass(frozen=True)
class Effects:
    """Scores of a model and an augmentation by region, all groups of listeners together.

    Attributes
    ----------
    subjects : list of str
    regions : list of (hemisphere, roi, n_targets)
    texts : list of str
    layer : int
        The reported one.
    r : array of shape (n_texts, n_subjects, n_regions)
    r_layer : array of shape (2, n_layers, n_subjects, n_regions)
    """

    subjects: list[str]
    regions: list[tuple[str, str, int]]
    texts: list[str]
    layer: int
    r: np.ndarray
    r_layer: np.ndarray

    def f(self, text: str) -> np.ndarray:
        """Return F of a text: (n_subjects, n_regions)."""
        difference: np.ndarray = self.r[self.texts.index(text)] - self.r[self.texts.index(ORIGINAL_TEXT)]
        return difference

    def controls(self, kind: str) -> list[str]:
        """Return the names of a kind's texts."""
        return [text for text in self.texts if text.startswith(f"{kind}-")]

    def mean_f(self, kind: str) -> np.ndarray:
        """Return the mean F over a kind's texts: (n_subjects, n_regions), NaN without texts."""
        texts = self.controls(kind)
        return np.mean([self.f(text) for text in texts], axis=0) if texts else np.full(self.r.shape[1:], np.nan)

    @property
    def single(self) -> np.ndarray:
        """Which subjects are single listeners."""
        return np.array([name != AVERAGE for name in self.subjects])


def read_effects(files: Sequence[str]) -> Effects:
    """Read the scores of all groups for one model and augmentation, averaged over stories and then over the targets of each region."""
    subjects: list[str] = []
    parts, layer_parts = [], []
    regions: list[tuple[str, str, int]] = []
    texts: list[str] = []
    layer = 0
    for path in files:
        with storage.open_dataset(path) as scores:
            index = region_indices({name: (None, scores[name].values) for name in ("hemisphere", "roi")})
            regions = [(hemisphere, roi, len(members)) for (hemisphere, roi), members in index.items()]
            texts, layer = scores["text"].values.tolist(), int(scores.attrs["reported_layer"])
            subjects += scores["subject"].values.tolist()
            r, r_layer = (scores[name].mean("story").values for name in ("r", "r_layer"))
            parts.append(np.stack([r[..., members].mean(-1) for members in index.values()], axis=-1))
            layer_parts.append(np.stack([r_layer[..., members].mean(-1) for members in index.values()], axis=-1))
    return Effects(subjects, regions, texts, layer, np.concatenate(parts, axis=1), np.concatenate(layer_parts, axis=2))


def association_table(effects: Mapping[tuple[str, str], Effects], written_by: Mapping[str, str], seed: int) -> pd.DataFrame:
    """Return F by region, with its controls and tests (the columns of `ASSOCIATION_COLUMNS`).

    Parameters
    ----------
    effects : mapping
        By model and augmentation.
    written_by : mapping
        By augmentation.
    seed : int
        Of the bootstrap.
    """
    rows = []
    for (model, augmentation), one in effects.items():
        single = one.single
        f, original = one.f(AUGMENTED_TEXT), one.r[one.texts.index(ORIGINAL_TEXT)]
        means = {kind: one.mean_f(kind) for kind in CONTROLS}
        null = np.stack([one.f(text)[single].mean(0) for text in one.controls("random")])
        for number, (hemisphere, roi, n_targets) in enumerate(one.regions):
            mine, difference = f[single, number], (f - means["random"])[single, number]
            low, high = inference.interval(mine, seed)
            difference_low, difference_high = inference.interval(difference, seed)
            rows.append(
                {
                    "model": model,
                    "augmentation": augmentation,
                    "written_by": written_by[augmentation],
                    "layer": one.layer,
                    "hemisphere": hemisphere,
                    "roi": roi,
                    "n_targets": n_targets,
                    "n_listeners": int(single.sum()),
                    "original": original[single, number].mean(),
                    "F": mine.mean(),
                    "F_low": low,
                    "F_high": high,
                    "F_random": null[:, number].mean(),
                    "F_minus_random": difference.mean(),
                    "difference_low": difference_low,
                    "difference_high": difference_high,
                    "n_random": len(null),
                    "p_texts": inference.text_test(mine.mean(), null[:, number]),
                    "smallest_p": 1 / (1 + len(null)),
                    "detectable": inference.detectable(null[:, number]) if len(null) > 1 else np.nan,
                    "p_listeners": inference.listener_test(difference),
                    **{f"F_{kind}": means[kind][single, number].mean() for kind in CONTROLS if kind != "random"},
                    "F_average": f[~single, number].mean() if (~single).any() else np.nan,
                }
            )
    table = pd.DataFrame(rows)
    family = ["model", "augmentation"]
    table["p_texts_fdr"] = inference.corrected(table, "p_texts", family)
    table["p_listeners_fdr"] = inference.corrected(table, "p_listeners", family)
    return table[list(ASSOCIATION_COLUMNS)]


def controls_table(effects: Mapping[tuple[str, str], Effects]) -> pd.DataFrame:
    """Return F of every control text with its test (the columns of `CONTROLS_COLUMNS`)."""
    rows: list[dict[str, Any]] = []
    for (model, augmentation), one in effects.items():
        random = one.controls("random")
        null = {text: one.f(text)[one.single].mean(0) for text in random}
        for text in one.texts:
            if text in (ORIGINAL_TEXT, AUGMENTED_TEXT):
                continue
            f = one.f(text)[one.single].mean(0)
            others = np.stack([values for name, values in null.items() if name != text]) if len(null) > 1 or text not in null else np.empty((0, len(f)))
            for number, (hemisphere, roi, _) in enumerate(one.regions):
                p = inference.text_test(f[number], others[:, number])
                rows.append({"model": model, "augmentation": augmentation, "text": text, "hemisphere": hemisphere, "roi": roi, "F": f[number], "p_texts": p})
    table = pd.DataFrame(rows, columns=[name for name in CONTROLS_COLUMNS if name != "p_texts_fdr"])
    table["p_texts_fdr"] = inference.corrected(table, "p_texts", ["model", "augmentation", "text"])
    return table[list(CONTROLS_COLUMNS)]


def listeners_table(effects: Mapping[tuple[str, str], Effects]) -> pd.DataFrame:
    """Return F by listener (the columns of `LISTENERS_COLUMNS`)."""
    parts = []
    for (model, augmentation), one in effects.items():
        values = {"original": one.r[one.texts.index(ORIGINAL_TEXT)], "F": one.f(AUGMENTED_TEXT), **{f"F_{kind}": one.mean_f(kind) for kind in CONTROLS}}
        frame = pd.DataFrame(
            [(subject, hemisphere, roi) for subject in one.subjects for hemisphere, roi, _ in one.regions], columns=["subject", "hemisphere", "roi"]
        )
        parts.append(frame.assign(model=model, augmentation=augmentation, **{name: table.ravel() for name, table in values.items()}))
    return pd.concat(parts, ignore_index=True)[list(LISTENERS_COLUMNS)]


def layers_table(effects: Mapping[tuple[str, str], Effects]) -> pd.DataFrame:
    """Return F by layer (the columns of `LAYERS_COLUMNS`)."""
    rows = []
    for (model, augmentation), one in effects.items():
        for subjects, chosen in (("listeners", one.single), (AVERAGE, ~one.single)):
            if not chosen.any():
                continue
            means = one.r_layer[:, :, chosen].mean(2)
            for layer in range(means.shape[1]):
                for number, (hemisphere, roi, _) in enumerate(one.regions):
                    original, with_text = means[:, layer, number]
                    rows.append((model, augmentation, layer, subjects, hemisphere, roi, original, with_text - original))
    return pd.DataFrame(rows, columns=list(LAYERS_COLUMNS))
