"""A model compared with the brains of a group's listeners by another metric than R.

What all such metrics share: opening the files, which layers are compared, circular shifts of BOLD,
and the form of what is written, which `engram.statistics.metric_tables` reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from engram.encoding import circular_shift, scores
from engram.encoding.group import Group, open_group
from engram.features.layers import reported_layer
from engram.vocabulary import AVERAGE

#: What `Comparison.of_files` takes beside files and the section `encoding`.
SETTINGS = ("layer", "layers", "number", "seed", "subjects", "targets")


@dataclass(frozen=True)
class Comparison:
    """A model's activations and a group's BOLD, opened, with what is asked of them.

    Attributes
    ----------
    read : list of xarray.Dataset
        Activations of each story.
    group : Group
    layers : list of int
        Those that are compared.
    reported : int
        The one that is tested.
    shifts : array of shape (n_draws, n_stories)
        Circular shifts, in rows.
    options : mapping
        How BOLD is predicted (`engram.encoding.group.Group`).
    """

    read: list[xr.Dataset]
    group: Group
    layers: list[int]
    reported: int
    shifts: np.ndarray
    options: Mapping[str, Any]

    @classmethod
    def of_files(
        cls,
        activations: Sequence[str],
        bold: Sequence[str],
        words: Sequence[str],
        subjects: Sequence[str],
        targets: str,
        *,
        layers: str,
        layer: int | None,
        number: int,
        seed: int,
        **options: Any,
    ) -> Comparison:
        """Open a group's files.

        Parameters
        ----------
        activations, bold, words, subjects, targets, **options
            As `engram.encoding.group.open_group` takes them.
        layers : {"all", "reported"}
        layer : int or None
            The layer to report (`engram.features.layers.reported_layer`).
        number, seed : int
            Of circular shifts; a group without single listeners gets none.
        """
        read, group = open_group(activations, bold, words, subjects, targets, **options)
        depth = read[0].sizes["layer"]
        reported = reported_layer(depth - 1, layer)
        kept = list(range(depth)) if layers == "all" else [reported]
        anybody = any(one != AVERAGE for one in group.subjects)
        shifts = circular_shift.group_shifts(group, number if anybody else 0, seed)
        return cls(read, group, kept, reported, shifts, options)

    @property
    def single(self) -> list[str]:
        """The single listeners, over whom the null is a mean."""
        return [one for one in self.group.subjects if one != AVERAGE]

    @property
    def listeners(self) -> Group:
        """The group without the average listener."""
        if self.single == self.group.subjects:
            return self.group
        return Group(self.group.stories, self.single, **self.options)

    def vectors(self, layer: int) -> list[np.ndarray]:
        """Return the word vectors of a layer, of each story."""
        return [one["activation"][layer].values for one in self.read]

    def dataset(
        self,
        ways: Sequence[str],
        measures: Mapping[str, str],
        sets: Mapping[str, np.ndarray],
        score: np.ndarray,
        shifted: np.ndarray,
        units: str,
        **coordinates: Any,
    ) -> xr.Dataset:
        """Return scores and those on shifted BOLD in the form of a file.

        Parameters
        ----------
        ways : sequence of str
            How model and brain were compared.
        measures : mapping
            What was measured, with descriptions; the first is tested.
        sets : mapping
            By name, which targets are in each.
        score : array of shape (n_ways, n_measures, n_layers, n_scored, n_subjects, n_sets)
            Of the stories that are scored.
        shifted : array of shape (n_ways, n_draws, n_sets)
            The first measure at the reported layer.
        units : str
        **coordinates
            More coordinates.
        """
        said = "; ".join(f"{name}: {text}" for name, text in measures.items())
        return xr.Dataset(
            {
                "score": (
                    ("way", "measure", "layer", "story", "subject", "set"),
                    score.astype(np.float32),
                    {"units": units, "description": said},
                ),
                "shifted": (
                    ("way", "shift", "set"),
                    shifted.astype(np.float32),
                    {
                        "units": units,
                        "description": "The first measure on BOLD that was shifted in time, mean "
                        "over stories and single listeners, at the reported layer",
                    },
                ),
                "rows": (
                    ("shift", "story"),
                    self.shifts[:, self.group.tested_places],
                    {"description": "Shift of each story, in rows"},
                ),
            },
            coords={
                "way": list(ways),
                "measure": list(measures),
                "layer": self.layers,
                **self._coordinates(sets),
                **coordinates,
            },
            attrs={**scores.attributes(self.group), "reported_layer": self.reported},
        )

    def _coordinates(self, sets: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Return what scored stories, listeners and sets are called."""
        tested, tr = self.group.tested, self.group.tr
        allowed = [len(circular_shift.allowed_shifts(len(one.times), tr)) for one in tested]
        return {
            "story": [one.name for one in tested],
            "subject": self.group.subjects,
            "set": list(sets),
            "n_targets": ("set", [int(one.sum()) for one in sets.values()]),
            "allowed": ("story", allowed, {"description": "Shifts that there are"}),
        }


def ceiling_dataset(
    ceilings: Mapping[str, np.ndarray],
    stories: Sequence[str],
    subjects: Sequence[str],
    sets: Sequence[str],
    units: str,
    attributes: Mapping[str, Any],
) -> xr.Dataset:
    """Return ceilings in the form of a file: by name, (n_stories, n_subjects, n_sets)."""
    dims = ("story", "subject", "set")
    return xr.Dataset(
        {
            name: (dims, values.astype(np.float32), {"units": units})
            for name, values in ceilings.items()
        },
        coords={"story": list(stories), "subject": list(subjects), "set": list(sets)},
        attrs=dict(attributes),
    )
