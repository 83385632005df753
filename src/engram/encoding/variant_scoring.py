"""Scores of a model's variants: texts that it read, or tunings of it, on a group of listeners.

A group is listeners who heard the same stories; a variant is one text or one tuning.

All variants are scored at the reported layer. Those whose layers are all kept (the story alone and
with associations; the base model and the first seed of each tuning) are scored at every layer.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from engram.bold.regions import region_coordinates
from engram.encoding import scores, variant_vectors
from engram.encoding.group import Group, Part
from engram.features.variants import kind_of
from engram.files import storage
from engram.jobs.progress import progress


def score_variants(read: Sequence[xr.Dataset], group: Group) -> xr.Dataset:
    """Score every variant on every target of a group of listeners.

    Parameters
    ----------
    read : sequence of xarray.Dataset
        As `engram.features.variants.collect` made them, one for each story of
        the group, in its order.
    group : engram.encoding.group.Group

    Returns
    -------
    xarray.Dataset
        Pearson r, mean over folds: ``r`` (variant, story, subject, region) at the reported
        layer and ``r_layer`` (layer_variant, layer, story, subject, region), means over each
        region's targets; ``r_kind`` (kind, story, subject, target) at the reported layer,
        mean over each kind's variants. ``layer_variant`` names the variants that are scored at
        every layer. Single variants are kept by region: with their many seeds, targets would fill
        disks.
    """
    scoring = _VariantScoring(read, group)

    def score(part: Part) -> None:
        scoring.score_reported_layer(part)
        scoring.score_other_layers(part)

    group.each_part(read[0].sizes["unit"], len(scoring.kinds), score)
    return scoring.dataset()


class _VariantScoring:
    """The scores of all variants, filled part by part of the listeners."""

    def __init__(self, read: Sequence[xr.Dataset], group: Group) -> None:
        self.read, self.group, self.how = read, group, group.how_for(read[0])
        self.names: list[str] = read[0]["variant"].values.tolist()
        self.at_every_layer: list[str] = read[0]["layer_variant"].values.tolist()
        self.kinds = list(dict.fromkeys(map(kind_of, self.names)))
        self.reported = int(read[0].attrs["reported_layer"])
        self.regions = scores.regions_of_targets(group)
        self.layers: list[int] = read[0]["layer"].values.tolist()
        n_stories, n_layers = len(group.tested), len(self.layers)
        by_region = (n_stories, group.shape[0], len(self.regions))
        self.r = np.empty((len(self.names), *by_region), dtype=np.float32)
        self.r_layer = np.empty((len(self.at_every_layer), n_layers, *by_region), dtype=np.float32)
        self.r_kind = np.zeros((len(self.kinds), n_stories, *group.shape), dtype=np.float32)

    def score_reported_layer(self, part: Part) -> None:
        """Fill ``r`` and ``r_kind`` of some listeners."""
        own = part.listeners
        self.r_kind[:, :, own] = 0  # what is summed here begins anew where memory ran out
        kind_of_each = [kind_of(name) for name in self.names]
        for number, kind in enumerate(progress(kind_of_each, "variants", "variant")):
            vectors = variant_vectors.at_reported_layer(self.read, number)
            scored = self._scores(part, vectors, number)
            self.r[number][:, own] = scores.region_means(scored, self.regions)
            self.r_kind[self.kinds.index(kind)][:, own] += scored / kind_of_each.count(kind)

    def score_other_layers(self, part: Part) -> None:
        """Fill ``r_layer`` of some listeners; ``r`` has the reported layer already."""
        own = part.listeners
        for index, layer in enumerate(progress(self.layers, "layers", "layer")):
            for place, name in enumerate(self.at_every_layer):
                number = self.names.index(name)
                if layer == self.reported:
                    self.r_layer[place, index][:, own] = self.r[number][:, own]
                    continue
                vectors = variant_vectors.at_layer(self.read, number, index)
                self.r_layer[place, index][:, own] = scores.region_means(
                    self._scores(part, vectors, number), self.regions
                )

    def _scores(self, part: Part, vectors: list[np.ndarray], number: int) -> np.ndarray:
        """Return r of a variant's vectors, mean over folds: (n_stories, n_listeners, n_targets)."""
        onsets = variant_vectors.inserted_onsets(self.read, number)
        scored = self.group.score_vectors(part, vectors, self.how, onsets)
        mean: np.ndarray = self.group.by_listener(scored).mean(1)
        return mean

    def dataset(self) -> xr.Dataset:
        """Return the scores as `score_variants` describes them."""
        return xr.Dataset(
            {
                "r": scores.pearson_r(
                    ("variant", "story", "subject", "region"),
                    self.r,
                    "At the reported layer, mean over test blocks and a region's targets",
                ),
                "r_layer": scores.pearson_r(
                    ("layer_variant", "layer", "story", "subject", "region"),
                    self.r_layer,
                    "The same at every layer",
                ),
                "r_kind": scores.pearson_r(
                    ("kind", "story", "subject", "target"),
                    self.r_kind,
                    "At the reported layer, mean over test blocks and a kind's variants",
                    storage.packed(1.0),
                ),
            },
            coords={
                "variant": self.names,
                "layer_variant": self.at_every_layer,
                "kind": self.kinds,
                "layer": self.layers,
                **region_coordinates(self.regions),
                **scores.target_coordinates(self.group),
                **self._tokens(),
            },
            attrs={**scores.attributes(self.group), "reported_layer": self.reported},
        )

    def _tokens(self) -> dict[str, tuple[tuple[str, str], np.ndarray, dict[str, str]]]:
        """Return the tokens of texts, if it is known how many a model read of each."""
        if not all("tokens" in one.coords for one in self.read):
            return {}
        tokens = np.stack([one["tokens"].values for one in self.read], axis=1)
        what = {"description": "Tokens that the model read, without special ones around windows"}
        return {"tokens": (("variant", "story"), tokens, what)}
