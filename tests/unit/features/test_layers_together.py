"""Layers whose units stand side by side."""

from __future__ import annotations

import numpy as np
import pytest

from engram.errors import EngramError
from engram.features.vectors import to_dataset, together


def test_units_of_layers_stand_side_by_side_in_one_layer() -> None:
    vectors = np.random.default_rng(0).standard_normal((4, 7, 3)).astype(np.float32)
    found = together(to_dataset(vectors), [1, 3])
    assert dict(found.sizes) == {"layer": 1, "word": 7, "unit": 6}
    np.testing.assert_array_equal(found["activation"][0, :, :3], vectors[1])
    np.testing.assert_array_equal(found["activation"][0, :, 3:], vectors[3])
    whole = to_dataset(vectors)
    assert together(whole, None) is whole


def test_layers_that_a_model_has_not_are_refused() -> None:
    with pytest.raises(EngramError, match=r"\[1, 4\] has layers beyond 3"):
        together(to_dataset(np.zeros((4, 2, 3), dtype=np.float32)), [1, 4])
