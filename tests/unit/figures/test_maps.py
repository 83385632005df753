"""Maps: means over listeners against direct means.

Files come back as they were written.
"""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from engram.bold import targets
from engram.datasets.images.surfaces import VERTICES
from engram.figures import maps
from engram.files import storage
from engram.vocabulary import AVERAGE

RNG = np.random.default_rng(0)
N_TARGETS, N_LAYERS = 6, 2
#: Vertices with a target, in both hemispheres.
TABLE = pd.DataFrame(
    {
        "target": ["L3", "L5", "L9", "R0", "R5", "R10241"],
        "hemisphere": list("LLLRRR"),
        "roi": ["a", "b", "a", "b", "a", "a"],
        "vertex": [3, 5, 9, 0, 5, 10241],
    }
)
SIDES = {"L": "left.shape.gii", "R": "right.shape.gii"}


def write_scores(path: Path, subjects: list[str], stories: list[str]) -> np.ndarray:
    """Write a group's scores; return them: (layer, story, subject, target)."""
    r = RNG.uniform(-0.2, 0.5, (N_LAYERS, len(stories), len(subjects), N_TARGETS)).astype(
        np.float32
    )
    scores = xr.Dataset(
        {"r": (("layer", "story", "subject", "target"), r)},
        coords={"subject": subjects, "story": stories},
    )
    storage.write_dataset(path, scores)
    return r


def places(regions: bool = False) -> xr.Dataset:
    """Which vertex belongs to which target."""
    return xr.Dataset(
        coords=targets.vertex_map(
            TABLE, TABLE.groupby(["hemisphere", "roi"], sort=True).indices if regions else None
        )
    )


def write(
    folder: Path, made: dict[str, np.ndarray], where: xr.Dataset, space: str = "fsaverage5"
) -> dict[str, dict[str, np.ndarray]]:
    paths = {side: str(folder / name) for side, name in SIDES.items()}
    maps.write_maps(paths, made, where, space)
    return {side: maps.read_maps(path, side) for side, path in paths.items()}


def test_every_single_listener_counts_once(tmp_path: Path) -> None:
    first = write_scores(tmp_path / "one.nc", ["01", "02", "03", AVERAGE], ["one"])
    second = write_scores(tmp_path / "both.nc", ["04"], ["one", "two"])
    found = maps.score_maps([str(tmp_path / "one.nc"), str(tmp_path / "both.nc")])
    assert list(found) == ["layer 00", "layer 01"]
    for layer, values in enumerate(found.values()):
        listeners = [*first[layer, 0, :3], second[layer, :, 0].mean(0)]
        np.testing.assert_allclose(values, np.mean(listeners, axis=0), atol=1e-6)


def test_a_group_with_the_average_listener_alone_adds_nothing(tmp_path: Path) -> None:
    r = write_scores(tmp_path / "one.nc", ["01"], ["one"])
    write_scores(tmp_path / "average.nc", [AVERAGE], ["two"])
    found = maps.score_maps([str(tmp_path / "one.nc"), str(tmp_path / "average.nc")])
    np.testing.assert_allclose(found["layer 01"], r[1, 0, 0], atol=1e-6)


def test_layers_sort_by_name() -> None:
    names = [maps.layer_name(layer) for layer in range(40)]
    assert names == sorted(names)


def test_ceilings_are_means_over_stories(tmp_path: Path) -> None:
    averages, singles, shared = [], [], []
    for story, subjects in {"one": ["01", "02", "03"], "two": ["02"]}.items():
        averages.append(RNG.uniform(0.2, 0.8, N_TARGETS))
        singles.append(RNG.uniform(0.2, 0.8, (len(subjects), N_TARGETS)))
        shared.append(RNG.uniform(0.1, 0.4, (len(subjects), N_TARGETS)))
        ceiling = xr.Dataset(
            {
                "average": ("target", averages[-1]),
                "single": (("subject", "target"), singles[-1]),
                "loo": (("subject", "target"), shared[-1]),
            },
            coords={"subject": subjects},
        )
        storage.write_dataset(tmp_path / f"{story}.nc", ceiling)
    found = maps.ceiling_maps([str(tmp_path / "one.nc"), str(tmp_path / "two.nc")])
    assert list(found) == ["average listener", "single listeners", maps.INTER_SUBJECT]
    np.testing.assert_allclose(
        found[maps.INTER_SUBJECT], (shared[0].mean(0) + shared[1].mean(0)) / 2
    )
    np.testing.assert_allclose(found["average listener"], (averages[0] + averages[1]) / 2)
    np.testing.assert_allclose(
        found["single listeners"], (singles[0].mean(0) + singles[1].mean(0)) / 2
    )


@pytest.mark.parametrize("space", ["fsaverage5", "fsaverage6"])
def test_maps_come_back_with_nan_elsewhere(tmp_path: Path, space: str) -> None:
    made = {maps.layer_name(layer): RNG.uniform(-1, 1, N_TARGETS) for layer in range(3)}
    found = write(tmp_path, made, places(), space)
    for side, of_side in found.items():
        mine = (TABLE["hemisphere"] == side).to_numpy()
        assert list(of_side) == list(made)
        for name, values in of_side.items():
            assert values.dtype == np.float32 and values.shape == (VERTICES[space],)
            np.testing.assert_allclose(values[TABLE["vertex"][mine]], made[name][mine], atol=1e-6)
            assert np.isfinite(values).sum() == 3


def test_files_say_which_hemisphere_they_are(tmp_path: Path) -> None:
    write(tmp_path, {"layer 00": np.arange(6.0)}, places())
    for side, structure in (("L", "CortexLeft"), ("R", "CortexRight")):
        image = nibabel.load(tmp_path / SIDES[side])
        assert image.meta["AnatomicalStructurePrimary"] == structure
        assert [array.meta["Name"] for array in image.darrays] == ["layer 00"]
        assert {nibabel.nifti1.intent_codes.label[array.intent] for array in image.darrays} == {
            "shape"
        }


def test_a_parcel_is_painted_on_all_its_vertices(tmp_path: Path) -> None:
    regions = TABLE.groupby(["hemisphere", "roi"], sort=True).indices
    table = targets.regions_table(TABLE, regions)
    values = dict(zip(table["target"], [0.1, 0.2, 0.3, 0.4], strict=True))
    assert list(values) == ["L-a", "L-b", "R-a", "R-b"]
    found = write(tmp_path, {"map": np.array(list(values.values()))}, places(regions=True))
    for row in TABLE.itertuples():
        assert found[row.hemisphere]["map"][row.vertex] == pytest.approx(
            values[f"{row.hemisphere}-{row.roi}"]
        )
    assert [int(np.isfinite(of_side["map"]).sum()) for of_side in found.values()] == [3, 3]


def test_places_survive_storage(tmp_path: Path) -> None:
    """The map of vertices travels inside the BOLD's file."""
    regions = TABLE.groupby(["hemisphere", "roi"], sort=True).indices
    dataset = xr.Dataset(
        {"bold": (("subject", "time", "target"), np.zeros((1, 4, 4), dtype=np.float32))},
        coords={"subject": ["01"]},
    )
    storage.write_dataset(
        tmp_path / "bold.nc", dataset.assign_coords(targets.vertex_map(TABLE, regions))
    )
    with storage.open_dataset(tmp_path / "bold.nc") as stored:
        found = write(tmp_path, {"map": np.arange(4.0)}, stored)
    direct = write(tmp_path, {"map": np.arange(4.0)}, places(regions=True))
    for side in SIDES:
        np.testing.assert_array_equal(found[side]["map"], direct[side]["map"])


def test_datasets_without_a_surface_have_no_places() -> None:
    assert targets.vertex_map(TABLE.drop(columns="vertex"), None) == {}


def test_the_vertices_of_fsaverage5_are_the_first() -> None:
    fine, coarse = np.arange(VERTICES["fsaverage6"]), np.arange(VERTICES["fsaverage5"])
    np.testing.assert_array_equal(maps.on_fsaverage5(fine), coarse)
    np.testing.assert_array_equal(maps.on_fsaverage5(coarse), coarse)


def write_kinds(path: Path, subjects: list[str], stories: list[str]) -> np.ndarray:
    """Write a group's scores of a text; return them: (kind, story, subject, target)."""
    kinds = ["original", "associations", "random", "shuffled"]
    r = RNG.uniform(-0.2, 0.5, (len(kinds), len(stories), len(subjects), N_TARGETS)).astype(
        np.float32
    )
    coordinates = {"kind": kinds, "subject": subjects, "story": stories}
    storage.write_dataset(
        path,
        xr.Dataset({"r_kind": (("kind", "story", "subject", "target"), r)}, coords=coordinates),
    )
    return r


def test_maps_of_f_are_means_over_single_listeners(tmp_path: Path) -> None:
    one = write_kinds(tmp_path / "one.nc", ["01", "02", AVERAGE], ["a", "b"])
    two = write_kinds(tmp_path / "two.nc", ["03"], ["a"])
    found = maps.association_maps([str(tmp_path / "one.nc"), str(tmp_path / "two.nc")])
    r = np.concatenate([one.mean(1)[:, :2], two.mean(1)], axis=1)
    f = (r - r[0]).mean(1)
    for name, expected in (
        (maps.ASSOCIATION, f[1]),
        (maps.ASSOCIATION_NULL, f[2]),
        (maps.ASSOCIATION_DIFFERENCE, f[1] - f[2]),
    ):
        np.testing.assert_allclose(found[name], expected, atol=1e-6)
