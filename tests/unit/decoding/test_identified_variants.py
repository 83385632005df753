"""F and M of identification: a planted association is found, and null texts give nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import metric_sample
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from conftest import regions
from figure_sample import check

from engram.decoding import from_predictions, ranks
from engram.decoding.scoring import Trials
from engram.decoding.variants import identify_variants
from engram.encoding import predictions
from engram.encoding.group import Group
from engram.encoding.story_data import StoryData
from engram.features import variants
from engram.figures import identified_figures
from engram.files import storage
from engram.statistics import identified_effects
from engram.statistics.variant_effects import Effects, read_effects
from engram.vocabulary import ASSOCIATION, ORIGINAL, RANDOM, WITH_ASSOCIATIONS

ROWS, WORDS, UNITS, SECONDS = 160, 320, 4, 9.0
NULLS = [f"{RANDOM}-{number}" for number in range(1, 20)]
SETS = ["all", "hemispheres"]


def world(shift: float) -> tuple[Group, np.ndarray, np.ndarray]:
    """A group whose BOLD is driven by words and, by so much, by what they bring to mind."""
    rng = np.random.default_rng(0)
    onsets = np.sort(rng.uniform(0, metric_sample.TR * (ROWS - 6), WORDS))
    heard, thought = rng.standard_normal((2, WORDS, UNITS))
    driven = np.zeros((ROWS, UNITS))
    np.add.at(driven, (onsets / metric_sample.TR).astype(int) + 2, 0.1 * heard + shift * thought)
    noise = 2 * rng.standard_normal((5, ROWS, 4))
    bold = metric_sample.standardised(driven @ rng.standard_normal((UNITS, 4)) + noise)
    places = {
        name: (("target",), regions(4)[name].to_numpy()) for name in ("target", "hemisphere", "roi")
    }
    array = xr.DataArray(
        bold.astype(np.float32),
        dims=("subject", "time", "target"),
        coords={"subject": metric_sample.NAMES},
    )
    times = metric_sample.TR * np.arange(ROWS)
    story = StoryData("tale", metric_sample.TR, onsets, times, array, places)
    return Group([story], metric_sample.NAMES, **metric_sample.OPTIONS), heard, thought


def collected(names: list[str], heard: np.ndarray, added: list[np.ndarray]) -> xr.Dataset:
    """A story's vectors in several variants: what is heard, and what each adds to it."""
    layers = [(heard + more)[None].astype(np.float32) for more in added]
    return variants.collect(
        ((name, one, one[:, :0], np.empty(0)) for name, one in zip(names, layers, strict=True)),
        len(names),
        names[:1],
        0,
    )


def texts(shift: float, folder: Path) -> tuple[Effects, xr.Dataset, xr.Dataset, Group]:
    group, heard, thought = world(shift)
    rng = np.random.default_rng(1)
    names = [ORIGINAL, WITH_ASSOCIATIONS, *NULLS]
    added = [0 * heard, thought, *rng.standard_normal((len(NULLS), WORDS, UNITS))]
    read = collected(names, heard, added)
    found = identify_variants([read], group, SECONDS, SETS)
    path = folder / "scores.nc"
    storage.write_dataset(path, found)
    return read_effects([str(path)]), found, read, group


@pytest.fixture(scope="module")
def planted(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Effects, xr.Dataset, xr.Dataset, Group]:
    return texts(1.0, tmp_path_factory.mktemp("planted"))


def test_a_variant_is_identified_as_a_model_of_its_vectors(
    planted: tuple[Effects, xr.Dataset, xr.Dataset, Group],
) -> None:
    _, found, read, group = planted
    trials = Trials.of(group, SECONDS, SETS, group.folds, 2)
    for number in (0, 1, 5):
        vectors = read["reported"][number].values
        held = predictions.of_targets(group, group.features([vectors]), group.targets)
        direct = from_predictions.identified(
            held, trials.blocks, trials.sets, 5, 1, ranks.rank_only
        )
        assert np.allclose(found["r"][number], direct[0])
    assert found["region_roi"].values.tolist() == ["all", "left", "right"]


def test_what_listeners_think_is_found_above_null_texts(
    planted: tuple[Effects, xr.Dataset, xr.Dataset, Group],
) -> None:
    one = planted[0]
    table = identified_effects.association_table({("m", "thought"): one}, 0)
    assert list(table) == list(identified_effects.ASSOCIATION_COLUMNS)
    assert table["set"].tolist() == ["all", "left", "right"]
    whole = table[table["set"] == "all"].iloc[0]
    assert whole["F"] > 0.1 and whole["p_texts_corrected"] == 1 / 20 and whole["n_null"] == 19
    single = planted[1]["r"][:, 0, :4, 0].mean("subject")
    assert whole["F"] == pytest.approx(float(single[1] - single[0]))
    assert whole["null_95"] == pytest.approx(np.percentile(single[2:] - single[0], 95), abs=1e-6)
    check(
        identified_figures.association(table, ["thought"]), "by identification", "maximum statistic"
    )


def test_a_text_of_which_nobody_thinks_is_among_null_texts(tmp_path: Path) -> None:
    one, _, _, _ = texts(0.0, tmp_path)
    table = identified_effects.association_table({("m", "thought"): one}, 0)
    assert (table["p_texts_corrected"] > 0.05).all()


def tuned(gain: float) -> Effects:
    """Effects of four seeds of each condition, with a gain of rank accuracy by tuning."""
    rng = np.random.default_rng(2)
    names = [f"{kind}-{seed}" for kind in (ASSOCIATION, "shuffled", "generic") for seed in range(4)]
    base = 0.7 + 0.02 * rng.standard_normal((6, 2))
    seeds = base + 0.004 * rng.standard_normal((12, 6, 2))
    seeds[:4] += gain
    people = [f"{number:02d}" for number in range(6)]
    return Effects(
        people,
        [("both", "all", 4), ("both", "left", 2)],
        [ORIGINAL, *names],
        [],
        2,
        np.concatenate([base[None], seeds]),
        np.empty((0, 0, 6, 2)),
    )


def test_m_is_a_share_of_what_is_above_chance() -> None:
    found: dict[tuple[str, str], Any] = {("m", "lora"): tuned(0.05)}
    table = identified_effects.tuning_table(found, {"lora": "lora"}, 0)
    assert list(table) == list(identified_effects.TUNING_COLUMNS)
    assert np.allclose(table["M"], table["difference"] / (table["original"] - 0.5))
    assert table["original"].between(0.65, 0.75).all()
    assert np.allclose(table["difference"], 0.05, atol=0.01)
    assert (table["p_shuffled_corrected"] <= 0.05).all()
    nothing = identified_effects.tuning_table({("m", "lora"): tuned(0.0)}, {"lora": "lora"}, 0)
    assert (nothing["p_shuffled_corrected"] > 0.05).all()
    check(identified_figures.tuning(pd.concat([table]), ["lora"]), "Tuning effect", "over seeds")
