"""Variants at the reported layer alone score there as among all layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from engram.associations.control_texts import CONTROLS
from engram.encoding.group import Group
from engram.encoding.story_data import StoryData
from engram.encoding.variant_scoring import score_variants
from engram.features import variants
from engram.files import storage
from engram.statistics import association_tables, exchangeability, variant_effects
from engram.vocabulary import ORIGINAL, WITH_ASSOCIATIONS

OPTIONS: dict[str, Any] = {
    "longest_delay": 4.5,
    "delays": None,
    "folds": 3,
    "inner_folds": 2,
    "alphas": [1.0, 100.0, 1e4],
    "alpha_by": "r",
    "backend": "numpy",
}
TEXTS = (ORIGINAL, WITH_ASSOCIATIONS, f"{CONTROLS[0]}-1")
REPORTED = 2


def group() -> Group:
    rng = np.random.default_rng(0)
    bold = xr.DataArray(
        rng.standard_normal((3, 80, 4)).astype(np.float32),
        dims=("subject", "time", "target"),
        coords={"subject": ["1", "2", "average"]},
    )
    coordinates = {
        "hemisphere": (("target",), np.array(["L"] * 4)),
        "roi": (("target",), np.array(["a", "b"] * 2)),
    }
    onsets = np.sort(rng.uniform(0, 110, 200))
    story = StoryData("s", 1.5, onsets, np.arange(80) * 1.5, bold, coordinates)
    return Group([story], ["1", "2", "average"], words_to_trs="sum", **OPTIONS)


def read(layers: slice) -> xr.Dataset:
    """Return a story's vectors in three texts, two of them at some of four layers."""
    vectors = np.random.default_rng(1).standard_normal((3, 4, 200, 5)).astype(np.float32)
    only = slice(REPORTED, REPORTED + 1)
    read_of = zip(TEXTS, (layers, layers, only), vectors, strict=True)
    return variants.collect(
        ((name, own[some], own[some, :0], np.empty(0)) for name, some, own in read_of),
        len(TEXTS),
        TEXTS[:2],
        REPORTED,
    )


def test_the_reported_layer_alone_scores_as_among_all(tmp_path: Path) -> None:
    tables = []
    for some in (slice(None), slice(REPORTED, REPORTED + 1)):
        path = tmp_path / f"{some.start}.nc"
        scores = score_variants([read(some)], group())
        storage.write_dataset(path, scores)
        effects = variant_effects.read_effects([str(path)])
        tables.append(association_tables.layers_table({("m", "t"): effects}))
    every, one = tables
    assert sorted(set(every["layer"])) == [0, 1, 2, 3] and set(one["layer"]) == {REPORTED}
    same = every[every["layer"] == REPORTED].reset_index(drop=True)
    assert same.equals(one) and one["F"].abs().min() > 0


def test_variants_are_kept_in_order_and_only_the_named_ones_at_every_layer() -> None:
    data = read(slice(None))
    assert data["variant"].values.tolist() == list(TEXTS)
    assert data["layer_variant"].values.tolist() == list(TEXTS[:2])
    np.testing.assert_array_equal(
        data["reported"].values[:2], data["all_layers"].values[:, REPORTED]
    )


def test_tokens_of_texts_go_into_scores_and_the_table_of_kinds(tmp_path: Path) -> None:
    path = tmp_path / "scores.nc"
    known = read(slice(None)).assign_coords(tokens=("variant", [100, 130, 140]))
    storage.write_dataset(path, score_variants([known], group()))
    effects = variant_effects.read_effects([str(path)])
    assert effects.tokens_of(TEXTS[1:]) == 135 and effects.tokens["s"].tolist() == [100, 130, 140]
    kinds = exchangeability.kinds_table({("m", "t"): effects}).set_index("kind")
    assert kinds["tokens"].to_dict() == {WITH_ASSOCIATIONS: 130, CONTROLS[0]: 140}
    assert set(kinds["tokens_original"]) == {100}
    storage.write_dataset(path, score_variants([read(slice(None))], group()))
    assert np.isnan(variant_effects.read_effects([str(path)]).tokens_of(TEXTS))
