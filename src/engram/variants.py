"""Variants of a model's activations of a story: texts with associations read by one model, or one text read by tunings of a model.

The first variant is what the others are compared with. All are scored on the same rows and folds at the reported layer; the
first few, called versions, at every layer.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import xarray as xr

from engram import storage
from engram.encoding import Group, Part
from engram.layers import reported_layer
from engram.names import AVERAGE, LISTENERS, stimulus
from engram.progress import progress
from engram.regions import region_coordinates, region_indices, regions_of

#: A variant: its name, the vectors of the story's words (n_layers, n_words, n_units), those of inserted words that are rows of their
#: own (n_layers, n_rows, n_units), and the times of these in seconds.
Variant = tuple[str, np.ndarray, np.ndarray, np.ndarray]


def collect(variants: Iterable[Variant], versions: Container[str], layer: int | None) -> xr.Dataset:
    """Return the activations of variants, of which all layers are kept of versions only.

    Parameters
    ----------
    variants : iterable of Variant
        Made one after the other, so that only one is in memory with all its layers.
    versions : container of str
        Names of the variants that are scored at every layer.
    layer : int or None
        The layer to report (`engram.layers.reported_layer`), the only one that is kept of the others.

    Returns
    -------
    xarray.Dataset
        ``whole`` (version, layer, word, unit), ``reported`` (variant, word, unit), float32; ``whole_inserted`` (layer,
        version_row, unit) and ``reported_inserted`` (row, unit): inserted words that are rows of their own, with the index of
        their variant (``row_variant``, ``version_row_variant``) and their time (``row_onset``).
    """
    names: list[str] = []
    kept: list[int] = []
    whole, whole_inserted, reported, reported_inserted, onsets = [], [], [], [], []
    depth = 0
    for name, own, inserted, times in variants:
        depth = reported_layer(len(own) - 1, layer)
        if name in versions:
            kept.append(len(names))
            whole.append(own)
            whole_inserted.append(inserted)
        names.append(name)
        reported.append(own[depth])
        reported_inserted.append(inserted[depth])
        onsets.append(times)
    owner = np.repeat(np.arange(len(names)), [len(times) for times in onsets])
    description = {"units": "arbitrary", "description": "A vector for each word; layer 0 is the embeddings"}
    index = {"description": "Index of the variant that has the row"}
    return xr.Dataset(
        {
            "whole": (("version", "layer", "word", "unit"), np.stack(whole), description),
            "whole_inserted": (("layer", "version_row", "unit"), np.concatenate(whole_inserted, axis=1), description),
            "reported": (("variant", "word", "unit"), np.stack(reported), description),
            "reported_inserted": (("row", "unit"), np.concatenate(reported_inserted), description),
        },
        coords={
            "version": [names[number] for number in kept],
            "variant": names,
            "layer": np.arange(len(whole[0])),
            "row_variant": ("row", owner, index),
            "row_onset": ("row", np.concatenate(onsets), {"units": "s"}),
            "version_row_variant": ("version_row", owner[np.isin(owner, kept)], index),
        },
        attrs={"reported_layer": depth},
    )


def kind_of(variant: str) -> str:
    """Return the kind of a variant: its name without the number, if it has one."""
    kind, _, number = variant.rpartition("-")
    return kind if kind and number.isdigit() else variant


def score_variants(read: Sequence[xr.Dataset], group: Group) -> xr.Dataset:
    """Score every variant on every target of a group of listeners.

    Parameters
    ----------
    read : sequence of xarray.Dataset
        As `collect` made them, one for each story of the group, in its order.
    group : engram.encoding.Group

    Returns
    -------
    xarray.Dataset
        Pearson r, mean over folds: ``r`` (variant, story, subject, region) at the reported layer and ``r_layer`` (version, layer,
        story, subject, region), means over each region's targets; ``r_kind`` (kind, story, subject, target) at the reported
        layer, mean over each kind's variants. Single variants are kept by region: with their many seeds, targets would fill disks.
    """
    names, versions = (read[0][name].values.tolist() for name in ("variant", "version"))
    n_layers, reported = read[0].sizes["layer"], int(read[0].attrs["reported_layer"])
    regions = region_indices(group.stories[0].target_coordinates)
    kinds = list(dict.fromkeys(map(kind_of, names)))
    n_stories, (n_subjects, n_targets) = len(group.stories), group.shape

    def score(part: Part, vectors: list[np.ndarray], inserted: list[np.ndarray], number: int) -> np.ndarray:
        times = [one["row_onset"].values[one["row_variant"].values == number] for one in read]
        both = [np.concatenate(pair) for pair in zip(vectors, inserted, strict=True)]
        mean: np.ndarray = group.by_story(group.score(part, both, group.how_for(read[0]), times)).mean(1)
        return mean

    def by_region(values: np.ndarray) -> np.ndarray:
        return np.stack([values[..., members].mean(-1) for members in regions.values()], axis=-1)

    r = np.empty((len(names), n_stories, n_subjects, len(regions)), dtype=np.float32)
    r_kind = np.zeros((len(kinds), n_stories, n_subjects, n_targets), dtype=np.float32)
    r_layer = np.empty((len(versions), n_layers, *r.shape[1:]), dtype=np.float32)

    def score_all(part: Part) -> None:
        own = part.listeners
        r_kind[:, :, own] = 0  # what is summed here begins anew where memory ran out
        for number, name in enumerate(progress(names, "variants", "variant")):
            inserted = [one["reported_inserted"].values[one["row_variant"].values == number] for one in read]
            scored = score(part, [one["reported"][number].values for one in read], inserted, number)
            r[number][:, own] = by_region(scored)
            r_kind[kinds.index(kind_of(name))][:, own] += scored / sum(kind_of(other) == kind_of(name) for other in names)
        for layer in progress(range(n_layers), "layers", "layer"):
            for version, name in enumerate(versions):
                number = names.index(name)
                if layer == reported:
                    r_layer[version, layer][:, own] = r[number][:, own]
                    continue
                inserted = [one["whole_inserted"][layer].values[one["version_row_variant"].values == number] for one in read]
                r_layer[version, layer][:, own] = by_region(score(part, [one["whole"][version, layer].values for one in read], inserted, number))

    group.each_part(read[0].sizes["unit"], len(kinds), score_all)
    unit = {"units": "Pearson r"}
    return xr.Dataset(
        {
            "r": (("variant", "story", "subject", "region"), r, {**unit, "description": "At the reported layer, mean over test blocks and a region's targets"}),
            "r_layer": (("version", "layer", "story", "subject", "region"), r_layer, {**unit, "description": "The same at every layer"}),
            "r_kind": (
                ("kind", "story", "subject", "target"),
                r_kind,
                {**unit, "description": "At the reported layer, mean over test blocks and a kind's variants"},
                storage.packed(1.0),
            ),
        },
        coords={
            "variant": names,
            "version": versions,
            "kind": kinds,
            "layer": np.arange(n_layers),
            **region_coordinates(regions),
            **group.coordinates(),
        },
        attrs={**group.attributes(), "reported_layer": reported},
    )


@dataclass(frozen=True)
class Effects:
    """Scores of variants by region, all groups of listeners together.

    Attributes
    ----------
    subjects : list of str
    regions : list of (hemisphere, roi, n_targets)
    variants : list of str
        The first is what the others are compared with.
    versions : list of str
        Those scored at every layer, the first among them first.
    layer : int
        The reported one.
    r : array of shape (n_variants, n_subjects, n_regions)
    r_layer : array of shape (n_versions, n_layers, n_subjects, n_regions)
    r_stimulus : dict of arrays of shape (n_variants, n_regions)
        By stimulus: the mean over the single listeners who heard it; versions of one (`engram.names.stimulus`) are taken together.
    """

    subjects: list[str]
    regions: list[tuple[str, str, int]]
    variants: list[str]
    versions: list[str]
    layer: int
    r: np.ndarray
    r_layer: np.ndarray
    r_stimulus: dict[str, np.ndarray] = field(default_factory=dict)

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
        """Return the mean difference over a kind's variants: (n_subjects, n_regions), NaN where there are none."""
        names = self.of_kind(kind)
        return np.mean([self.difference(name) for name in names], axis=0) if names else np.full(self.r.shape[1:], np.nan)

    def over_stimuli(self, above: Sequence[str], below: Sequence[str]) -> np.ndarray:
        """Return the mean R of some variants minus that of others, by stimulus: (n_stimuli, n_regions)."""
        chosen = [[self.variants.index(name) for name in names] for names in (above, below)]
        differences = [r[chosen[0]].mean(0) - r[chosen[1]].mean(0) for r in self.r_stimulus.values()]
        return np.stack(differences) if differences else np.empty((0, len(self.regions)))

    @property
    def single(self) -> np.ndarray:
        """Which subjects are single listeners."""
        return np.array([name != AVERAGE for name in self.subjects])


def read_effects(files: Sequence[str]) -> Effects:
    """Read the scores of all groups, averaged over stories: `score_variants`, or (at the reported layer alone) `engram.nuisance_texts.group_texts`."""
    subjects: list[str] = []
    heard: dict[str, list[np.ndarray]] = {}
    parts, layer_parts = [], []
    regions: list[tuple[str, str, int]] = []
    variants: list[str] = []
    versions: list[str] = []
    layer = 0
    for path in files:
        with storage.open_dataset(path) as scores:
            regions = regions_of(scores)
            variants = scores["variant"].values.tolist()
            versions = scores["version"].values.tolist() if "version" in scores.coords else []
            layer = int(scores.attrs["reported_layer"])
            subjects += scores["subject"].values.tolist()
            parts.append(scores["r"].mean("story").values)
            single = scores["subject"].values != AVERAGE
            for number, story in enumerate(scores["story"].values.tolist()):
                heard.setdefault(stimulus(story), []).extend(scores["r"].values[:, number, single].swapaxes(0, 1))
            of_layers = (0, 0, len(single), len(regions))
            layer_parts.append(scores["r_layer"].mean("story").values if "r_layer" in scores else np.empty(of_layers))
    r_stimulus = {name: np.mean(values, axis=0) for name, values in sorted(heard.items()) if values}
    return Effects(subjects, regions, variants, versions, layer, np.concatenate(parts, axis=1), np.concatenate(layer_parts, axis=2), r_stimulus)


def by_listener(effects: Effects, values: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return a table of subject, hemisphere, roi and the given columns, each of shape (n_subjects, n_regions)."""
    keys = [(subject, hemisphere, roi) for subject in effects.subjects for hemisphere, roi, _ in effects.regions]
    return pd.DataFrame(keys, columns=["subject", "hemisphere", "roi"]).assign(**{name: table.ravel() for name, table in values.items()})


def by_layer(effects: Effects) -> Iterator[tuple[str, int, int, np.ndarray]]:
    """Yield whose mean it is (listeners, or the average listener), the layer, the region's number, and R of every version."""
    for subjects, chosen in ((LISTENERS, effects.single), (AVERAGE, ~effects.single)):
        if not chosen.any():
            continue
        means = effects.r_layer[:, :, chosen].mean(2)
        for layer in range(means.shape[1]):
            for number in range(len(effects.regions)):
                yield subjects, layer, number, means[:, layer, number]
