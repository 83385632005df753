"""Scoring where memory runs out: fewer targets or listeners at a time, and the same scores."""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import xarray as xr

from engram.encoding import backends, ridge, variant_scoring
from engram.encoding import group as groups
from engram.encoding.group import Group
from engram.encoding.story_data import StoryData
from engram.features import variants
from engram.jobs.out_of_memory import OutOfMemoryError

pytestmark = pytest.mark.slow

OPTIONS: dict[str, Any] = {
    "longest_delay": 6.0,
    "delays": None,
    "folds": 3,
    "inner_folds": 2,
    "alphas": [1.0, 100.0, 1e4],
    "alpha_by": "r",
    "backend": "numpy",
}


@pytest.fixture
def group() -> Callable[[], Group]:
    rng = np.random.default_rng(0)
    subjects = ["1", "2", "3", "4", "5"]
    bold = xr.DataArray(
        rng.standard_normal((5, 80, 40)).astype(np.float32),
        dims=("subject", "time", "target"),
        coords={"subject": subjects},
    )
    coordinates = {
        "hemisphere": (("target",), np.array(["L"] * 40)),
        "roi": (("target",), np.array(["a", "b"] * 20)),
    }
    story = StoryData(
        "s", 1.5, np.sort(rng.uniform(0, 110, 200)), np.arange(80) * 1.5, bold, coordinates
    )
    return lambda: Group([story], subjects, words_to_trs="sum", **OPTIONS)


@pytest.fixture
def read() -> xr.Dataset:
    """A story's vectors in two variants, three layers of one of them."""
    rng = np.random.default_rng(1)
    return variants.collect(
        (
            (
                name,
                rng.standard_normal((3, 200, 5)).astype(np.float32),
                np.empty((3, 0, 5), np.float32),
                np.empty(0),
            )
            for name in ("base", "other-1")
        ),
        2,
        ["base"],
        1,
    )


def tight(
    monkeypatch: pytest.MonkeyPatch,
    module: ModuleType,
    name: str,
    most: int,
    width: Callable[..., int],
) -> list[int]:
    """Let a function of encoding run out of memory at more than so many targets or listeners.

    Returns what it was given.
    """
    real, given = getattr(module, name), list[int]()

    def run(*arguments: Any, **options: Any) -> Any:
        given.append(width(*arguments))
        if given[-1] > most:
            raise MemoryError
        return real(*arguments, **options)

    monkeypatch.setattr(module, name, run)
    return given


def test_targets_are_scored_in_smaller_batches(
    group: Callable[[], Group],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    features = np.random.default_rng(2).standard_normal((80, 12)).astype(np.float32)
    whole = group().score_features(features, group().targets)
    monkeypatch.setattr(backends, "_FEWEST_BYTES", 1)
    given = tight(
        monkeypatch, ridge, "_criterion", 60, lambda fold, data, some, *_: some.stop - some.start
    )
    found = group().score_features(features, group().targets)
    assert given[:3] == [200, 100, 50] and max(given[3:]) <= 60
    np.testing.assert_array_equal(found.alpha, whole.alpha)
    np.testing.assert_allclose(found.r, whole.r, atol=1e-6)
    assert "bytes of predictions at a time (MemoryError): going on with" in caplog.text


@pytest.mark.parametrize(
    ("module", "name", "most", "width"),
    [
        (groups, "stack_listeners", 2, lambda stories, subjects: len(subjects)),
        (ridge, "encode", 80, lambda features, targets, *_: targets.shape[1]),
    ],
)
def test_fewer_listeners_at_a_time(
    group: Callable[[], Group],
    read: xr.Dataset,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    module: ModuleType,
    name: str,
    most: int,
    width: Callable[..., int],
) -> None:
    """Where their BOLD does not fit, or what is computed beside it.

    Scores of variants, which are sums in part, are those of all together.
    """
    caplog.set_level(logging.WARNING, logger="engram")
    whole = variant_scoring.score_variants([read], group())
    given = tight(monkeypatch, module, name, most, width)
    found = variant_scoring.score_variants([read], group())
    assert len(given) > 2
    for value in ("r", "r_layer", "r_kind"):
        np.testing.assert_allclose(found[value].values, whole[value].values, atol=1e-6)
    assert (
        "memory ran out with 5 listeners at a time (MemoryError): going on with 2." in caplog.text
    )


def test_one_listener_that_does_not_fit_ends_the_scoring(
    group: Callable[[], Group], read: xr.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    tight(monkeypatch, ridge, "encode", 39, lambda features, targets, *_: targets.shape[1])
    with pytest.raises(
        OutOfMemoryError, match=r"with 1 listeners at a time .* \(bold.targets: roi\)"
    ):
        variant_scoring.score_variants([read], group())
