"""R against chance: a direct loop, known answers, order."""

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

from engram.encoding import circular_shift, predictions
from engram.encoding.group import Group
from engram.encoding.story_data import StoryData
from engram.encoding.windows import Windows
from engram.figures import time_resolved_figures
from engram.files import storage
from engram.statistics import chance_table, time_resolved

OPTIONS: dict[str, Any] = {
    "words_to_trs": "sum",
    "longest_delay": 4.5,
    "delays": None,
    "folds": 3,
    "inner_folds": 2,
    "alphas": [0.1, 10, 1000],
    "alpha_by": "r",
}


def slow(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Noise as slow as BOLD: (n_rows, ...)."""
    noise = rng.standard_normal((shape[0] + 8, *shape[1:]))
    kernel = np.array([0.1, 0.3, 0.6, 1, 1, 0.6, 0.3, 0.1])
    return np.stack([np.tensordot(kernel, noise[row : row + 8], 1) for row in range(shape[0])])


def group(
    signal: float,
    seed: int = 0,
    n_rows: int = 150,
    n_listeners: int = 3,
    order: tuple[int, ...] | None = None,
) -> tuple[Group, np.ndarray]:
    """Listeners of a story of which features predict so much.

    All share a response that no feature predicts.
    """
    rng = np.random.default_rng(seed)
    times = 1.5 * np.arange(n_rows)
    onsets = np.sort(rng.uniform(0, times[-1], 300))
    vectors = rng.standard_normal((300, 6))
    driven = np.zeros((n_rows + 4, 4))
    np.add.at(driven, (onsets / 1.5).astype(int) + 3, vectors[:, :4])
    bold = (
        signal * driven[:n_rows]
        + slow(rng, n_rows, 4)
        + slow(rng, n_listeners, n_rows, 4).reshape(n_listeners, n_rows, 4)
    )
    bold = (bold - bold.mean(1, keepdims=True)) / bold.std(1, keepdims=True)
    names = [f"{k:02d}" for k in range(n_listeners)]
    places = {
        name: (("target",), regions(4)[name].to_numpy()) for name in ("target", "hemisphere", "roi")
    }
    array = xr.DataArray(bold, dims=("subject", "time", "target"), coords={"subject": names})
    wanted = [names[k] for k in order or range(n_listeners)]
    return Group(
        [StoryData("tale", 1.5, onsets, times, array, places)], wanted, backend="numpy", **OPTIONS
    ), vectors


def read(one: Group, vectors: np.ndarray, number: int = 39) -> xr.Dataset:
    """What the workflow's job writes."""
    features = one.features([vectors])
    shifts = np.stack(
        [
            circular_shift.drawn_shifts(part.name, len(part.times), one.tr, number, 0)
            for part in one.stories
        ],
        axis=1,
    )
    r = one.by_listener(one.score_features(features, one.targets)).mean((0, 1))
    null = circular_shift.null_scores(one, features, shifts)
    names = {
        "region_hemisphere": ("region", list("LRLR")),
        "region_roi": ("region", ["one", "one", "two", "two"]),
        "region_targets": ("region", [1] * 4),
    }
    allowed = (
        "story",
        [len(circular_shift.allowed_shifts(len(part.times), one.tr)) for part in one.stories],
    )
    return xr.Dataset(
        {"r": (("subject", "region"), r), "r_shifted": (("shift", "region"), null)},
        coords={
            "subject": one.subjects,
            "story": [part.name for part in one.stories],
            "allowed": allowed,
            **names,
        },
        attrs={"reported_layer": 0},
    )


def table(folder: Path, *args: Any, **options: Any) -> pd.DataFrame:
    path = str(folder / "null.nc")
    storage.write_dataset(path, read(*args, **options))
    return chance_table.chance_table({"m": [path]}, 0)


def test_null_is_a_direct_loop() -> None:
    """Each shift by itself: BOLD rolled within each story, the whole nested ridge anew.

    Then the mean over listeners is taken.
    """
    one, vectors = group(0.5)
    features = one.features([vectors])
    shifts = circular_shift.drawn_shifts("tale", 150, 1.5, 5, 0)
    found = circular_shift.null_scores(one, features, shifts[:, None])
    for shift, scores in zip(shifts, found, strict=True):
        direct = (
            one.score_features(features, np.roll(one.targets, shift, axis=0))
            .r.mean((0, 1))
            .reshape(3, 4)
            .mean(0)
        )
        np.testing.assert_allclose(scores, direct, atol=1e-5)


def test_batches_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    one, vectors = group(0.5)
    features, shifts = (
        one.features([vectors]),
        circular_shift.drawn_shifts("tale", 150, 1.5, 7, 0)[:, None],
    )
    whole = circular_shift.null_scores(one, features, shifts)
    monkeypatch.setattr(circular_shift, "_NUMBERS", 2 * one.targets.size)
    np.testing.assert_allclose(circular_shift.null_scores(one, features, shifts), whole, atol=1e-6)


def test_shifts() -> None:
    # 20 s from either end.
    assert circular_shift.allowed_shifts(100, 2.0).tolist() == list(range(10, 91))
    assert circular_shift.allowed_shifts(100, 1.5)[[0, -1]].tolist() == [14, 86]
    assert (
        len(circular_shift.allowed_shifts(19, 2.0))
        == len(circular_shift.drawn_shifts("a", 19, 2.0, 5, 0))
        == 0
    )
    drawn = circular_shift.drawn_shifts("a", 100, 2.0, 200, 0)
    # Each once before any comes again.
    assert sorted(drawn[:81]) == sorted(drawn[81:162]) == list(range(10, 91))
    # Stories of one length do not repeat their shifts together.
    both = {*zip(drawn, circular_shift.drawn_shifts("b", 100, 2.0, 200, 0), strict=True)}
    assert len(both) > 190 and len(circular_shift.drawn_shifts("a", 100, 2.0, 0, 0)) == 0
    assert (drawn != circular_shift.drawn_shifts("b", 100, 2.0, 200, 0)).any()
    # Evenly spaced over the 81 that are allowed, in a random order.
    few = circular_shift.drawn_shifts("a", 100, 2.0, 10, 0)
    assert set(np.diff(np.sort(few))) <= {8, 9} and (np.diff(few) < 0).any()
    values, story = np.arange(7.0)[:, None], np.array([0, 0, 0, 0, 1, 1, 1])
    assert circular_shift.shifted(values, story, [1, 2])[:, 0].tolist() == [3, 0, 1, 2, 5, 6, 4]


def test_what_is_planted_gets_the_smallest_p_and_noise_does_not(tmp_path: Path) -> None:
    found = table(tmp_path, *group(1.5))
    assert list(found.columns) == list(chance_table.CHANCE_COLUMNS)
    assert (
        (found["n_shifts"] == 39).all()
        and (found["p"] == 1 / 40).all()
        and (found["smallest_p"] == found["p"]).all()
    )
    assert (
        (found["score"] > found["null_95"]).all()
        and (found["low"] < found["score"]).all()
        and (found["score"] < found["high"]).all()
    )
    assert (found["p_corrected"] <= 0.05).all() and (found["effect_size"] > 3).all()
    noise = table(tmp_path, *group(0.0, seed=1))
    assert (noise["p"] > 1 / 40).all()


@pytest.mark.slow
def test_a_single_story_has_no_more_shifts_than_it_allows(tmp_path: Path) -> None:
    found = table(tmp_path, *group(0.5), number=199)
    assert (found["n_shifts"] == 150 - 2 * 14 + 1).all()


def test_order_of_listeners_changes_nothing(tmp_path: Path) -> None:
    first, second = table(tmp_path, *group(0.3)), table(tmp_path, *group(0.3, order=(2, 0, 1)))
    pd.testing.assert_frame_equal(first, second, atol=1e-5)


def test_groups_weigh_as_many_listeners_as_they_have() -> None:
    first, second = read(*group(0.3)), read(*group(0.3, seed=2, n_listeners=1))
    r, null, stories = chance_table.together([first, second])
    assert stories == {"tale"} and r.shape == (4, 4)
    np.testing.assert_allclose(
        null, (3 * first["r_shifted"].values + second["r_shifted"].values) / 4
    )


def test_where_a_story_is_too_short_there_is_no_test(tmp_path: Path) -> None:
    one, vectors = group(0.3)
    dataset = read(one, vectors)
    path = str(tmp_path / "null.nc")
    storage.write_dataset(path, dataset.isel(shift=slice(0)))
    found = chance_table.chance_table({"m": [path]}, 0)
    assert (
        found["p"].isna().all()
        and found["p_corrected"].isna().all()
        and (found["n_shifts"] == 0).all()
        and found["score"].notna().all()
    )


# ---------------------------------------------------------------- windows
def in_one_half(folder: Path, number: int = 39) -> xr.Dataset:
    """What the job writes of a story whose first half alone drives listeners."""
    rng, rows = np.random.default_rng(1), 240
    onsets = np.sort(rng.uniform(0, 1.5 * rows, 480))
    vectors = rng.standard_normal((1, 480, 4))
    driven = np.zeros((rows + 4, 4))
    np.add.at(driven, (onsets / 1.5).astype(int) + 2, vectors[0])
    bold = rng.standard_normal((5, rows, 4))
    bold[:, : rows // 2] += 2 * driven[: rows // 2]
    standard = (bold - bold.mean(1, keepdims=True)) / bold.std(1, keepdims=True)
    paths = metric_sample.files(folder, onsets, vectors, standard)
    return circular_shift.score_shifted(
        paths["activations"],
        paths["bold"],
        paths["words"],
        metric_sample.NAMES[:-1],
        "all",
        None,
        number,
        0,
        window=45.0,
        backend="numpy",
        **OPTIONS,
    )


def test_the_half_that_drives_listeners_is_predicted_and_the_other_is_not(tmp_path: Path) -> None:
    found = in_one_half(tmp_path)
    assert (found["window_begin"].diff("window") > 0).all() and found.sizes["window"] == 9
    path = str(tmp_path / "null.nc")
    storage.write_dataset(path, found)
    table = time_resolved.time_resolved_table({"m": [path]}, 0)
    assert list(table) == list(time_resolved.TIME_RESOLVED_COLUMNS)
    assert table["set"].unique().tolist() == ["all", "left", "right"]
    whole = table[table["set"] == "all"]
    first, second = whole[whole["end"] <= 180], whole[whole["begin"] >= 180]
    assert len(first) == len(second) == 4
    assert (first["score"] > 0.5).all() and (first["p_corrected"] == 1 / 40).all()
    assert (first["others"] > 0.5).all() and (second["others"].abs() < 0.3).all()
    assert (second["score"].abs() < 0.2).all() and (second["p_corrected"] > 0.05).all()
    assert (whole["null_mean"].abs() < 0.1).all() and (whole["n_shifts"] == 39).all()
    check(time_resolved_figures.time_resolved(table, ["m"], ["m"]), "other", "maximum statistic")


def test_windows_of_a_story_that_is_heard_alone_have_no_more_shifts_than_it_allows(
    tmp_path: Path,
) -> None:
    """Groups of one story each: draws repeat within a group, whatever others heard."""
    found = in_one_half(tmp_path)
    paths = []
    for name in ("tale", "other"):
        one = found.assign_coords(
            story=[name], window_story=("window", [name] * 9), allowed=("story", [15])
        )
        paths.append(str(tmp_path / f"{name}.nc"))
        storage.write_dataset(paths[-1], one)
    table = time_resolved.time_resolved_table({"m": paths}, 0)
    assert (table["n_shifts"] == 15).all() and table["p"].min() == 1 / 16
    both = found.assign_coords(window_story=("window", ["tale"] * 9))
    storage.write_dataset(
        paths[1],
        xr.concat([both, both], "story", data_vars="minimal").assign_coords(
            story=["tale", "other"], allowed=("story", [15, 15])
        ),
    )
    assert (time_resolved.time_resolved_table({"m": paths}, 0)["n_shifts"] == 39).all()


def test_r_in_windows_is_a_direct_correlation() -> None:
    """Predictions of each fold, correlated window by window."""
    one, vectors = group(0.5)
    cut = Windows.of(one, 45.0)
    features = one.features([vectors])
    found = one.score_features(features, one.targets, windows=cut.of_row)
    in_windows = found.windows
    assert in_windows is not None
    assert np.allclose(found.r, one.score_features(features, one.targets).r)
    assert in_windows.shape == (6, 12) and np.unique(cut.of_row).tolist() == list(range(6))
    for held in predictions.of_targets(one, features, one.targets):
        here = cut.of_row[held.rows]

        def take(columns: np.ndarray, guess: np.ndarray, seen: np.ndarray) -> None:
            for number in np.unique(here):  # noqa: B023
                rows = here == number  # noqa: B023
                for place, column in enumerate(columns):
                    r = np.corrcoef(guess[rows, place], seen[rows, place])[0, 1]
                    assert in_windows[number, column] == pytest.approx(r, abs=1e-4)

        held.each(take)
    r = cut.correlations(one.targets, one.targets)
    assert np.allclose(r, 1)
