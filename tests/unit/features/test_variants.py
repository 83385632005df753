"""Variants are collected one after the other, in one array."""

from __future__ import annotations

import weakref
from collections.abc import Iterator

import numpy as np

from engram.features import variants


def test_vectors_are_let_go_of_once_they_are_collected() -> None:
    """Also where the inserted words are a slice of them, of no words."""
    alive: list[weakref.ref[np.ndarray]] = []

    def made() -> Iterator[variants.Variant]:
        for number in range(4):
            assert all(one() is None for one in alive[:-1])  # the last one is still being read
            vectors = np.full((1, 5, 3), number, dtype=np.float32)
            alive.append(weakref.ref(vectors))
            yield f"text-{number}", vectors, vectors[:, :0], np.empty(0)

    found = variants.collect(made(), 4, ["text-0"], 0)
    assert found["reported"][:, 0, 0].values.tolist() == [0, 1, 2, 3]
    assert found["reported_inserted"].sizes["row"] == 0
    assert found["all_layers"].shape == (1, 1, 5, 3)
