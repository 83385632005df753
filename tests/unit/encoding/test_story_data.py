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
