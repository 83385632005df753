"""Effects: how scores of variants differ from those of the first.

A variant is a text that a model read, or a tuning of the model. All groups (listeners who
heard the same stories) are taken together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from engram.bold.regions import regions_of
from engram.datasets.roi_sets import members, roi_sets
from engram.files import keys, storage
from engram.vocabulary import AVERAGE, DEALT, LISTENERS, RANDOM, stimulus

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class Effects:
    """Scores of variants by region, all groups of listeners together.

    Attributes
    ----------
    subjects : list of str
    regions : list of (hemisphere, roi, n_targets)
    variants : list of str
        The first is what the others are compared with.
    layer_variants : list of str
        Those scored at every layer, the first variant first.
    layer : int
        The reported one.
    r : array of shape (n_variants, n_subjects, n_regions)
    r_layer : array of shape (n_layer_variants, n_layers, n_subjects, n_regions)
    r_stimulus : dict of arrays of shape (n_variants, n_regions)
        By stimulus: the mean over the single listeners who heard it; stories that are
        tellings of one stimulus (`engram.vocabulary.stimulus`) are taken together.
    tokens : dict of arrays of shape (n_variants, )
        By story: tokens that the model read of each variant, where scores say so.
    """

    subjects: list[str]
    regions: list[tuple[str, str, int]]
    variants: list[str]
    layer_variants: list[str]
    layer: int
    r: np.ndarray
    r_layer: np.ndarray
    r_stimulus: dict[str, np.ndarray] = field(default_factory=dict)
    tokens: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def original(self) -> np.ndarray:
        """R of the first variant: (n_subjects, n_regions)."""
        first: np.ndarray = self.r[0]
        return first

    def difference(self, variant: str) -> np.ndarray:
        """Return R of a variant minus that of the first: (n_subjects, n_regions)."""
        result: np.ndarray = self.r[self.variants.index(variant)] - self.original
        return result

    def of_kind(self, kind: str) -> list[str]:
        """Return the names of a kind's variants, which are the kind and a number."""
        return [name for name in self.variants if name.startswith(f"{kind}-")]

    def mean_difference(self, kind: str) -> np.ndarray:
        """Return the mean difference over a kind's variants, (n_subjects, n_regions).

        It is NaN where there are none.
        """
        names = self.of_kind(kind)
        return (
            np.mean([self.difference(name) for name in names], axis=0)
            if names
            else np.full(self.r.shape[1:], np.nan)
        )

    def over_stimuli(self, above: Sequence[str], below: Sequence[str]) -> np.ndarray:
        """Return the mean R of some variants minus that of others, by stimulus.

        The shape is (n_stimuli, n_regions).
        """
        chosen = [[self.variants.index(name) for name in names] for names in (above, below)]
        differences = [
            r[chosen[0]].mean(0) - r[chosen[1]].mean(0) for r in self.r_stimulus.values()
        ]
        return np.stack(differences) if differences else np.empty((0, len(self.regions)))

    def tokens_of(self, variants: Sequence[str]) -> float:
        """Return the mean tokens of some variants, all stories together; NaN if not known."""
        if not self.tokens:
            return float("nan")
        chosen = [self.variants.index(name) for name in variants]
        return float(np.sum(list(self.tokens.values()), axis=0)[chosen].mean())

    @property
    def single(self) -> np.ndarray:
        """Which subjects are single listeners."""
        return np.array([name != AVERAGE for name in self.subjects])


def null_kind(effects: Effects) -> str:
    """Return the kind of control texts that are the null of a text's effects.

    It is `dealt` where there are dealt texts, else `random`.
    """
    return DEALT if effects.of_kind(DEALT) else RANDOM


def null_texts(effects: Effects) -> list[str]:
    """Return the names of the control texts that are the null, in the order of their numbers."""
    return effects.of_kind(null_kind(effects))


def effects_of_job(
    snakemake: Any, name: str, result: str = "effects"
) -> dict[tuple[str, str], Effects]:
    """Return the effects of a job's scores, by model and ``text`` or ``tuning``.

    Each file is held against what it says it is of.

    Parameters
    ----------
    snakemake : snakemake.iocontainers.Snakemake
        Of a job with an input ``scores``; its configuration has ``study`` and ``layer``.
    name : {"text", "tuning"}
    result : str
        What kind of result the scores are.
    """
    config = snakemake.params.config
    scores = keys.of_input(
        snakemake,
        "scores",
        result=result,
        study=config["study"],
        layer_rule=keys.layer_rule(config["layer"]),
    )
    return {key: read_effects(paths) for key, paths in keys.by_model_and(name, scores).items()}


def read_effects(files: Sequence[str]) -> Effects:
    """Read the scores of all groups, averaged over stories.

    Parameters
    ----------
    files : sequence of paths
        Results of `engram.encoding.variant_scoring.score_variants`, or (at the reported layer
        alone) of `engram.encoding.nuisance.associations.score_associations`.
    """
    subjects: list[str] = []
    heard: dict[str, list[np.ndarray]] = {}
    parts, layer_parts = [], []
    regions: list[tuple[str, str, int]] = []
    variants: list[str] = []
    layer_variants: list[str] = []
    layer = 0
    tokens: dict[str, np.ndarray] = {}
    for path in files:
        with storage.open_dataset(path) as scores:
            regions = regions_of(scores)
            variants = scores["variant"].values.tolist()
            if "layer_variant" in scores.coords:
                layer_variants = scores["layer_variant"].values.tolist()
            layer = int(scores.attrs["reported_layer"])
            subjects += scores["subject"].values.tolist()
            parts.append(scores["r"].mean("story").values)
            single = scores["subject"].values != AVERAGE
            for number, story in enumerate(scores["story"].values.tolist()):
                heard.setdefault(stimulus(story), []).extend(
                    scores["r"].values[:, number, single].swapaxes(0, 1)
                )
            if "tokens" in scores.coords:
                tokens |= dict(zip(scores["story"].values, scores["tokens"].values.T, strict=True))
            layer_parts.append(_by_layer(scores, len(single), len(regions)))
    r_stimulus = {name: np.mean(values, axis=0) for name, values in sorted(heard.items()) if values}
    return Effects(
        subjects,
        regions,
        variants,
        layer_variants,
        layer,
        np.concatenate(parts, axis=1),
        np.concatenate(layer_parts, axis=2),
        r_stimulus,
        tokens,
    )


def _by_layer(scores: xr.Dataset, n_subjects: int, n_regions: int) -> np.ndarray:
    """Return R of each layer variant at each layer from 0; NaN at layers that were not scored.

    The shape is (n_layer_variants, n_layers, n_subjects, n_regions).
    """
    if "r_layer" not in scores:
        return np.empty((0, 0, n_subjects, n_regions))
    r, layers = scores["r_layer"].mean("story").values, scores["layer"].values
    result = np.full((len(r), layers.max() + 1, n_subjects, n_regions), np.nan)
    result[:, layers] = r
    return result


def by_listener(effects: Effects, values: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return a table of subject, hemisphere, roi and the given columns.

    These have the shape (n_subjects, n_regions) each.
    """
    keys = [
        (subject, hemisphere, roi)
        for subject in effects.subjects
        for hemisphere, roi, _ in effects.regions
    ]
    return pd.DataFrame(keys, columns=["subject", "hemisphere", "roi"]).assign(
        **{name: table.ravel() for name, table in values.items()}
    )


def by_layer(effects: Effects) -> Iterator[tuple[str, int, int, np.ndarray]]:
    """Yield whose mean it is, the layer, the region's number, and R of each layer variant.

    It is the mean over listeners, or that of the average listener. Layers that were not scored
    are left out.
    """
    for subjects, chosen in ((LISTENERS, effects.single), (AVERAGE, ~effects.single)):
        if not chosen.any():
            continue
        means = effects.r_layer[:, :, chosen].mean(2)
        for layer in np.flatnonzero(~np.isnan(means).all((0, 2))).tolist():
            for number in range(len(effects.regions)):
                yield subjects, layer, number, means[:, layer, number]


def by_roi_set(effects: Effects) -> Effects:
    """Return effects of sets of regions (`resources/roi_sets.tsv`).

    Regions are weighted by their numbers of targets; hemispheres are apart, and sets overlap.
    """
    regions, r, r_layer = [], [], []
    by_story: dict[str, list[np.ndarray]] = {story: [] for story in effects.r_stimulus}
    rois = {roi for _, roi, _ in effects.regions}
    for name, wanted in roi_sets().items():
        mine = members(wanted, rois)
        for side in sorted({side for side, _, _ in effects.regions}):
            index = [
                number
                for number, (here, roi, _) in enumerate(effects.regions)
                if here == side and roi in mine
            ]
            if index:
                weights = np.array([effects.regions[number][2] for number in index])
                regions.append((side, name, int(weights.sum())))
                r.append(np.average(effects.r[..., index], axis=-1, weights=weights))
                r_layer.append(np.average(effects.r_layer[..., index], axis=-1, weights=weights))
                for story, values in by_story.items():
                    values.append(
                        np.average(effects.r_stimulus[story][:, index], axis=-1, weights=weights)
                    )
    if not regions:
        nothing = {story: values[:, :0] for story, values in effects.r_stimulus.items()}
        return replace(
            effects,
            regions=[],
            r=effects.r[..., :0],
            r_layer=effects.r_layer[..., :0],
            r_stimulus=nothing,
        )
    r_stimulus = {story: np.stack(values, axis=-1) for story, values in by_story.items()}
    return replace(
        effects,
        regions=regions,
        r=np.stack(r, axis=-1),
        r_layer=np.stack(r_layer, axis=-1),
        r_stimulus=r_stimulus,
    )
