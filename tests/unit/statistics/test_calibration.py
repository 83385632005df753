"""A few dozen runs of what `make calibrate` runs a thousand times."""

from __future__ import annotations

import importlib.util
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from engram.files.storage import read_json, read_table


@pytest.fixture(scope="module")
def calibration() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "calibration", ROOT / "benchmarks" / "calibration.py"
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_a_few_dozen_runs(calibration: ModuleType) -> None:
    """Tests and intervals that promise something keep it, in few runs.

    What is planted against chance is found more often than not.
    """
    table = calibration.calibrate(40, seed=1, cases=[2, 4, 6])
    assert list(table.columns) == list(calibration.COLUMNS)
    promised = table[table["test"].isin(["over seeds", "shifts"]) & table["expected"].notna()]
    assert (promised["as_expected"] == "yes").all() and len(promised) == 2, promised.to_string()
    planted = table[table["case"].str.startswith("planted")]
    assert (planted["share"] > 0.3).all()


@pytest.mark.slow
def test_texts_are_exchangeable(calibration: ModuleType) -> None:
    table = calibration.calibrate(12, seed=2, cases=[0]).set_index("test")
    assert table.loc["over texts", "as_expected"] == "yes"


def test_several_regions_are_simulated_and_few_are_found(calibration: ModuleType) -> None:
    """By false discovery rate nothing can be; what is detectable is added in one region."""
    found = calibration.tunings_by_region(np.random.default_rng(0), regions=3)
    assert set(found) == {calibration.ANY, calibration.AFTER, calibration.BY_FDR}
    null = np.random.default_rng(1).standard_normal((39, 6))
    one = calibration._by_region(null[0] - 9, null, place=2)
    assert not one[calibration.ANY] and set(one) == set(found)
    sure = calibration._by_region(null.max(0) + 9, null, place=2)
    assert sure[calibration.ANY] and sure[calibration.AFTER]


def test_rows_of_some_cases_take_the_place_of_those_there_were(calibration: ModuleType) -> None:
    def rows(*of: tuple[str, str, int]) -> pd.DataFrame:
        return pd.DataFrame(of, columns=["question", "case", "found"])

    old = rows(("F", "nothing", 1), ("F", "planted: 0.1 above", 2), ("M", "nothing", 3))
    new = rows(("F", "planted: 0.2 above", 4), ("M", "more", 5))
    assert calibration.renewed(old, new)["found"].tolist() == [1, 4, 3, 5]


def test_bounds_are_those_of_1000_runs(calibration: ModuleType) -> None:
    assert calibration.bounds(1000, 0.05) == (29, 74)


def test_the_committed_table_keeps_its_promises(calibration: ModuleType) -> None:
    """All that is promised holds in it, but for the limits that are named, of which each is one."""
    table = read_table(ROOT / "docs" / "calibration.tsv")
    assert list(table.columns) == list(calibration.COLUMNS)
    broken = table.loc[table["as_expected"] == "no", ["question", "case", "test"]]
    assert set(broken.itertuples(index=False, name=None)) == calibration.LIMITS
    simulated = {(one[0], one[1]) for one in calibration.CASES}
    named = table["case"].str.replace(r"^planted: .*", "planted", regex=True)
    assert set(zip(table["question"], named, strict=True)) <= simulated
    assert set(table["question"]) == {one[0] for one in calibration.CASES}
    nothing = table[table["case"].str.startswith("nothing")]
    assert (nothing["runs"] == 1000).all()
    assert (table.loc[table["test"] == calibration.DETECTABLE, "as_expected"] == "yes").sum() == 3
    assert "Description" in read_json(ROOT / "docs" / "calibration.json")
