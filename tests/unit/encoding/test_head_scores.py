"""A listener who follows one attention head is found at it, above its null, and not elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from conftest import ROOT, random_words

from engram.encoding import head_scores
from engram.encoding.circular_shift import allowed_shifts
from engram.encoding.group import open_group
from engram.encoding.timing import delayed_features
from engram.features.heads.space import scale
from engram.features.language_models import activations
from engram.features.language_models.attention_heads import head_count, story_heads
from engram.features.space import Space
from engram.files import storage
from engram.statistics.head_tables import (
    HEADS_COLUMNS,
    SPECIALISATION_COLUMNS,
    heads_table,
    reproduced,
    specialisation_table,
)

OPTIONS: dict[str, Any] = {
    **{"words_to_trs": "sum", "longest_delay": 6.0, "delays": None, "folds": 4},
    **{"inner_folds": 2, "alphas": [1.0, 100.0, 10000.0], "alpha_by": "r", "backend": "numpy"},
}
TR, N_ROWS, N_WORDS, LISTENERS = 1.5, 300, 700, ["01", "02", "03", "04"]
HEADS, UNITS = 3, 2
#: Which head of layer 2 each region follows.
FOLLOWED = {"a": 1, "b": None, "c": 0, "d": 2, "e": None}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A story with two layers of three unrelated heads, and listeners whose regions follow some."""
    folder = tmp_path_factory.mktemp("heads")
    rng = np.random.default_rng(3)
    onsets = np.sort(rng.uniform(0, TR * N_ROWS - 8, N_WORDS)).round(3)
    words = pd.DataFrame({"word": "x", "onset": onsets, "offset": onsets + 0.1, "sentence": 0})
    storage.write_table(folder / "words.tsv", words, "Words", dict.fromkeys(words, "x"))
    vectors = rng.standard_normal((3, N_WORDS, HEADS * UNITS))
    vectors[0] = 0
    scale(vectors, HEADS)
    storage.write_dataset(folder / "heads.nc", Space(vectors, heads=HEADS).dataset())
    signal = np.zeros((N_ROWS, len(FOLLOWED)))
    for place, head in enumerate(FOLLOWED.values()):
        if head is not None:
            signal[:, place] = course(vectors[2][:, UNITS * head : UNITS * (head + 1)], onsets)
    write_bold(folder, signal + rng.standard_normal((len(LISTENERS), *signal.shape)))
    return folder


def course(vectors: np.ndarray, onsets: np.ndarray) -> np.ndarray:
    """Return what a region does that follows vectors."""
    times = np.arange(N_ROWS) * TR
    found = delayed_features(vectors.astype(np.float32), onsets, times, TR, [2, 3], "sum").sum(1)
    result: np.ndarray = found / found.std()
    return result


def write_bold(folder: Path, bold: np.ndarray) -> None:
    names = list("abcdefgh"[: bold.shape[2]])
    coordinates = {"target": names, "hemisphere": ("target", ["L"] * len(names))}
    xr.Dataset(
        {"bold": (("subject", "time", "target"), bold.astype(np.float32))},
        coords={
            "subject": LISTENERS[: len(bold)],
            "time": np.arange(N_ROWS) * TR,
            "roi": ("target", names),
            **coordinates,
        },
        attrs={"story": "tale", "tr": TR},
    ).to_netcdf(folder / "bold.nc", engine="h5netcdf")


def scored(folder: Path, shifts: int = 39, layer: int | None = 2, **changes: Any) -> xr.Dataset:
    heads, bold, words = ([str(folder / name)] for name in ("heads.nc", "bold.nc", "words.tsv"))
    options = {**OPTIONS, **changes}
    return head_scores.score_heads(
        heads, bold, words, LISTENERS, "roi", layer, shifts, 0, **options
    )


@pytest.fixture(scope="module")
def found(study: Path) -> xr.Dataset:
    result = scored(study)
    storage.write_dataset(study / "scores.nc", result)
    return result


@pytest.mark.slow
def test_a_followed_head_is_above_its_null_and_no_other_is(study: Path, found: xr.Dataset) -> None:
    table = heads_table({"heads": [str(study / "scores.nc")]}, 0)
    assert list(table) == list(HEADS_COLUMNS) and (table["n_shifts"] == 39).all()
    for row in table.itertuples():
        followed = row.layer == 2 and FOLLOWED[row.roi] == row.head
        assert (row.score > 0.4) == (row.split > 0.4) == followed, row
        if row.layer == 2:
            assert (row.p_corrected == 1 / 40) == (row.split_p_corrected == 1 / 40) == followed, row
        else:
            assert np.isnan(row.p) and np.isnan(row.split_p_corrected) and not row.is_reported
    assert set(table["layer"]) == {1, 2} == set(found["layer"].values.tolist())


@pytest.mark.slow
def test_a_single_story_has_no_more_shifts_than_it_allows(
    tmp_path: Path, found: xr.Dataset
) -> None:
    assert found["allowed"].values.tolist() == [len(allowed_shifts(N_ROWS, TR))]
    path = str(tmp_path / "scores.nc")
    storage.write_dataset(path, found.assign_coords(allowed=("story", [9])))
    table = heads_table({"heads": [path]}, 0).query("layer == 2")
    assert (table["n_shifts"] == 9).all() and table["p"].min() == 1 / 10


@pytest.mark.slow
def test_heads_are_special_to_regions_in_both_halves(study: Path, found: xr.Dataset) -> None:
    table = specialisation_table({"heads": [str(study / "scores.nc")]}, 0)
    assert list(table) == list(SPECIALISATION_COLUMNS)
    row = table.iloc[0]
    assert row["reproduced"] > 0.6 and row["p"] < 0.05 and row["n_permutations"] == 119
    assert row["n_regions"] == 5 and row["n_heads"] == 3 and row["layer"] == 2


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{}, {"scaling": "none"}, {"learn_from": "listener+others"}])
def test_parts_of_heads_add_up_to_the_layer(study: Path, changes: dict[str, Any]) -> None:
    heads, bold, words = ([str(study / name)] for name in ("heads.nc", "bold.nc", "words.tsv"))
    read, group = open_group(heads, bold, words, LISTENERS, "all", **{**OPTIONS, **changes})
    features = group.features([read[0]["activation"].values[2]])
    expected = group.score_features(features, group.targets, group.others).r.mean((0, 1))
    of_unit = np.tile(np.repeat(np.arange(HEADS), UNITS), features.shape[1] // (HEADS * UNITS))
    sets = [np.flatnonzero(of_unit == head) for head in range(HEADS)]
    parts = head_scores.split_scores(group, features, sets, group.targets, group.others)
    np.testing.assert_allclose(parts.sum(0), expected, atol=2e-5)
    # All features as one set carry everything; without them nothing is left.
    (whole,) = head_scores.split_scores(
        group, features, [np.arange(features.shape[1])], group.targets, group.others
    )
    np.testing.assert_allclose(whole, expected, atol=2e-5)


def test_parts_are_those_of_himalaya() -> None:
    from himalaya.scoring import correlation_score_split

    rng = np.random.default_rng(0)
    parts, recorded = rng.standard_normal((3, 40, 5)), rng.standard_normal((40, 5))
    recorded += parts.sum(0)
    expected = correlation_score_split(recorded, parts)
    np.testing.assert_allclose(head_scores._shares(parts, recorded), expected, atol=1e-6)
    parts[..., 0] = 3.0  # a constant prediction scores nothing
    assert not head_scores._shares(parts, recorded)[:, 0].any()


@pytest.mark.slow
def test_halves_of_noise_do_not_agree(study: Path, tmp_path: Path) -> None:
    """Each half is learned from by itself: else both would be covariances of the same noise."""
    for name in ("heads.nc", "words.tsv", "words.json"):
        if (study / name).exists():
            (tmp_path / name).write_bytes((study / name).read_bytes())
    rng = np.random.default_rng(8)
    agreed = []
    for _ in range(6):
        write_bold(tmp_path, rng.standard_normal((4, N_ROWS, 8)))
        halves = scored(tmp_path, shifts=0)["r_half"].values.astype(float)
        agreed.append(reproduced(halves, 0)[0].mean())
    assert abs(np.mean(agreed)) < 0.12, agreed


def test_a_region_that_gains_more_is_not_special() -> None:
    """The same heads in all regions, at other gains: nothing is special, and p is uniform."""
    rng = np.random.default_rng(1)
    heads, gains = rng.standard_normal((8, 1, 1)) ** 2 / 4, rng.uniform(0.2, 2, 6)
    reached = []
    for seed in range(60):
        halves = heads * gains + 0.1 * rng.standard_normal((2, 8, 5, 6))
        observed, null = reproduced(halves, seed)
        reached.append((1 + (null >= observed.mean()).sum()) / (1 + len(null)))
        assert len(null) == 719
    assert np.mean(np.array(reached) <= 0.05) <= 0.12 and 0.35 < np.mean(reached) < 0.65
    special = heads * gains + 0.4 * rng.standard_normal((8, 1, 6))
    observed, null = reproduced(special + 0.1 * rng.standard_normal((2, 8, 5, 6)), 0)
    assert observed.mean() > 0.7 and (null < observed.mean()).all()
    assert len(reproduced(halves[..., :3], 0)[1]) == 0


@pytest.mark.slow
def test_a_head_of_a_model_comes_back_at_its_place(tmp_path: Path) -> None:
    """Heads of a real model resemble each other; the one that is followed is still the best."""
    reader = activations.load(ROOT / "resources" / "models" / "llama-tiny", device="cpu")
    number = head_count(reader.model)
    words = random_words(N_WORDS, rate=N_WORDS / (TR * N_ROWS - 8))
    reading: dict[str, Any] = {
        "mode": "strided",
        "context": None,
        "stride": None,
        "batch_tokens": 512,
    }
    read = story_heads(words["word"].tolist(), reader, pooling="last", **reading)
    scale(read, number)
    storage.write_table(tmp_path / "words.tsv", words, "Words", dict.fromkeys(words, "x"))
    storage.write_dataset(tmp_path / "heads.nc", Space(read, heads=number).dataset())
    layer, head, rng = reader.depth, number - 1, np.random.default_rng(0)
    size = read.shape[2] // number
    mine = read[layer][:, size * head : size * (head + 1)]
    signal = course(mine @ rng.standard_normal((size, 1)), words["onset"].to_numpy())
    noise = rng.standard_normal((len(LISTENERS), N_ROWS, 1))
    write_bold(tmp_path, signal[:, None] + 0.5 * noise)
    found = scored(tmp_path, shifts=0, layer=None)["r"].mean(("subject", "region"))
    place = np.unravel_index(found.values.argmax(), found.shape)
    assert (int(found["layer"][place[0]]), int(found["head"][place[1]])) == (layer, head)
