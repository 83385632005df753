"""Tables of the metrics beside R say what files hold, and nothing that a metric has not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import metric_sample
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from figure_sample import check
from metric_sample import NAMES

from engram.decoding import scoring as decoding
from engram.decoding.comparison import ceiling_dataset
from engram.figures import metric_figures
from engram.files import storage
from engram.similarity import scoring as similarity
from engram.statistics import metric_tables
from engram.statistics.metric_columns import DECODING, METRICS, SIMILARITY, Metric

SINGLE, SETS = NAMES[:-1], ["all", "left", "right"]
#: A ceiling for each column, of all listeners.
LIMITS = {"ceiling": 0.9, "ceiling_lower": 0.4, "ceiling_upper": 0.6}
WAYS = {"decoding": ["encoding", "decoding"], "similarity": ["rsa", "encoding"]}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, xr.Dataset]:
    """Both metrics of a model of two layers, and of BOLD that is a linear map of the second."""
    rng = np.random.default_rng(3)
    onsets = np.sort(rng.uniform(0, 230, 320))
    vectors = rng.standard_normal((2, 320, 6))
    driven = np.zeros((160, 6))
    np.add.at(driven, (onsets / metric_sample.TR).astype(int) + 2, vectors[1])
    bold = 3 * driven + rng.standard_normal((len(NAMES), 160, 6))
    paths = metric_sample.files(
        tmp_path_factory.mktemp("metrics"), onsets, vectors, metric_sample.standardised(bold)
    )
    comparison, sets = metric_sample.compared(paths), ["all", "hemispheres"]
    return {
        "decoding": decoding.score_decoding(comparison, WAYS["decoding"], 9.0, sets),
        "similarity": similarity.score_similarity(comparison, WAYS["similarity"], 6.0, sets),
    }


def written(metric: Metric, one: xr.Dataset, folder: Path) -> tuple[str, str]:
    """The files of a group's scores and ceilings."""
    scores, bounds = str(folder / "s.nc"), str(folder / "c.nc")
    storage.write_dataset(scores, one)
    values = {name: np.full((1, 4, 3), LIMITS[name]) for name in metric.ceilings}
    attributes: dict[str, Any] = {"story": "tale"}
    storage.write_dataset(
        bounds, ceiling_dataset(values, ["tale"], SINGLE, SETS, "share", attributes)
    )
    return scores, bounds


@pytest.mark.parametrize("metric", METRICS.values(), ids=list(METRICS))
def test_tables_say_what_files_hold(
    metric: Metric, found: dict[str, xr.Dataset], tmp_path: Path
) -> None:
    one = found[metric.name]
    scores, bounds = written(metric, one, tmp_path)
    table = metric_tables.listener_table(metric, {"m": [scores]}, [bounds])
    assert list(table) == list(metric.columns)
    assert len(table) == one["score"].isel(measure=0).size == 2 * 2 * 3 * 5
    # Rows stand in the order of the file.
    assert table[metric.way].unique().tolist() == WAYS[metric.name]
    assert table["set"].unique().tolist() == SETS
    for way in WAYS[metric.name]:
        rows = table[(table[metric.way] == way) & (table["set"] == "left")]
        row = rows[(rows["layer"] == 1) & (rows["subject"] == "02")].iloc[0]
        for measure in one["measure"].values.tolist():
            expected = one["score"].sel(way=way, layer=1, set="left", subject="02", measure=measure)
            assert row[measure] == pytest.approx(expected.item())
        assert row["n_targets"] == 3
    for name in metric.ceilings:
        known = table[table[name].notna()]
        assert (known[name] == np.float32(LIMITS[name])).all()
        assert known[metric.way].unique().tolist() == [metric.only[name]]
        assert len(known) == 2 * 3 * 4 and "average" not in set(known["subject"])
    tests = metric_tables.tests_table(metric, {"m": [scores]}, [bounds], 0)
    assert list(tests) == list(metric.test_columns) and len(tests) == 6
    assert (tests["p"] == 1 / 20).all() and (tests["layer"] == 1).all()
    assert (tests["n_listeners"] == 4).all() and (tests["n_shifts"] == 19).all()
    single = one["score"].isel(measure=0).sel(layer=1, subject=SINGLE).mean(("story", "subject"))
    assert np.allclose(tests[metric.value], single.transpose("way", "set").values.ravel())
    assert tests[next(iter(metric.ceilings))].notna().sum() == 3
    check(getattr(metric_figures, metric.name)(table, tests, ["m"]), "circular shifts")


def test_facts_of_stories_stand_beside_measures(
    found: dict[str, xr.Dataset], tmp_path: Path
) -> None:
    path, _ = written(DECODING, found["decoding"], tmp_path)
    table = metric_tables.listener_table(DECODING, {"m": [path]}, [])
    assert (table["n_segments"] == 24).all() and table["ceiling"].isna().all()
    by_chance = found["decoding"]["by_chance"].sel(measure="top1").item()
    assert np.allclose(table["top1_chance"], by_chance)
    path, _ = written(SIMILARITY, found["similarity"], tmp_path)
    table = metric_tables.listener_table(SIMILARITY, {"m": [path]}, [])
    pairs = table.loc[table["metric"] == "rsa", "n_pairs"]
    assert (pairs == found["similarity"]["n_pairs"].item()).all()
    assert table.loc[table["metric"] == "encoding", "n_pairs"].isna().all()
    assert pd.api.types.is_integer_dtype(table["n_pairs"])


def test_sets_without_geometry_are_not_in_the_tables_of_rsa(
    found: dict[str, xr.Dataset], tmp_path: Path
) -> None:
    one = found["similarity"]
    values = one["score"].copy()
    values.loc[{"way": "rsa", "set": "left"}] = np.nan
    path, bounds = written(SIMILARITY, one.assign(score=values), tmp_path)
    for table in (
        metric_tables.listener_table(SIMILARITY, {"m": [path]}, [bounds]),
        metric_tables.tests_table(SIMILARITY, {"m": [path]}, [], 0),
    ):
        sets = table.groupby("metric")["set"].unique().map(list)
        assert sets["rsa"] == ["all", "right"] and sets["encoding"] == SETS
