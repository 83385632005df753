"""Figures of the brain: on the cortex, or markers of regions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from figure_sample import ceilings, check, scores, seeds, texts

from engram.datasets.images.surfaces import VERTICES
from engram.figures import brain_figures, brain_measures, maps
from engram.statistics import association_tables, tuning_tables
from engram.vocabulary import AVERAGE


def places() -> xr.Dataset:
    """Two regions of some vertices in each hemisphere."""
    n = 200
    return xr.Dataset(
        coords={
            "hemisphere": ("target", list("LLRR")),
            "roi": ("target", ["ATL", "IFG", "ATL", "IFG"]),
            "vertex_number": ("vertex", np.tile(np.arange(n), 2)),
            "vertex_hemisphere": ("vertex", np.repeat(["L", "R"], n)),
            "vertex_target": ("vertex", np.repeat(np.arange(4), n // 2)),
        }
    )


def test_regions_are_painted_whole() -> None:
    values = pd.Series({("L", "ATL"): 0.1, ("L", "IFG"): 0.2, ("R", "ATL"): 0.3})
    found = maps.region_maps(values, places(), "fsaverage5")
    assert found["L"].shape == (VERTICES["fsaverage5"],)
    np.testing.assert_allclose(found["L"][[0, 99, 100, 199]], [0.1, 0.1, 0.2, 0.2], rtol=1e-6)
    assert (
        np.isnan(found["L"][200:]).all()
        and np.isnan(found["R"][100:]).all()
        and (found["R"][:100] == np.float32(0.3)).all()
    )


@pytest.mark.slow
def test_f_is_drawn_on_the_cortex_inflated_and_flat() -> None:
    found = {("m", "a"): texts(0.1)}
    table = association_tables.association_table(found, {"a": "language model"}, 0)
    measure = brain_measures.association(table, None, places(), "fsaverage5")
    drawn = brain_figures.draw(measure, pd.DataFrame())
    check(
        drawn,
        "39 random texts",
        "inflated (lateral and medial) and flat",
        "Regions have one value each",
        "3 of 3 tests over texts have p at most 0.05",
    )
    assert [axes.name for axes in drawn.figure.axes] == ["3d"] * 4 + ["rectilinear"] * 3
    titles = [" ".join(text.get_text().split()) for text in drawn.figure.texts]
    assert any("written by a language model" in title for title in titles)
    assert drawn.figure.axes[-1].get_xlabel() == "F minus F of random texts (Pearson r)"
    assert f"{table['F_minus_null'].max():.3f} in" in drawn.words.alt


def test_maps_are_those_of_their_files() -> None:
    """By model, layer, hemisphere and name, as `engram.figures.maps` writes them."""
    table, n = scores(), VERTICES["fsaverage5"]
    by_layer = {
        model: {
            side: {maps.layer_name(k): np.full(n, 10.0 * k + (side == "R")) for k in range(4)}
            for side in "LR"
        }
        for model in ("one", "two")
    }
    measure = brain_measures.scores(table, by_layer, ["one", "two"], None)
    assert measure.maps is not None and list(measure.maps) == ["one, layer 2", "two, layer 2"]
    assert [measure.maps["two, layer 2"][side][0] for side in "LR"] == [20.0, 21.0]
    bounds = {
        side: {
            "average listener": np.full(n, 0.5),
            "single listeners": np.full(n, 0.3),
            maps.INTER_SUBJECT: np.full(n, 0.2),
        }
        for side in "LR"
    }
    kinds = brain_measures.ceilings(ceilings(table), bounds).maps
    assert kinds is not None and [values["L"][0] for values in kinds.values()] == [0.5, 0.3, 0.2]
    found = {("m", "a"): texts(), ("m", "b"): texts()}
    f = association_tables.association_table(found, {"a": "x", "b": "x"}, 0)
    differences = {
        (name, "m"): {side: {maps.ASSOCIATION_DIFFERENCE: np.full(n, value)} for side in "LR"}
        for name, value in (("b", 2.0), ("a", 1.0))
    }
    drawn = brain_measures.association(f, differences, None, None)
    assert drawn.maps is not None and [values["R"][0] for values in drawn.maps.values()] == [
        1.0,
        2.0,
    ]
    assert "one value each" not in drawn.words and next(iter(drawn.maps)).startswith("a (")


LOCATED = pd.DataFrame(
    {
        "hemisphere": ["L", "L", "R"],
        "roi": ["ATL", "IFG", "ATL"],
        "x": [-40.0, np.nan, 40.0],
        "y": [-60.0, np.nan, -60.0],
        "z": [30.0, np.nan, 30.0],
    }
)


@pytest.mark.slow
def test_scores_and_ceilings_are_markers_where_there_is_no_surface() -> None:
    table = scores()
    measure = brain_measures.scores(table, {}, ["one", "two"], None)
    assert list(measure.rows) == ["one, layer 2", "two, layer 2"] and measure.maps is None
    mine = table[(table["model"] == "two") & (table["layer"] == 2) & (table["subject"] != AVERAGE)]
    pd.testing.assert_series_equal(
        measure.rows["two, layer 2"], mine.groupby(["hemisphere", "roi"])["score"].mean()
    )
    drawn = brain_figures.draw(measure, LOCATED)
    check(
        drawn, "n = 7 listeners (mean)", "glass brains", "1 region without coordinates is not shown"
    )
    bounds = brain_measures.ceilings(ceilings(table), None)
    assert (
        bounds.sequential and len(bounds.rows) == 3 and "n = 7 listeners, 1 story" in bounds.words
    )


def test_m_is_left_out_where_listeners_share_nothing() -> None:
    found = {("m", "t"): seeds(4, 4)}
    table = tuning_tables.tuning_table(found, {"t": "lora"}, 0)
    bounds = ceilings(scores())
    bounds.loc[(bounds["hemisphere"] == "L") & (bounds["roi"] == "IFG"), "ceiling"] = 0.01
    measure = brain_measures.tuning(table, bounds, places(), "fsaverage5", 0.05)
    (row,) = measure.rows.values()
    assert (
        list(row.index) == [("L", "ATL"), ("R", "ATL")]
        and "1 with a ceiling below 0.05 are left out" in measure.words
    )
    assert measure.maps is not None and np.isnan(next(iter(measure.maps.values()))["L"][150])
    unknown = brain_measures.tuning(table, ceilings(scores(), known=False), None, None, 0.05)
    assert len(next(iter(unknown.rows.values()))) == 3 and unknown.maps is None
    bounds["ceiling"] = 0.0
    # Nothing is left.
    check(brain_figures.draw(brain_measures.tuning(table, bounds, None, None, 0.05), LOCATED))
