"""R against chance: a direct loop, known answers, order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from conftest import regions

from engram import chance, storage
from engram.encoding import Group, StoryData

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


def group(signal: float, seed: int = 0, n_rows: int = 150, n_listeners: int = 3, order: tuple[int, ...] | None = None) -> tuple[Group, np.ndarray]:
    """Listeners of a story of which features predict so much; all share a response that no feature predicts."""
    rng = np.random.default_rng(seed)
    times = 1.5 * np.arange(n_rows)
    onsets = np.sort(rng.uniform(0, times[-1], 300))
    vectors = rng.standard_normal((300, 6))
    driven = np.zeros((n_rows + 4, 4))
    np.add.at(driven, (onsets / 1.5).astype(int) + 3, vectors[:, :4])
    bold = signal * driven[:n_rows] + slow(rng, n_rows, 4) + slow(rng, n_listeners, n_rows, 4).reshape(n_listeners, n_rows, 4)
    bold = (bold - bold.mean(1, keepdims=True)) / bold.std(1, keepdims=True)
    names = [f"{k:02d}" for k in range(n_listeners)]
    places = {name: (("target",), regions(4)[name].to_numpy()) for name in ("target", "hemisphere", "roi")}
    array = xr.DataArray(bold, dims=("subject", "time", "target"), coords={"subject": names})
    wanted = [names[k] for k in order or range(n_listeners)]
    return Group([StoryData("tale", 1.5, onsets, times, array, places)], wanted, backend="numpy", **OPTIONS), vectors


def curves(one: Group, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores of all shifts of each target, and the predictions."""
    predictions = one.predict([vectors])
    blocks = np.array_split(np.arange(len(predictions)), 3)
    return chance.shifted_scores(predictions, one.targets, blocks, [np.array([k]) for k in range(predictions.shape[1])]), predictions


def test_predictions_give_the_scores() -> None:
    one, vectors = group(1.0)
    found, _ = curves(one, vectors)
    np.testing.assert_allclose(found[0], one.score([vectors]).r[0].mean(0), atol=1e-5)


def test_all_shifts_are_those_of_a_direct_loop() -> None:
    one, vectors = group(0.5)
    found, predictions = curves(one, vectors)
    blocks = np.array_split(np.arange(len(predictions)), 3)

    def unit(values: np.ndarray) -> np.ndarray:
        parts = [values[rows] - values[rows].mean(0) for rows in blocks]
        return np.concatenate([part / np.sqrt((part**2).sum(0)) for part in parts])

    p, b = unit(predictions.astype(float)), unit(one.targets.astype(float))
    direct = np.array([(np.roll(p, shift, axis=0) * b).sum(0) / 3 for shift in range(len(p))])
    np.testing.assert_allclose(found, direct, atol=1e-5)
    together = chance.shifted_scores(predictions, one.targets, blocks, [np.arange(12)])
    np.testing.assert_allclose(together[:, 0], direct.mean(1), atol=1e-5)


def test_a_constant_prediction_scores_0() -> None:
    assert not chance.unit_blocks(np.full((10, 2), 3.3, np.float32), [np.arange(5), np.arange(5, 10)]).any()


def write(folder: Path, one: Group, vectors: np.ndarray) -> str:
    """Write what the workflow's job would."""
    predictions = one.predict([vectors])
    n_listeners, n_targets = one.shape
    groups = [np.arange(n_listeners * n_targets).reshape(n_listeners, n_targets)[:, k] for k in range(n_targets)]
    r = chance.shifted_scores(predictions, one.targets, np.array_split(np.arange(len(predictions)), 3), groups)
    path = str(folder / "null.nc")
    names = {"region_hemisphere": ("region", list("LRLR")), "region_roi": ("region", ["one", "one", "two", "two"]), "region_targets": ("region", [1] * 4)}
    coordinates = {"story": ["tale"], "n_trs": ("story", [len(r)]), **names}
    attributes = {"tr": 1.5, "reported_layer": 0, "n_listeners": n_listeners}
    storage.write_dataset(path, xr.Dataset({"r": (("story", "shift", "region"), r[None])}, coords=coordinates, attrs=attributes))
    return path


def table(folder: Path, one: Group, vectors: np.ndarray) -> pd.DataFrame:
    path = write(folder, one, vectors)
    scores = one.by_story(one.score([vectors])).mean((0, 1))
    rows = [
        {"model": "m", "layer": 0, "subject": subject, "hemisphere": "LR"[k % 2], "roi": ("one", "two")[k // 2], "score": scores[number, k]}
        for number, subject in enumerate(one.subjects)
        for k in range(4)
    ]
    return chance.chance_table({"m": [path]}, pd.DataFrame(rows), 0)


def test_what_is_planted_gets_the_smallest_p_and_noise_does_not(tmp_path: Path) -> None:
    found = table(tmp_path, *group(1.5))
    assert list(found.columns) == list(chance.CHANCE_COLUMNS)
    n_shifts = 150 - 2 * 14 + 1  # 20 s are 14 rows of 1.5 s
    assert (found["n_shifts"] == n_shifts).all() and (found["p"] == 1 / (1 + n_shifts)).all() and (found["smallest_p"] == found["p"]).all()
    assert (found["score"] > found["null_95"]).all() and (found["low"] < found["score"]).all() and (found["score"] < found["high"]).all()
    assert (found["p_fdr"] <= 0.05).all() and (found["effect_size"] > 3).all()
    noise = table(tmp_path, *group(0.0, seed=1))
    assert (noise["p"] > 0.01).all()


def test_order_of_listeners_changes_nothing(tmp_path: Path) -> None:
    first, second = table(tmp_path, *group(0.3)), table(tmp_path, *group(0.3, order=(2, 0, 1)))
    pd.testing.assert_frame_equal(first, second, atol=1e-6)


def test_several_stories_are_shifted_each_by_itself() -> None:
    rng = np.random.default_rng(0)
    stories = {"b": rng.standard_normal((80, 2)), "a": rng.standard_normal((60, 2))}
    null = chance.null_scores(stories, 2.0, 0)
    assert null.shape == (chance.DRAWS, 2)
    allowed = {name: values[10 : len(values) - 9] for name, values in stories.items()}
    assert null.mean() == pytest.approx(sum(values.mean() for values in allowed.values()), abs=0.05)
    assert null[:, 0].var() == pytest.approx(sum(values[:, 0].var() for values in allowed.values()), rel=0.1)
    np.testing.assert_array_equal(null, chance.null_scores(dict(reversed(stories.items())), 2.0, 0))
    assert len(chance.null_scores({**stories, "short": rng.standard_normal((19, 2))}, 2.0, 0)) == 0  # nothing is shifted by 20 s


def test_groups_weigh_as_many_listeners_as_they_have(tmp_path: Path) -> None:
    """Two groups who heard one story, and one and another: the sum at shift 0 is the mean over listeners of the mean over their stories."""
    names = {"region_hemisphere": ("region", ["L"]), "region_roi": ("region", ["one"]), "region_targets": ("region", [1])}
    attributes = {"tr": 2.0, "reported_layer": 0}
    values = {"first": (["a"], [[0.3] * 30], 3), "second": (["a", "b"], [[0.1] * 30, [0.5] * 30], 1)}
    paths = []
    for name, (stories, r, n_listeners) in values.items():
        array = np.array(r)[..., None]
        coordinates = {"story": stories, "n_trs": ("story", [30] * len(stories)), **names}
        paths.append(str(tmp_path / f"{name}.nc"))
        storage.write_dataset(
            paths[-1], xr.Dataset({"r": (("story", "shift", "region"), array)}, coords=coordinates, attrs={**attributes, "n_listeners": n_listeners})
        )
    found, _, n_listeners = chance.group_mean(paths)
    assert n_listeners == 4 and sum(curve[0, 0] for curve in found.values()) == pytest.approx((3 * 0.3 + (0.1 + 0.5) / 2) / 4)
