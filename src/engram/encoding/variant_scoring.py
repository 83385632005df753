"""Scores of the variants of a model's activations, all against one group of listeners."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from engram.bold.regions import region_coordinates, region_indices
from engram.encoding.ridge import Group, Part
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
    group : engram.encoding.ridge.Group

    Returns
    -------
    xarray.Dataset
        Pearson r, mean over folds: ``r`` (variant, story, subject, region) at the reported
        layer and ``r_layer`` (version, layer, story, subject, region), means over each
        region's targets; ``r_kind`` (kind, story, subject, target) at the reported layer,
        mean over each kind's variants. Single variants are kept by region: with their many seeds,
        targets would fill disks.
    """
    names, versions = (read[0][name].values.tolist() for name in ("variant", "version"))
    n_layers, reported = read[0].sizes["layer"], int(read[0].attrs["reported_layer"])
    regions = region_indices(group.stories[0].target_coordinates)
    kinds = list(dict.fromkeys(map(kind_of, names)))
    n_stories, (n_subjects, n_targets) = len(group.stories), group.shape

    def score(
        part: Part, vectors: list[np.ndarray], inserted: list[np.ndarray], number: int
    ) -> np.ndarray:
        times = [one["row_onset"].values[one["row_variant"].values == number] for one in read]
        both = [np.concatenate(pair) for pair in zip(vectors, inserted, strict=True)]
        mean: np.ndarray = group.by_story(
            group.score(part, both, group.how_for(read[0]), times)
        ).mean(1)
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
            inserted = [
                one["reported_inserted"].values[one["row_variant"].values == number] for one in read
            ]
            scored = score(part, [one["reported"][number].values for one in read], inserted, number)
            r[number][:, own] = by_region(scored)
            r_kind[kinds.index(kind_of(name))][:, own] += scored / sum(
                kind_of(other) == kind_of(name) for other in names
            )
        for layer in progress(range(n_layers), "layers", "layer"):
            for version, name in enumerate(versions):
                number = names.index(name)
                if layer == reported:
                    r_layer[version, layer][:, own] = r[number][:, own]
                    continue
                inserted = [
                    one["whole_inserted"][layer].values[one["version_row_variant"].values == number]
                    for one in read
                ]
                r_layer[version, layer][:, own] = by_region(
                    score(
                        part,
                        [one["whole"][version, layer].values for one in read],
                        inserted,
                        number,
                    )
                )

    group.each_part(read[0].sizes["unit"], len(kinds), score_all)
    unit = {"units": "Pearson r"}
    return xr.Dataset(
        {
            "r": (
                ("variant", "story", "subject", "region"),
                r,
                {
                    **unit,
                    "description": (
                        "At the reported layer, mean over test blocks and a region's targets"
                    ),
                },
            ),
            "r_layer": (
                ("version", "layer", "story", "subject", "region"),
                r_layer,
                {**unit, "description": "The same at every layer"},
            ),
            "r_kind": (
                ("kind", "story", "subject", "target"),
                r_kind,
                {
                    **unit,
                    "description": (
                        "At the reported layer, mean over test blocks and a kind's variants"
                    ),
                },
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
