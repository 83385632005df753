"""The layer of a model that results are reported at."""

from __future__ import annotations


def reported_layer(depth: int, layer: int | None) -> int:
    """Return the layer to report for a model whose last layer is `depth`: fixed beforehand, never chosen by its score."""
    return min(layer, depth) if layer is not None else round(2 * depth / 3)
