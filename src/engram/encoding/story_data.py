"""A story's data of one group of listeners: its words' onsets and its BOLD."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr

from engram.bold.regions import region_indices
from engram.errors import EngramError
from engram.files import storage

#: Largest part of the words that may lie outside the samples of a space with times of its own.
_OUTSIDE = 0.1


@dataclass(frozen=True)
class StoryData:
    """A story's part of a group's data.

    Attributes
    ----------
    name : str
    tr : float
        Seconds.
    onsets : array of shape (n_words, )
        When each word begins, in seconds on the story's clock.
    times : array of shape (n_rows, )
        When each row of BOLD begins, in seconds on the same clock.
    bold : xarray.DataArray
        (subject, time, target); it stays on disk until it is used.
    target_coordinates : dict
        What the targets are called and where they are, as coordinates of a dataset.
    """

    name: str
    tr: float
    onsets: np.ndarray
    times: np.ndarray
    bold: xr.DataArray
    target_coordinates: dict[str, Any]


def load_story(bold: str, words: str) -> StoryData:
    """Open a story's BOLD and read its words' onsets, from the paths of both files."""
    dataset = storage.open_dataset(bold)
    coordinates = {
        str(name): (value.dims, value.values)
        for name, value in dataset.coords.items()
        if value.dims == ("target",)
    }
    onsets = storage.read_words(words)["onset"].to_numpy(float)
    return StoryData(
        dataset.attrs["story"],
        float(dataset.attrs["tr"]),
        onsets,
        dataset["time"].values,
        dataset["bold"],
        coordinates,
    )


def with_regions_as_targets(story: StoryData) -> StoryData:
    """Return a story's data with the mean time course of every region in place of its targets."""
    regions = region_indices(story.target_coordinates)
    parts = []
    for subject in range(story.bold.sizes["subject"]):
        values = story.bold[subject].values
        parts.append(np.stack([values[:, index].mean(1) for index in regions.values()], axis=1))
    names = {
        "hemisphere": [side for side, _ in regions],
        "roi": [roi for _, roi in regions],
        "target": [f"{side}-{roi}" for side, roi in regions],
    }
    bold = xr.DataArray(
        np.stack(parts),
        dims=("subject", "time", "target"),
        coords={"subject": story.bold["subject"].values},
    )
    coordinates: dict[str, Any] = {
        name: (("target",), np.array(values)) for name, values in names.items()
    }
    return replace(story, bold=bold, target_coordinates=coordinates)


def with_own_times(story: StoryData, activations: xr.Dataset, how: str) -> StoryData:
    """Return a story's data with the times of features that are no words', where they have some.

    Parameters
    ----------
    story : StoryData
    activations : xarray.Dataset
        With a coordinate ``onset`` (seconds) where its rows are times.
    how : {"sum", "mean", "lanczos"}
        How features become rows of BOLD.

    Raises
    ------
    EngramError
        If rows of BOLD would have no sample, or a tenth of the words lie outside the samples.
    """
    if "onset" not in activations.coords:
        return story
    onsets = activations["onset"].values
    step = float(np.diff(onsets).max())
    if how != "lanczos" and step > story.tr * (1 + 1e-6):
        raise EngramError(
            f"story {story.name}: samples of a feature space are up to {step:g} s apart, and a TR "
            f"is {story.tr:g} s: some rows would have none. Give a sample for each TR at least, or "
            "write encoding: {words_to_trs: lanczos}."
        )
    _check_covered(story, float(onsets[0]), float(onsets[-1]) + step)
    return replace(story, onsets=onsets)


def _check_covered(story: StoryData, begin: float, end: float) -> None:
    """Refuse samples from `begin` to `end` (seconds) that are not of the words in the scan.

    Rows without a sample are 0, which would pass for silence.
    """
    in_scan = story.onsets[
        (story.onsets >= story.times[0]) & (story.onsets < story.times[-1] + story.tr)
    ]
    outside = ((in_scan < begin) | (in_scan > end)).sum()
    if outside > _OUTSIDE * len(in_scan):
        raise EngramError(
            f"story {story.name}: samples of a feature space go from {begin:.1f} to {end:.1f} s, "
            f"and {outside} of {len(in_scan)} words, from {in_scan.min():.1f} to "
            f"{in_scan.max():.1f} s, lie outside. Is it the file of this story, and does it begin "
            "where it should (start: seconds on the clock of the words)?"
        )


def open_stories(bold: Sequence[str], words: Sequence[str], targets: str) -> list[StoryData]:
    """Return the data of a group's stories.

    Parameters
    ----------
    bold, words : sequences of paths
        One file per story, in the same order.
    targets : {"all", "roi"}
        `all`: every target; `roi`: the mean time course of each region.
    """
    stories = [load_story(*files) for files in zip(bold, words, strict=True)]
    return [with_regions_as_targets(one) for one in stories] if targets == "roi" else stories


def check_same_targets(stories: Sequence[StoryData]) -> None:
    """Raise `EngramError` unless all stories have the same targets at the same places."""
    first = stories[0]
    for one in stories[1:]:
        for name, (_, values) in first.target_coordinates.items():
            mine = one.target_coordinates[name][1]
            same = values.shape == mine.shape and (
                np.allclose(values, mine, atol=0.1)
                if values.dtype.kind == "f"
                else bool((values == mine).all())
            )
            if not same:
                raise EngramError(
                    f"the stories {first.name} and {one.name} have different targets "
                    f"({len(values)} and {len(mine)}; '{name}' differs), so they cannot "
                    "be scored together. Volumes of different scanners may have different grids: "
                    "make a study of each grid (dataset.stories), or use a surface."
                )


def stack_listeners(stories: Sequence[StoryData], subjects: Sequence[str]) -> np.ndarray:
    """Return the BOLD of all stories, one after the other.

    The listeners' targets stand side by side.

    Returns
    -------
    array of shape (n_rows, n_subjects * n_targets)
        Float32, filled listener by listener, so that it is in memory once.
    """
    n_targets = stories[0].bold.sizes["target"]
    targets = np.empty(
        (sum(len(one.times) for one in stories), len(subjects) * n_targets), dtype=np.float32
    )
    begin = 0
    for one in stories:
        for number, subject in enumerate(subjects):
            rows = slice(begin, begin + len(one.times))
            targets[rows, number * n_targets : (number + 1) * n_targets] = one.bold.sel(
                subject=subject
            ).values
        begin += len(one.times)
    return targets
