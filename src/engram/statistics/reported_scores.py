"""Brain scores at the reported layer, by story, listener and region.

All groups (listeners who heard the same stories) are taken together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from engram.bold.regions import region_indices, regions_of
from engram.features.layers import reported_layer
from engram.files import storage
from engram.vocabulary import AVERAGE, stimulus

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class Reported:
    """A model's scores, of single listeners.

    Attributes
    ----------
    subjects, stories : list of str
        Sorted.
    regions : list of (hemisphere, roi, n_targets)
    layer : int
        The reported one.
    r : array of shape (n_stories, n_subjects, n_regions)
        Pearson r at the reported layer, mean over test blocks and a region's targets;
        NaN where a listener did not hear a story.
    r_layer : array of shape (n_layers, n_stories, n_subjects)
        The same at every layer, mean over all targets.
    """

    subjects: list[str]
    stories: list[str]
    regions: list[tuple[str, str, int]]
    layer: int
    r: np.ndarray
    r_layer: np.ndarray

    def listeners(self, weights: np.ndarray) -> np.ndarray:
        """Return a score of each listener, (n_subjects, ).

        It is a mean over the stories that each one heard, and over regions by weight.
        """
        result: np.ndarray = np.nanmean(self.r @ weights, axis=0) / weights.sum()
        return result

    def stimuli(self, weights: np.ndarray) -> np.ndarray:
        """Return a score of each stimulus, mean over those who heard it: (n_stimuli, )."""
        by_story = self.r @ weights / weights.sum()
        return np.array([np.nanmean(by_story[index]) for index in self.stimulus_stories().values()])

    def stimulus_stories(self) -> dict[str, list[int]]:
        """Return the stories of each stimulus, by index."""
        return stimulus_stories(self.stories)


def by_area(model: str, results: xr.Dataset) -> Iterator[dict[str, Any]]:
    """Yield what a table's row begins with, for each region of results by region.

    That is model, layer, hemisphere, roi, n_targets.
    """
    for region in regions_of(results):
        yield {
            "model": model,
            "layer": int(results.attrs["reported_layer"]),
            **dict(zip(("hemisphere", "roi", "n_targets"), region, strict=True)),
        }


def stimulus_stories(stories: Sequence[str]) -> dict[str, list[int]]:
    """Return the stories of each stimulus, by index; stimuli are in the order of their names.

    Some stories are tellings of one stimulus (`engram.vocabulary.stimulus`), and count as one
    in tests over stories.
    """
    found: dict[str, list[int]] = {}
    for number, story in enumerate(stories):
        found.setdefault(stimulus(story), []).append(number)
    return dict(sorted(found.items()))


def by_stimulus(pairs: Iterable[tuple[str, np.ndarray]]) -> np.ndarray:
    """Return the mean over listeners of each stimulus: (n_stimuli, ...).

    Parameters
    ----------
    pairs : iterable of (str, array of shape (n_listeners, ...))
        A story and what its listeners have; a story can come again with other listeners.
    """
    heard: dict[str, list[np.ndarray]] = {}
    for name, values in pairs:
        heard.setdefault(name, []).extend(values)
    names = list(heard)
    return np.stack(
        [
            np.mean([value for number in index for value in heard[names[number]]], axis=0)
            for index in stimulus_stories(names).values()
        ]
    )


def read_reported(files: Sequence[str], layer: int | None) -> Reported:
    """Read a model's scores of all groups (`engram.encoding.layer_scoring.score_layers`).

    Parameters
    ----------
    files : sequence of paths
    layer : int or None
        The layer to report (`engram.features.layers.reported_layer`).
    """
    found: dict[tuple[str, str], tuple[np.ndarray, np.ndarray]] = {}
    regions: list[tuple[str, str, int]] = []
    reported = n_layers = 0
    for path in files:
        with storage.open_dataset(path) as scores:
            coordinates = {
                name: (scores[name].dims, scores[name].values) for name in ("hemisphere", "roi")
            }
            indices = region_indices(coordinates)
            regions = [(side, roi, len(index)) for (side, roi), index in indices.items()]
            n_layers = scores.sizes["layer"]
            reported = reported_layer(n_layers - 1, layer)
            names = scores["subject"].values.tolist()
            # (layer, story, subject), one layer in memory at a time: a whole cortex
            # has gigabytes of scores.
            curves = np.stack([scores["r"][one].mean("target").values for one in range(n_layers)])
            here = scores["r"][reported].values
            by_region = np.stack([here[..., index].mean(-1) for index in indices.values()], axis=-1)
            for number, story in enumerate(scores["story"].values.tolist()):
                for place, subject in enumerate(names):
                    if subject != AVERAGE:
                        found[story, subject] = by_region[number, place], curves[:, number, place]
    stories, subjects = (sorted({key[part] for key in found}) for part in (0, 1))
    r = np.full((len(stories), len(subjects), len(regions)), np.nan)
    r_layer = np.full((n_layers, len(stories), len(subjects)), np.nan)
    for (story, subject), (at_layer, at_all) in found.items():
        row, column = stories.index(story), subjects.index(subject)
        r[row, column], r_layer[:, row, column] = at_layer, at_all
    return Reported(subjects, stories, regions, reported, r, r_layer)
