"""Table, figure and methods of variance partitions: parts from planted areas, and intervals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from engram.encoding.partitions import subsets
from engram.figures import partition_figures
from engram.report.partition_methods import partition_methods
from engram.statistics import partition_tables

NAMES = ("rate", "norms", "model")
#: Areas of a Venn diagram, by the groups that share them.
AREAS = {
    ("rate",): 0.01, ("norms",): 0.02, ("model",): 0.08, ("rate", "norms"): 0.03,
    ("rate", "model"): -0.01, ("norms", "model"): 0.05, ("rate", "norms", "model"): 0.04,
}  # fmt: skip


def explained(areas: dict[tuple[str, ...], float], names: tuple[str, ...]) -> dict[str, float]:
    """Return what sets of groups explain: the union of their areas."""
    return {
        "+".join(some): sum(area for part, area in areas.items() if set(part) & set(some))
        for some in subsets(names)
    }


def written(folder: Path, name: str, story: str, subjects: list[str], seed: int) -> str:
    """Write scores of a group of listeners whose areas scatter about `AREAS`, and return the path.

    The second region has nothing.
    """
    rng = np.random.default_rng(seed)
    sets = list(explained(AREAS, NAMES))
    r2 = np.zeros((len(sets), 1, len(subjects), 2), dtype=np.float32)
    for listener in range(len(subjects)):
        areas = {part: area + 0.001 * rng.standard_normal() for part, area in AREAS.items()}
        r2[:, 0, listener, 0] = list(explained(areas, NAMES).values())
    path = folder / name
    xr.Dataset(
        {"r2": (("set", "story", "subject", "region"), r2)},
        coords={
            "set": sets,
            "story": [story],
            "subject": subjects,
            "region_hemisphere": ("region", ["L", "R"]),
            "region_roi": ("region", ["STG", "V1"]),
            "region_targets": ("region", [3, 1]),
        },
    ).to_netcdf(path)
    return str(path)


@pytest.fixture
def table(tmp_path: Path) -> pd.DataFrame:
    """The table of one partition of two groups of listeners."""
    people = [f"{number:02d}" for number in range(1, 15)]
    files = [
        written(tmp_path, "a.nc", "tale", [*people[:8], "average"], 0),
        written(tmp_path, "b.nc", "fable", people[8:], 1),
    ]
    return partition_tables.partitions_table({"meaning": files}, seed=0)


def test_areas_come_back() -> None:
    for names in (NAMES, NAMES[:2]):
        areas = {part: area for part, area in AREAS.items() if set(part) <= set(names)}
        scores = {name: np.array(value) for name, value in explained(areas, names).items()}
        found = partition_tables.parts_of(scores)
        assert {part: pytest.approx(float(area)) for part, area in found.items()} == areas


def test_table(table: pd.DataFrame) -> None:
    assert list(table.columns) == list(partition_tables.PARTITIONS_COLUMNS)
    assert len(table) == 2 * (1 + 3 + 7)
    assert (table["n_listeners"] == 14).all() and (table["n_stories"] == 2).all()
    here = table[table["roi"] == "STG"].set_index(["kind", "part"])
    for part, area in AREAS.items():
        kind = "unique" if len(part) == 1 else "shared"
        row = here.loc[(kind, " & ".join(part))]
        assert row["r2"] == pytest.approx(area, abs=0.001) and row["low"] < row["r2"] < row["high"]
        assert row["share"] == pytest.approx(area / sum(AREAS.values()), abs=0.01)
        assert row["p_listeners_fdr"] < 0.01
    whole = here.loc[("all", "rate+norms+model"), "r2"]
    parts = here[here.index.get_level_values("kind").isin(["unique", "shared"])]
    assert whole == pytest.approx(parts["r2"].sum(), abs=1e-6)
    assert here.loc[("alone", "model"), "r2"] == pytest.approx(0.08 - 0.01 + 0.05 + 0.04, abs=0.002)
    nothing = table[table["roi"] == "V1"]
    assert (nothing["r2"] == 0).all() and nothing["share"].isna().all()
    assert nothing["p_listeners"].isna().all()


def test_figure(table: pd.DataFrame) -> None:
    drawn = partition_figures.partitions(table)
    assert "14 listeners" in drawn.words.caption and "7 of 14 parts" in drawn.words.caption
    assert "rate & model, shared: −0.005 on average" in drawn.words.alt
    left, _ = drawn.figure.axes
    low, high = left.get_ylim()
    assert low < -0.01 and high > sum(AREAS.values())


def test_methods_name_groups_and_their_spaces(table: pd.DataFrame) -> None:
    groups = {"rate": ["rate"], "norms": ["touch", "sight"]}
    config = {"partitions": {"meaning": {"groups": groups}}}
    said = partition_methods(config, {"partitions": table})
    assert "meaning: rate, norms (touch and sight)." in said
    assert partition_methods({"partitions": {}}, {}) == ""
