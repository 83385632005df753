"""Groups of listeners: opened with checks, and scored part by part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from engram.encoding import memory
from engram.encoding.group import Group, check_words
from engram.encoding.read_ahead import ReadAhead
from engram.encoding.story_data import StoryData
from engram.errors import EngramError

ALPHAS = [10.0**power for power in range(-1, 9)]


def test_listeners_in_parts_score_as_together(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    times, subjects = np.arange(80) * 1.5, ["1", "2", "3"]
    bold = xr.DataArray(
        rng.standard_normal((3, 80, 4)).astype(np.float32),
        dims=("subject", "time", "target"),
        coords={"subject": subjects},
    )
    story = StoryData("s", 1.5, np.sort(rng.uniform(0, 110, 200)), times, bold, {})
    vectors = rng.standard_normal((200, 5)).astype(np.float32)
    options: dict[str, Any] = {
        "longest_delay": 6.0,
        "delays": None,
        "folds": 3,
        "inner_folds": 3,
        "alphas": ALPHAS,
        "alpha_by": "r",
        "backend": "torch",
    }

    def scores(at_once: int) -> list[np.ndarray]:
        monkeypatch.setattr(memory, "listeners_at_once", lambda *_: at_once)
        group = Group([story], subjects, words_to_trs="sum", **options)
        found: list[tuple[slice, np.ndarray]] = []
        group.each_part(
            5,
            1,
            lambda part: found.append(
                (part.listeners, group.by_listener(group.score_vectors(part, [vectors])))
            ),
        )
        assert [listeners for listeners, _ in found] == [
            slice(begin, min(begin + at_once, 3)) for begin in range(0, 3, at_once)
        ]
        return [values for _, values in found]

    (together,) = scores(3)
    np.testing.assert_allclose(np.concatenate(scores(2), axis=2), together, atol=1e-6)
    np.testing.assert_allclose(np.concatenate(scores(1), axis=2), together, atol=1e-6)


def test_activations_of_other_words_are_refused(tmp_path: Path) -> None:
    words = tmp_path / "words.tsv"
    words.write_text("word\tonset\toffset\none\t0.0\t0.4\ntwo\t0.5\t0.9\n")
    check_words("activations.nc", 2, str(words))
    with pytest.raises(EngramError, match=r"'activations.nc' has 3 words and '.*words.tsv' 2"):
        check_words("activations.nc", 3, str(words))


def test_what_is_announced_is_read_once_and_dropped_where_others_are_wanted() -> None:
    read: list[slice] = []

    def reader(listeners: slice) -> np.ndarray:
        read.append(listeners)
        return np.arange(10)[listeners]

    first, second, fewer = slice(0, 4), slice(4, 8), slice(4, 6)
    with ReadAhead(reader) as data:
        np.testing.assert_array_equal(data.take(first), np.arange(4))
        data.announce(second)
        np.testing.assert_array_equal(data.take(second), np.arange(4, 8))
        data.announce(second)
        np.testing.assert_array_equal(data.take(fewer), np.arange(4, 6))
        np.testing.assert_array_equal(data.take(second), np.arange(4, 8))
    assert read == [first, second, second, fewer, second]
