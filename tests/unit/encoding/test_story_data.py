"""A group's stories: which may be scored together, and regions in place of targets."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from engram.encoding import story_data
from engram.encoding.story_data import StoryData
from engram.errors import EngramError


def test_stories_with_other_targets_are_not_scored_together() -> None:
    """Volumes on different grids: names may agree where places do not."""

    def story(name: str, x: list[float], targets: list[str]) -> StoryData:
        bold = xr.DataArray(
            np.zeros((1, 5, len(x))), dims=("subject", "time", "target"), coords={"subject": ["01"]}
        )
        coordinates = {"target": (("target",), np.array(targets)), "x": (("target",), np.array(x))}
        return StoryData(name, 1.5, np.zeros(3), np.arange(5) * 1.5, bold, coordinates)

    first = story("one", [1.0, 2.0], ["V1", "V2"])
    story_data.check_same_targets([first, story("two", [1.0, 2.0], ["V1", "V2"])])
    for other in (
        story("two", [1.0, -2.0], ["V1", "V2"]),
        story("two", [1.0, 2.0], ["V1", "V3"]),
        story("two", [1.0], ["V1"]),
    ):
        with pytest.raises(EngramError, match="stories one and two have different targets"):
            story_data.check_same_targets([first, other])


def test_regions_as_targets_are_means_of_theirs() -> None:
    values = np.random.default_rng(0).standard_normal((2, 5, 4)).astype(np.float32)
    bold = xr.DataArray(
        values, dims=("subject", "time", "target"), coords={"subject": ["01", "02"]}
    )
    coordinates = {
        "hemisphere": (("target",), np.array(["L", "R", "L", "L"])),
        "roi": (("target",), np.array(["V1", "V1", "V2", "V1"])),
        "x": (("target",), np.arange(4.0)),
    }
    one = StoryData("one", 1.5, np.zeros(3), np.arange(5) * 1.5, bold, coordinates)
    found = story_data.with_regions_as_targets(one)
    expected = np.stack([values[..., [0, 3]].mean(-1), values[..., 1], values[..., 2]], axis=-1)
    np.testing.assert_allclose(found.bold.values, expected, rtol=1e-6)
    assert found.bold["subject"].values.tolist() == ["01", "02"]
    assert {name: values.tolist() for name, (_, values) in found.target_coordinates.items()} == {
        "hemisphere": ["L", "R", "L"],
        "roi": ["V1", "V1", "V2"],
        "target": ["L-V1", "R-V1", "L-V2"],
    }


def test_samples_that_leave_words_out_are_refused() -> None:
    bold = xr.DataArray(np.zeros((1, 100, 1)), dims=("subject", "time", "target"))
    story = StoryData("one", 1.5, np.arange(0, 150, 0.5), np.arange(100) * 1.5, bold, {})

    def samples(begin: float, end: float, step: float = 0.5) -> xr.Dataset:
        return xr.Dataset(coords={"onset": ("word", np.arange(begin, end, step))})

    for whole in (samples(0, 150), samples(-20, 300), samples(5, 145)):
        found = story_data.with_own_times(story, whole, "sum")
        np.testing.assert_array_equal(found.onsets, whole["onset"].values)
    for part in (samples(0, 75), samples(100, 250), samples(-200, -50)):
        with pytest.raises(EngramError, match="of 300 words, from 0.0 to 149.5 s, lie outside"):
            story_data.with_own_times(story, part, "sum")
    # Words behind the scan need no sample.
    longer = StoryData("one", 1.5, np.arange(0, 400, 0.5), np.arange(100) * 1.5, bold, {})
    assert story_data.with_own_times(longer, samples(0, 150), "sum").onsets.size == 300
    with pytest.raises(EngramError, match="up to 2 s apart"):
        story_data.with_own_times(story, samples(0, 150, 2.0), "sum")
